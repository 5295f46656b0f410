/**
 * The outline of a Markdown text: which lines are a paragraph, a list, a table, code. Line by line, without looking
 * inside; what is inside is read when it is drawn. Total: every text has an outline.
 */

/**
 * @typedef {{ kind: 'paragraph', text: string }
 *   | { kind: 'heading', level: number, text: string }
 *   | { kind: 'code', language: string, text: string }
 *   | { kind: 'quote', lines: string[] }
 *   | { kind: 'list', ordered: boolean, start: number, tight: boolean, items: Item[] }
 *   | { kind: 'table', align: ('left' | 'center' | 'right' | '')[], head: string[], rows: string[][] }
 *   | { kind: 'rule' }} Shape
 * @typedef {{ lines: string[], done: boolean | undefined }} Item `done` is set for items with a box.
 * @typedef {Shape & { source: string }} Block `source` tells whether a block changed while the text grows.
 */

const fence = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const rule = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const marker = /^( {0,3})([-*+]|\d{1,9}[.)])(?: +|$)/;
const mostColumns = 40;

/**
 * @param {string} text
 * @returns {Block[]}
 */
export function outline(text) {
  return outlineOf(text.replace(/\r\n?/g, '\n').split('\n').map(untab));
}

/** @param {string} line */
const untab = (line) =>
  line.includes('\t') ? line.replace(/^[ \t]+/, (space) => space.replaceAll('\t', '    ')) : line;

/**
 * @param {readonly string[]} lines
 * @returns {Block[]}
 */
export function outlineOf(lines) {
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const { shape, end } = blockAt(lines, at);
    blocks.push({ ...shape, source: lines.slice(at, end).join('\n') });
    at = end;
  }
  return blocks;
}

/** @typedef {{ shape: Shape, end: number }} Found `end` is the line behind it, always further on. */

/**
 * @param {readonly string[]} lines
 * @param {number} at
 * @returns {Found}
 */
function blockAt(lines, at) {
  const line = lines[at] ?? '';
  const opened = fence.exec(line);
  if (opened) return code(lines, at, opened[1] ?? '', (opened[2] ?? '').trim());
  const heading = /^ {0,3}(#{1,6})(?= |$)/.exec(line);
  if (heading) {
    const text = line
      .slice(heading[0].length)
      .trim()
      .replace(/(?:^| )#+$/, '')
      .trim();
    return { shape: { kind: 'heading', level: heading[1]?.length ?? 1, text }, end: at + 1 };
  }
  if (rule.test(line)) return { shape: { kind: 'rule' }, end: at + 1 };
  if (isQuote(line)) return quote(lines, at);
  if (marker.test(line)) return list(lines, at);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

/** @param {string | undefined} line */
const isBlank = (line) => line === undefined || line.trim() === '';
/** @param {string} line */
const isQuote = (line) => /^ {0,3}>/.test(line);
/** @param {string | undefined} line */
const indentOf = (line) => (line === undefined ? 0 : line.length - line.trimStart().length);

/** @param {readonly string[]} lines @param {number} at @param {string} ticks @param {string} info @returns {Found} */
function code(lines, at, ticks, info) {
  const indent = indentOf(lines[at]);
  let end = at + 1;
  /** @type {string[]} */
  const inner = [];
  for (; end < lines.length; end += 1) {
    const line = lines[end] ?? '';
    const trimmed = line.trim();
    // An answer that is still being written ends inside its code.
    if (trimmed.length >= ticks.length && trimmed === ticks.charAt(0).repeat(trimmed.length)) {
      end += 1;
      break;
    }
    inner.push(line.slice(Math.min(indent, indentOf(line))));
  }
  const language = /^[\w+#.-]{1,30}/.exec(info)?.[0] ?? '';
  return { shape: { kind: 'code', language, text: inner.join('\n') }, end };
}

/** @param {readonly string[]} lines @param {number} at @returns {Found} */
function quote(lines, at) {
  let end = at;
  while (end < lines.length && isQuote(lines[end] ?? '')) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ''));
  return { shape: { kind: 'quote', lines: inner }, end };
}

/** @param {readonly string[]} lines @param {number} at @returns {Found} */
function list(lines, at) {
  const first = marker.exec(lines[at] ?? '');
  const kind = first?.[2]?.at(-1) ?? '-';
  const base = first?.[1]?.length ?? 0;
  const number = Number.parseInt(first?.[2] ?? '', 10);
  /** @type {Item[]} */
  const items = [];
  let tight = true;
  let end = at;
  while (end < lines.length) {
    const line = lines[end] ?? '';
    const found = marker.exec(line);
    if (found === null || found[2]?.at(-1) !== kind || (found[1]?.length ?? 0) > base + 1 || rule.test(line))
      break;
    const item = itemAt(lines, end, found[0].length, base);
    items.push(item.item);
    const next = skipBlank(lines, item.end);
    const goesOn = marker.exec(lines[next] ?? '')?.[2]?.at(-1) === kind;
    if (item.loose || (next > item.end && goesOn)) tight = false;
    end = goesOn ? next : item.end;
  }
  const ordered = Number.isFinite(number);
  return { shape: { kind: 'list', ordered, start: ordered ? number : 1, tight, items }, end };
}

/**
 * One item with everything that is indented below it. Two columns are enough: models seldom count better.
 * @param {readonly string[]} lines
 * @param {number} at
 * @param {number} width Of the marker with its spaces.
 * @param {number} base Indent of the list.
 */
function itemAt(lines, at, width, base) {
  const inner = [(lines[at] ?? '').slice(width)];
  let loose = false;
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end] ?? '';
    if (isBlank(line)) {
      const next = skipBlank(lines, end);
      if (next >= lines.length || indentOf(lines[next]) < base + 2) break;
      loose ||= !marker.test((lines[next] ?? '').trimStart());
      inner.push('');
      continue;
    }
    const indented = indentOf(line) >= base + 2;
    if (!indented && (startsBlock(line) || isBlank(lines[end - 1]))) break;
    inner.push(line.slice(Math.min(indentOf(line), width)));
  }
  const box = /^\[([ xX])\] /.exec(inner[0] ?? '');
  if (box) inner[0] = (inner[0] ?? '').slice(4);
  return { item: { lines: inner, done: box ? box[1] !== ' ' : undefined }, loose, end };
}

/** @param {readonly string[]} lines @param {number} at */
function skipBlank(lines, at) {
  let next = at;
  while (next < lines.length && isBlank(lines[next])) next += 1;
  return next;
}

/** @param {readonly string[]} lines @param {number} at */
function isTable(lines, at) {
  const below = lines[at + 1] ?? '';
  return (
    (lines[at] ?? '').includes('|') && below.includes('-') && below.includes('|') && /^[\s|:-]+$/.test(below)
  );
}

/** @param {readonly string[]} lines @param {number} at @returns {Found} */
function table(lines, at) {
  const head = cells(lines[at] ?? '');
  const align = cells(lines[at + 1] ?? '').map((cell) => {
    if (!cell.endsWith(':')) return cell.startsWith(':') ? 'left' : '';
    return cell.startsWith(':') ? 'center' : 'right';
  });
  let end = at + 2;
  /** @type {string[][]} */
  const rows = [];
  for (; end < lines.length && (lines[end] ?? '').includes('|') && !isBlank(lines[end]); end += 1) {
    const row = cells(lines[end] ?? '').slice(0, head.length);
    rows.push([...row, ...Array.from({ length: head.length - row.length }, () => '')]);
  }
  return { shape: { kind: 'table', align, head, rows }, end };
}

/** @param {string} line */
function cells(line) {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/, mostColumns).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** @param {readonly string[]} lines @param {number} at @returns {Found} */
function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !isBlank(lines[end]) && !startsBlock(lines[end] ?? '') && !isTable(lines, end))
    end += 1;
  const text = lines
    .slice(at, end)
    .map((line) => line.trimStart())
    .join('\n')
    .trimEnd();
  return { shape: { kind: 'paragraph', text }, end };
}

/** What ends a paragraph; a number alone in a sentence does not. @param {string} line */
function startsBlock(line) {
  return (
    fence.test(line) ||
    /^ {0,3}#{1,6} /.test(line) ||
    rule.test(line) ||
    isQuote(line) ||
    /^ {0,3}(?:[-*+] +\S|\d{1,9}[.)] +\S)/.test(line)
  );
}
