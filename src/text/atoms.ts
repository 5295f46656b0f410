/**
 * A tree taken apart into the smallest pieces worth keeping whole, and put together again from any run of them.
 * The splitter only ever cuts between atoms, or inside one that is too long by itself.
 */
import type { Block, Doc, Inline } from './dialect.ts';
import { inlineText, marker } from './tree.ts';

type ListBlock = Extract<Block, { kind: 'list' }>;
type Table = Extract<Block, { kind: 'table' }>;
type Leaf = Exclude<Block, { kind: 'list' | 'quote' }>;

/** One container around an atom, outermost first. Compared by identity. */
type Step =
  | { readonly kind: 'quote' }
  /** `first` = seq of the atom that opens the item: without it the item is a continuation and has no marker. */
  | { readonly kind: 'item'; readonly list: ListBlock; readonly index: number; readonly first: number };

/** How good a cut after an atom is. */
export const Cut = { none: 0, word: 1, sentence: 2, line: 3, item: 4, block: 5 } as const;

export interface Atom {
  /** Position in the whole; -1 for the rest of an atom that was cut. */
  readonly seq: number;
  readonly path: readonly Step[];
  /** The block it belongs to; undefined for an empty list item. */
  readonly leaf: Leaf | undefined;
  /** Inline nodes around it, outermost first, compared by identity. */
  readonly wraps: readonly Inline[];
  readonly body:
    | { readonly kind: 'inline'; readonly node: Inline }
    | { readonly kind: 'line'; readonly text: string }
    | { readonly kind: 'row'; readonly row: Table['rows'][number] }
    | { readonly kind: 'whole' };
  /** Rough rendered length, only to aim with. */
  readonly size: number;
  readonly cut: number;
}

/** Words with the spaces or the CJK punctuation behind them. */
const WORDS = /[^\s。！？；，、]+[\s。！？；，、]*|[\s。！？；，、]+/g;
const SENTENCE_END = /(?:[.!?…:]["')\]]*\s+|[。！？]\s*)$/;

export function toAtoms(doc: Doc): Atom[] {
  const out: Atom[] = [];
  blocksToAtoms(doc.blocks, [], out);
  return out;
}

function blocksToAtoms(blocks: readonly Block[], path: readonly Step[], out: Atom[]): void {
  for (const block of blocks) {
    switch (block.kind) {
      case 'quote':
        blocksToAtoms(block.children, [...path, { kind: 'quote' }], out);
        break;
      case 'list':
        block.items.forEach((item, index) => {
          const inner: Step[] = [...path, { kind: 'item', list: block, index, first: out.length }];
          const before = out.length;
          blocksToAtoms(item, inner, out);
          if (out.length === before) push(out, inner, undefined, [], { kind: 'whole' }, 2, Cut.item);
        });
        break;
      default:
        leafToAtoms(block, path, out);
        settle(block, path, out);
    }
  }
}

/** The end of a block is the better place to cut, except after a heading, which stays with its text. */
function settle(leaf: Leaf, path: readonly Step[], out: Atom[]): void {
  const last = out.at(-1);
  if (last?.leaf !== leaf) return;
  const cut = isTitle(leaf) ? Cut.none : path.length > 0 ? Cut.item : Cut.block;
  out[out.length - 1] = { ...last, cut, size: last.size + 2 };
}

/** Headings arrive lowered to one bold line as often as not. */
function isTitle(leaf: Leaf): boolean {
  if (leaf.kind === 'heading') return true;
  return leaf.kind === 'paragraph' && leaf.children.length === 1 && leaf.children[0]?.kind === 'bold';
}

function leafToAtoms(leaf: Leaf, path: readonly Step[], out: Atom[]): void {
  switch (leaf.kind) {
    case 'paragraph':
    case 'heading':
      inlinesToAtoms(leaf.children, leaf, path, [], out);
      break;
    case 'fence':
      for (const line of leaf.text.split('\n')) {
        push(out, path, leaf, [], { kind: 'line', text: line }, line.length + 1, Cut.line);
      }
      break;
    case 'rule':
      push(out, path, leaf, [], { kind: 'whole' }, 3, Cut.block);
      break;
    case 'table':
      if (leaf.rows.length === 0) push(out, path, leaf, [], { kind: 'whole' }, 3, Cut.block);
      for (const row of leaf.rows) {
        const size = row.reduce((sum, cell) => sum + inlineText(cell).length + 3, 1);
        push(out, path, leaf, [], { kind: 'row', row }, size, Cut.line);
      }
  }
}

function inlinesToAtoms(
  nodes: readonly Inline[],
  leaf: Leaf,
  path: readonly Step[],
  wraps: readonly Inline[],
  out: Atom[],
): void {
  const add = (node: Inline, size: number, cut: number) =>
    push(out, path, leaf, wraps, { kind: 'inline', node }, size, cut);
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        for (const [word] of node.text.matchAll(WORDS)) {
          const cut = SENTENCE_END.test(word) ? Cut.sentence : /\s$/.test(word) ? Cut.word : Cut.none;
          add({ kind: 'text', text: word }, word.length, cut);
        }
        break;
      case 'break':
        add(node, 1, Cut.line);
        break;
      case 'code':
        add(node, node.text.length + 2, Cut.none);
        break;
      case 'link':
        add(node, inlineText(node.children).length + node.url.length + 4, Cut.none);
        break;
      case 'image':
        add(node, node.alt.length + node.url.length + 4, Cut.none);
        break;
      default:
        inlinesToAtoms(node.children, leaf, path, [...wraps, node], out);
    }
  }
}

function push(
  out: Atom[],
  path: readonly Step[],
  leaf: Leaf | undefined,
  wraps: readonly Inline[],
  body: Atom['body'],
  size: number,
  cut: number,
): void {
  out.push({ seq: out.length, path, leaf, wraps, body, size, cut });
}

/**
 * For an atom that fits nowhere as it is: links and images become their label, a table row becomes text, marks
 * and containers go; the numbers of list items stay as text. Undefined when nothing can be given up any more.
 */
export function simplify(atom: Atom): readonly Atom[] | undefined {
  const { body } = atom;
  if (body.kind === 'inline' && (body.node.kind === 'link' || body.node.kind === 'image')) {
    return [asText(atom, inlineText([body.node]))];
  }
  if (body.kind === 'row') {
    const cells = body.row.map((cell) => inlineText(cell)).filter((cell) => cell !== '');
    return [{ ...asText(atom, cells.join(' • ')), leaf: { kind: 'paragraph', children: [] } }];
  }
  if (atom.wraps.length === 0 && atom.path.length === 0) return undefined;
  const bare: Atom = { ...atom, seq: -1, wraps: [], path: [] };
  const markers = atom.path.flatMap((step) =>
    step.kind === 'item' && step.first === atom.seq ? [marker(step.list, step.index)] : [],
  );
  const out: Atom[] = [];
  if (markers.length > 0) {
    const line = asText(bare, markers.join(' '));
    out.push({ ...line, leaf: { kind: 'paragraph', children: [] }, cut: Cut.line });
  }
  if (atom.leaf !== undefined) out.push(bare);
  return out;
}

function asText(atom: Atom, text: string): Atom {
  return { ...atom, body: { kind: 'inline', node: { kind: 'text', text } }, size: text.length };
}

/** The text of an atom that may be cut anywhere. */
export function cuttable(atom: Atom): string | undefined {
  if (atom.body.kind === 'line') return atom.body.text;
  if (atom.body.kind === 'inline' && 'text' in atom.body.node) return atom.body.node.text;
  return undefined;
}

/** The same atom with other text, e.g. one of its halves; `rest` marks the second half. */
export function withText(atom: Atom, text: string, rest: boolean): Atom {
  const { body } = atom;
  const next: Atom['body'] =
    body.kind === 'inline' && 'text' in body.node
      ? { kind: 'inline', node: { kind: body.node.kind, text } }
      : { kind: 'line', text };
  return { ...atom, seq: rest ? -1 : atom.seq, body: next, size: text.length };
}

export function fromAtoms(atoms: readonly Atom[]): Doc {
  return { blocks: group(atoms, 0) };
}

function group(atoms: readonly Atom[], depth: number): Block[] {
  const out: Block[] = [];
  for (const run of runs(atoms, (atom) => containerAt(atom, depth))) {
    const step = run[0]!.path[depth];
    if (step === undefined) out.push(...leafFrom(run));
    else if (step.kind === 'quote') out.push({ kind: 'quote', children: group(run, depth + 1) });
    else out.push(...listFrom(step.list, run, depth));
  }
  return out;
}

function containerAt(atom: Atom, depth: number): object | undefined {
  const step = atom.path[depth];
  return step === undefined ? atom.leaf : step.kind === 'item' ? step.list : step;
}

function listFrom(list: ListBlock, atoms: readonly Atom[], depth: number): Block[] {
  const out: Block[] = [];
  const items: (readonly Block[])[] = [];
  let start = list.start;
  for (const run of runs(atoms, (atom) => atom.path[depth])) {
    const step = run[0]!.path[depth] as Extract<Step, { kind: 'item' }>;
    const blocks = group(run, depth + 1);
    if (run[0]!.seq === step.first) {
      if (items.length === 0) start = list.start + step.index;
      items.push(blocks);
    } else out.push(...blocks);
  }
  if (items.length > 0) out.push({ ...list, start, items });
  return out;
}

function leafFrom(atoms: readonly Atom[]): Block[] {
  const leaf = atoms[0]!.leaf;
  if (leaf === undefined) return [];
  switch (leaf.kind) {
    case 'rule':
      return [leaf];
    case 'fence':
      return [
        { ...leaf, text: atoms.map((atom) => (atom.body.kind === 'line' ? atom.body.text : '')).join('\n') },
      ];
    case 'table':
      return [{ ...leaf, rows: atoms.flatMap((atom) => (atom.body.kind === 'row' ? [atom.body.row] : [])) }];
    case 'paragraph':
    case 'heading':
      return [{ ...leaf, children: inlinesFrom(trim(atoms), 0) }];
  }
}

/** Line breaks at the edge of a piece have done their work. */
function trim(atoms: readonly Atom[]): readonly Atom[] {
  const isBreak = (atom: Atom | undefined) => atom?.body.kind === 'inline' && atom.body.node.kind === 'break';
  let from = 0;
  let to = atoms.length;
  while (from < to && isBreak(atoms[from])) from++;
  while (to > from && isBreak(atoms[to - 1])) to--;
  return from === 0 && to === atoms.length ? atoms : atoms.slice(from, to);
}

function inlinesFrom(atoms: readonly Atom[], depth: number): Inline[] {
  const out: Inline[] = [];
  for (const run of runs(atoms, (atom) => atom.wraps[depth])) {
    const wrap = run[0]!.wraps[depth];
    if (wrap !== undefined && 'children' in wrap) {
      out.push({ ...wrap, children: inlinesFrom(run, depth + 1) });
    } else joinWords(run, out);
  }
  return out;
}

function joinWords(atoms: readonly Atom[], out: Inline[]): void {
  let text = '';
  for (const { body } of atoms) {
    if (body.kind !== 'inline') continue;
    if (body.node.kind === 'text') {
      text += body.node.text;
      continue;
    }
    if (text !== '') out.push({ kind: 'text', text });
    text = '';
    out.push(body.node);
  }
  if (text !== '') out.push({ kind: 'text', text });
}

/** Neighbours with the same key, in order. */
function runs(atoms: readonly Atom[], key: (atom: Atom) => object | undefined): Atom[][] {
  const out: Atom[][] = [];
  let last: object | undefined;
  for (const atom of atoms) {
    const now = key(atom);
    const run = out.at(-1);
    if (run !== undefined && now === last) run.push(atom);
    else out.push([atom]);
    last = now;
  }
  return out;
}
