/**
 * Shared fallbacks: what a dialect cannot show becomes something it can. `native` and `approximate` leave marks
 * to the dialect; for headings, tables and images they mean:
 *
 * | node    | native | approximate      | strip                        |
 * |---------|--------|------------------|------------------------------|
 * | heading | kept   | bold line        | bold line                    |
 * | table   | kept   | aligned fence    | one bold-led list per row    |
 * | image   | kept   | link             | link                         |
 */
import type { Block, Dialect, Doc, Inline } from './dialect.ts';
import { inlineText, isBareLink } from './tree.ts';

type Supports = Dialect['supports'];
type Table = Extract<Block, { kind: 'table' }>;

export function lower(doc: Doc, supports: Supports): Doc {
  return { blocks: lowerBlocks(doc.blocks, supports) };
}

function lowerBlocks(blocks: readonly Block[], supports: Supports): Block[] {
  return blocks.flatMap((block) => lowerBlock(block, supports));
}

function lowerBlock(block: Block, supports: Supports): readonly Block[] {
  switch (block.kind) {
    case 'rule':
      return [block];
    case 'paragraph':
      return [{ kind: 'paragraph', children: lowerInlines(block.children, supports) }];
    case 'heading': {
      if (supports.heading === 'native')
        return [{ ...block, children: lowerInlines(block.children, supports) }];
      return [{ kind: 'paragraph', children: lowerInlines(headingLine(block.children), supports) }];
    }
    case 'fence':
      return [supports.fence === 'strip' ? { kind: 'paragraph', children: lines(block.text) } : block];
    case 'table':
      return lowerTable(block, supports);
    case 'list':
      return [{ ...block, items: block.items.map((item) => lowerBlocks(item, supports)) }];
    case 'quote': {
      const children = lowerBlocks(block.children, supports);
      return supports.quote === 'strip' ? children.map(quoteLines) : [{ kind: 'quote', children }];
    }
  }
}

function lowerTable(table: Table, supports: Supports): readonly Block[] {
  switch (supports.table) {
    case 'native':
      return [
        {
          kind: 'table',
          header: table.header.map((cell) => lowerInlines(cell, supports)),
          rows: table.rows.map((row) => row.map((cell) => lowerInlines(cell, supports))),
        },
      ];
    case 'approximate':
      return lowerBlock({ kind: 'fence', lang: '', text: alignTable(table) }, supports);
    case 'strip':
      return lowerBlocks(tableRows(table), supports);
  }
}

function lowerInlines(nodes: readonly Inline[], supports: Supports): Inline[] {
  return nodes.flatMap((node): readonly Inline[] => {
    switch (node.kind) {
      case 'text':
      case 'break':
        return [node];
      case 'code':
        return [supports.code === 'strip' ? { kind: 'text', text: node.text } : node];
      case 'image':
        return supports.image === 'native' ? [node] : lowerInlines([imageLink(node)], supports);
      case 'link': {
        const children = lowerInlines(node.children, supports);
        if (supports.link !== 'strip') return [{ ...node, children }];
        if (isBareLink(node.url, inlineText(children))) return children;
        return [...children, { kind: 'text', text: ` (${node.url})` }];
      }
      default: {
        const children = lowerInlines(node.children, supports);
        return supports[node.kind] === 'strip' ? children : [{ ...node, children }];
      }
    }
  });
}

/** A heading is one bold line; marks inside it would end the bold. */
export function headingLine(children: readonly Inline[]): readonly Inline[] {
  return [{ kind: 'bold', children }];
}

/** Media is delivered separately; in the text an image is a link to it. */
export function imageLink(image: Extract<Inline, { kind: 'image' }>): Inline {
  return { kind: 'link', url: image.url, children: [{ kind: 'text', text: image.alt || image.url }] };
}

/** One paragraph per row: the first cell in bold, then `• Header: value` lines. */
export function tableRows(table: Table): readonly Block[] {
  const rows = table.rows.length > 0 ? table.rows : [table.header];
  return rows.flatMap((row): Block[] => {
    const children: Inline[] = [];
    const line = (...nodes: readonly Inline[]) => {
      if (children.length > 0) children.push({ kind: 'break' });
      children.push(...nodes);
    };
    row.forEach((cell, column) => {
      const header = table.header[column] ?? [];
      if (inlineText(cell).trim() === '') return;
      if (column === 0) line({ kind: 'bold', children: cell });
      else if (row === table.header || inlineText(header).trim() === '') line(text('• '), ...cell);
      else line(text('• '), ...header, text(': '), ...cell);
    });
    return children.length > 0 ? [{ kind: 'paragraph', children }] : [];
  });
}

/** The table's own pipes, padded so that columns line up in a fixed-width font. */
function alignTable(table: Table): string {
  const cells = [table.header, ...table.rows].map((row) =>
    table.header.map((_, column) => inlineText(row[column] ?? []).replace(/\s+/g, ' ')),
  );
  const widths = table.header.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, columns(row[column] ?? '')), 1),
  );
  const draw = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - columns(cell))).join(' | ')} |`;
  const [header = [], ...body] = cells;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [draw(header), rule, ...body.map(draw)].join('\n');
}

/** Cells of a fixed-width font: wide East Asian characters and emoji take two, combining marks none. */
function columns(value: string): number {
  let width = 0;
  for (const char of value) {
    if (/\p{M}|\u200d|\ufe0f/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}

function quoteLines(block: Block): Block {
  const mark = (children: readonly Inline[]): Inline[] => [
    text('> '),
    ...children.flatMap((node) => (node.kind === 'break' ? [node, text('> ')] : [node])),
  ];
  switch (block.kind) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: mark(block.children) };
    case 'list':
      return { ...block, items: block.items.map((item) => item.map(quoteLines)) };
    default:
      return block;
  }
}

function lines(value: string): Inline[] {
  return value.split('\n').flatMap((line, at) => (at === 0 ? [text(line)] : [{ kind: 'break' }, text(line)]));
}

function text(value: string): Inline {
  return { kind: 'text', text: value };
}
