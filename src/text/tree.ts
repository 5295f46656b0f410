/** Small operations on the Markdown tree that parser, fallbacks, splitter and dialects share. */
import type { Block, Inline } from './dialect.ts';

type Wrapper = Extract<Inline, { kind: 'bold' | 'italic' | 'strike' | 'spoiler' }>;
export type Mark = Wrapper['kind'];

export function isMark(node: Inline): node is Wrapper {
  return node.kind === 'bold' || node.kind === 'italic' || node.kind === 'strike' || node.kind === 'spoiler';
}

/** What a reader sees of an inline sequence; breaks are `\n`. */
export function inlineText(nodes: readonly Inline[]): string {
  let out = '';
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
      case 'code':
        out += node.text;
        break;
      case 'break':
        out += '\n';
        break;
      case 'image':
        out += node.alt || node.url;
        break;
      default:
        out += inlineText(node.children);
    }
  }
  return out;
}

/** What stands before an item: its number or the source's own bullet. */
export function marker(list: Extract<Block, { kind: 'list' }>, index: number): string {
  return list.ordered ? `${list.start + index}.` : list.bullet;
}

/** A link whose label is its own address: every client makes it clickable without markup. */
export function isBareLink(url: string, label: string): boolean {
  return url === label || url === `http://${label}` || url === `mailto:${label}`;
}

/**
 * Normal form, on which dialects may rely: no mark inside itself, no link inside a link, no two equal marks or
 * texts side by side, no mark around nothing.
 */
export function tidy(nodes: readonly Inline[], inside: readonly (Mark | 'link')[] = []): readonly Inline[] {
  if (isTidy(nodes, inside)) return nodes;
  const flat: Inline[] = [];
  for (const node of nodes) unwrap(node, inside, flat);
  const out: Inline[] = [];
  for (let at = 0; at < flat.length; ) {
    const node = flat[at]!;
    let end = at + 1;
    if (node.kind === 'text' || isMark(node)) while (flat[end]?.kind === node.kind) end++;
    const group = flat.slice(at, end);
    at = end;
    if (node.kind === 'text') out.push({ kind: 'text', text: inlineText(group) });
    else if (isMark(node) || node.kind === 'link') {
      const children = group.flatMap((one) => ('children' in one ? one.children : []));
      out.push({ ...node, children: tidy(children, [...inside, node.kind]) });
    } else out.push(node);
  }
  return out;
}

/** Splitting lays every piece out several times, and nearly always it is tidy already. */
function isTidy(nodes: readonly Inline[], inside: readonly (Mark | 'link')[]): boolean {
  let last: Inline['kind'] = 'break';
  for (const node of nodes) {
    if (node.kind === last && (node.kind === 'text' || isMark(node))) return false;
    last = node.kind;
    if ('children' in node) {
      if (inside.includes(node.kind) || (node.kind !== 'link' && isBlank(node.children))) return false;
      if (node.children.length === 1 && node.children[0]!.kind === 'text') continue;
      if (!isTidy(node.children, [...inside, node.kind])) return false;
    } else if ('text' in node && node.text === '') return false;
  }
  return true;
}

function isBlank(nodes: readonly Inline[]): boolean {
  return !nodes.some((node) => /\S/.test(inlineText([node])));
}

/** Drops wrappers that say nothing new or hold nothing; their children stay. */
function unwrap(node: Inline, inside: readonly (Mark | 'link')[], out: Inline[]): void {
  if ('children' in node) {
    const idle = inside.includes(node.kind) || (node.kind !== 'link' && isBlank(node.children));
    if (!idle) out.push(node);
    else for (const child of node.children) unwrap(child, inside, out);
  } else if (!('text' in node) || node.text !== '') out.push(node);
}
