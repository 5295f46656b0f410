/**
 * The line layout that all text dialects share: list markers and indentation, quote prefixes, blank lines between
 * blocks. A dialect gives only its markup. Nodes a dialect does not mark (headings, tables, images) fall back as
 * in lower.ts, so that laying out is total for any tree.
 */
import type { Block, Doc, Inline } from './dialect.ts';
import { headingLine, imageLink, tableRows } from './lower.ts';
import { inlineText, type Mark, marker, tidy } from './tree.ts';

export interface Markup {
  /** Escapes one run of text without newlines. */
  text(value: string): string;
  mark(kind: Mark, inner: string): string;
  code(value: string): string;
  /** `inner` is the label, already in the dialect's markup; `label` is what the reader sees of it. */
  link(url: string, inner: string, label: string): string;
  /** May end with a newline of its own; starts at the beginning of a line. */
  fence(lang: string, text: string): string;
  /** Put before every line of a quote. */
  readonly quote: string;
  readonly rule: string;
}

export function layout(doc: Doc, markup: Markup): string {
  return stack(doc.blocks, '\n\n', markup);
}

function stack(blocks: readonly Block[], gap: string, markup: Markup): string {
  let out = '';
  for (const block of blocks) {
    const text = draw(block, markup);
    if (text !== '') out += out === '' ? text : gap + text;
  }
  return out;
}

function draw(block: Block, markup: Markup): string {
  switch (block.kind) {
    case 'paragraph':
      return inlines(block.children, markup);
    case 'heading':
      return inlines(headingLine(block.children), markup);
    case 'fence':
      return markup.fence(block.lang, block.text);
    case 'rule':
      return markup.rule;
    case 'table':
      return stack(tableRows(block), '\n\n', markup);
    case 'list':
      return list(block, markup);
    case 'quote':
      return quote(block.children, markup);
  }
}

function inlines(nodes: readonly Inline[], markup: Markup): string {
  return run(tidy(nodes), markup);
}

function run(nodes: readonly Inline[], markup: Markup): string {
  let out = '';
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        out += markup.text(node.text);
        break;
      case 'code':
        out += markup.code(node.text);
        break;
      case 'break':
        out += '\n';
        break;
      case 'link':
        out += markup.link(node.url, run(node.children, markup), inlineText(node.children));
        break;
      case 'image':
        out += run([imageLink(node)], markup);
        break;
      default:
        out += markup.mark(node.kind, run(node.children, markup));
    }
  }
  return out;
}

/** Items are one line apart; what follows an item's first line is indented below its text. */
function list(block: Extract<Block, { kind: 'list' }>, markup: Markup): string {
  return block.items
    .map((item, index) => {
      const lead = `${marker(block, index)} `;
      const indent = ' '.repeat(lead.length);
      const [first, ...rest] = item;
      const lines = [markup.text(lead)];
      const add = (child: Block | undefined, continued: boolean) => {
        if (child === undefined) return;
        const text = draw(child, markup);
        if (text === '') return;
        if (startsLine(child)) lines.push(`\n${text}`);
        else if (holdsLines(child)) lines.push(`${continued ? `\n${indent}` : ''}${text}`);
        else lines.push(`${continued ? `\n${indent}` : ''}${text.replaceAll('\n', `\n${indent}`)}`);
      };
      add(first, false);
      for (const child of rest) add(child, true);
      return lines.join('');
    })
    .join('\n');
}

/** Fences and quotes are only markup at the very beginning of a line, and what is put before it is content. */
function startsLine(block: Block): boolean {
  return block.kind === 'fence' || block.kind === 'quote';
}

function holdsLines(block: Block): boolean {
  return (
    block.kind === 'list' &&
    block.items.some((item) => item.some((one) => startsLine(one) || holdsLines(one)))
  );
}

/** Nested quotes become one: no chat network nests them. What needs lines of its own stands outside, in between. */
function quote(children: readonly Block[], markup: Markup): string {
  const parts: string[] = [];
  let lines: string[] = [];
  const flush = () => {
    if (lines.length > 0) parts.push(lines.join('\n'));
    lines = [];
  };
  for (const child of flatten(children)) {
    const text = draw(child, markup);
    if (text === '') continue;
    if (startsLine(child) || holdsLines(child)) {
      flush();
      parts.push(text);
      continue;
    }
    if (lines.length > 0) lines.push(markup.quote.trimEnd());
    for (const line of text.split('\n')) lines.push(`${markup.quote}${line}`);
  }
  flush();
  return parts.join('\n');
}

function flatten(blocks: readonly Block[]): Block[] {
  return blocks.flatMap((block) => (block.kind === 'quote' ? flatten(block.children) : [block]));
}
