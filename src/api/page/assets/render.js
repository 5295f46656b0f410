/** Markdown → DOM. Nodes are made one by one; no text of a model is ever read as markup. */
import { copyButton, make } from './dom.js';
import { inline } from './inline.js';
import { outline, outlineOf } from './markdown.js';

const deepest = 10;

/** A text that grows: blocks that did not change keep their nodes, so a long answer costs what is new in it. */
export class MarkdownView {
  /** @type {{ source: string, node: Node }[]} */
  #drawn = [];

  constructor() {
    this.element = make('div', { class: 'markdown', dir: 'auto' });
  }

  /** @param {string} text All of it, from the beginning. */
  show(text) {
    const blocks = outline(text);
    let same = 0;
    while (same < blocks.length && blocks[same]?.source === this.#drawn[same]?.source) same += 1;
    for (const { node } of this.#drawn.splice(same)) this.element.removeChild(node);
    for (const block of blocks.slice(same)) {
      const node = drawBlock(block, 0);
      this.#drawn.push({ source: block.source, node });
      this.element.append(node);
    }
  }
}

/**
 * @param {import('./markdown.js').Block} block
 * @param {number} depth
 * @returns {Node}
 */
function drawBlock(block, depth) {
  switch (block.kind) {
    case 'paragraph':
      return make('p', {}, ...draw(block.text));
    case 'heading':
      // The page's own headings are above: an answer begins at the third level.
      return make(headingTags[block.level - 1] ?? 'h6', {}, ...draw(block.text));
    case 'code':
      return drawCode(block.language, block.text);
    case 'quote':
      return make('blockquote', {}, ...drawLines(block.lines, depth));
    case 'list':
      return drawList(block, depth);
    case 'table':
      return drawTable(block);
    case 'rule':
      return make('hr');
  }
}

/** @type {readonly ('h3' | 'h4' | 'h5' | 'h6')[]} */
const headingTags = ['h3', 'h4', 'h5', 'h6', 'h6', 'h6'];

/**
 * @param {readonly string[]} lines
 * @param {number} depth
 * @returns {Node[]}
 */
function drawLines(lines, depth) {
  if (depth >= deepest) return [make('p', {}, lines.join('\n'))];
  return outlineOf(lines).map((block) => drawBlock(block, depth + 1));
}

/** @param {string} language @param {string} text */
function drawCode(language, text) {
  const copy = copyButton(() => text, 'Copy this code');
  const bar = make('div', { class: 'code-bar' }, make('span', {}, language === '' ? 'text' : language));
  if (copy !== undefined) bar.append(copy);
  // Scrolls sideways, so the keyboard must reach it.
  const code = make('pre', { tabindex: '0', dir: 'ltr' }, make('code', {}, text));
  return make('div', { class: 'code' }, bar, code);
}

/**
 * @param {Extract<import('./markdown.js').Block, { kind: 'list' }>} block
 * @param {number} depth
 */
function drawList({ ordered, start, tight, items }, depth) {
  const list = make(ordered ? 'ol' : 'ul', ordered && start !== 1 ? { start: String(start) } : {});
  for (const { lines, done } of items) {
    const nodes = drawLines(lines, depth);
    const first = nodes[0];
    const isPlain = tight && first instanceof HTMLParagraphElement;
    const item = make('li', {}, ...(isPlain ? [...first.childNodes, ...nodes.slice(1)] : nodes));
    if (done !== undefined) {
      item.className = 'task';
      item.prepend(
        make('span', { class: 'box', role: 'img', 'aria-label': done ? 'Done' : 'To do' }, done ? '☑' : '☐'),
        ' ',
      );
    }
    list.append(item);
  }
  return list;
}

/** @param {Extract<import('./markdown.js').Block, { kind: 'table' }>} block */
function drawTable({ align, head, rows }) {
  /** @param {string} text @param {number} column @param {'th' | 'td'} tag */
  const cell = (text, column, tag) => {
    const side = align[column] ?? '';
    const given = {
      ...(tag === 'th' ? { scope: 'col' } : {}),
      ...(side === '' ? {} : { class: `to-${side}` }),
    };
    return make(tag, given, ...draw(text));
  };
  const top = make('thead', {}, make('tr', {}, ...head.map((text, column) => cell(text, column, 'th'))));
  const body = rows.map((row) => make('tr', {}, ...row.map((text, column) => cell(text, column, 'td'))));
  const table = make('table', {}, top, make('tbody', {}, ...body));
  return make('div', { class: 'table', tabindex: '0' }, table);
}

/** @param {string} text */
const draw = (text) => inline(text).map(drawToken);

/**
 * @param {import('./inline.js').Token} token
 * @returns {Node}
 */
function drawToken(token) {
  switch (token.type) {
    case 'text':
      return document.createTextNode(token.text);
    case 'code':
      return make('code', {}, token.text);
    case 'break':
      return make('br');
    case 'strong':
    case 'em':
    case 'del':
      return make(token.type, {}, ...token.children.map(drawToken));
    case 'link':
      return link(token.href, ...token.children.map(drawToken));
    case 'image':
      // Loading it would tell its server that, when and from where the answer was read.
      return link(token.href, `🖼 ${token.alt === '' ? token.href : token.alt}`);
    case 'picture':
      return make('img', { src: token.source, alt: token.alt });
  }
}

/** @param {string} href @param {...(Node | string)} children */
function link(href, ...children) {
  // Where it leads is shown whatever its text says.
  return make('a', { href, title: href, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...children);
}
