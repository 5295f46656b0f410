/**
 * Markdown → tree, on marked's lexer (GFM). Total and bounded: any string gives a tree, nesting deeper than
 * `MAX_DEPTH` stays literal text, so neither stack nor time can be driven up by markers.
 *
 * Deliberate differences from GFM, because the source is a language model and the reader a chat:
 * HTML and reference definitions stay literal text (nothing the model wrote disappears), a newline is a line
 * break, strike needs two tildes, and `||x||` is a spoiler.
 */
import { Lexer, type MarkedOptions, Tokenizer, type Tokens, type TokensList } from 'marked';
import type { Block, Doc, Inline } from './dialect.ts';
import { tidy } from './tree.ts';

const MAX_DEPTH = 16;

type Token = Tokens.Generic;

/**
 * Characters that may be searched in vain for the end of an emphasis, per document. marked looks to the end of
 * the block for every opener, so a block of nothing but openers would cost the square of its length; past the
 * limit, openers are literal.
 */
const MAX_VAIN_SEARCH = 4_000_000;

class ChatTokenizer extends Tokenizer {
  vainSearch = 0;
  override html(): undefined {}
  override tag(): undefined {}
  override def(): undefined {}
  override reflink(): undefined {}
  override emStrong(
    src: string,
    maskedSrc: string,
    prevChar?: string,
  ): Tokens.Em | Tokens.Strong | undefined {
    if (this.vainSearch > MAX_VAIN_SEARCH) return undefined;
    const found = super.emStrong(src, maskedSrc, prevChar);
    if (!found && opens(src, prevChar)) this.vainSearch += src.length;
    return found;
  }
  /** marked's own rule looks for the `@` of an address from every character to the end of its word. */
  override inlineText(src: string): Tokens.Text {
    TEXT_END.lastIndex = /^(?:`+|~+)/.exec(src)?.[0].length ?? 1;
    const raw = src.slice(0, TEXT_END.exec(src)?.index ?? src.length);
    return { type: 'text', raw, text: raw, escaped: false };
  }
  override del(src: string, maskedSrc: string, prevChar?: string): Tokens.Del | undefined {
    return src.startsWith('~~') ? super.del(src, maskedSrc, prevChar) : undefined;
  }
}

/** Where running text may end: an inline marker, an address, a hard break. Addresses are bounded on purpose. */
const TEXT_END =
  /[\\<![`*~_]|https?:\/\/|ftp:\/\/|www\.| {2,8}\n|(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.+-]{1,64}@/gi;

/** The cheap refusals before any search: a spaced run, and an underscore inside a word. */
function opens(src: string, prevChar = ''): boolean {
  return /^(?:\*+[^\s*]|_+[^\s_])/.test(src) && !(src[0] === '_' && /[\p{L}\p{N}]/u.test(prevChar));
}

/** marked recurses through these two methods only, for blocks and for inlines. */
class BoundedLexer extends Lexer {
  #blocks = 0;
  #inlines = 0;
  override blockTokens(src: string, tokens?: Token[], lastParagraphClipped?: boolean): Token[];
  override blockTokens(src: string, tokens?: TokensList, lastParagraphClipped?: boolean): TokensList;
  override blockTokens(src: string, tokens: Token[] = [], clipped?: boolean): Token[] {
    if (this.#blocks >= MAX_DEPTH) {
      if (src.trim() !== '') tokens.push({ type: 'paragraph', raw: src, text: src, tokens: [literal(src)] });
      return tokens;
    }
    this.#blocks++;
    try {
      return super.blockTokens(src, tokens, clipped);
    } finally {
      this.#blocks--;
    }
  }
  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (this.#inlines >= MAX_DEPTH) {
      tokens.push(literal(src));
      return tokens;
    }
    this.#inlines++;
    try {
      return super.inlineTokens(src, tokens);
    } finally {
      this.#inlines--;
    }
  }
}

function literal(text: string): Token {
  return { type: 'escape', raw: text, text };
}

const gfm: MarkedOptions = { gfm: true, breaks: false, pedantic: false };

export function parse(markdown: string): Doc {
  const source = markdown.toWellFormed().replaceAll('\0', '\ufffd');
  try {
    return { blocks: toBlocks(new BoundedLexer({ ...gfm, tokenizer: new ChatTokenizer() }).lex(source)) };
  } catch {
    // marked throws when one of its rules does not advance; an answer must still reach its reader.
    return { blocks: [{ kind: 'paragraph', children: convert([literal(source)]) }] };
  }
}

function toBlocks(tokens: readonly Token[]): Block[] {
  const out: Block[] = [];
  for (const token of tokens) {
    const block = toBlock(token);
    if (block) out.push(block);
  }
  return out;
}

function toBlock(token: Token): Block | undefined {
  switch (token.type) {
    case 'space':
    case 'def':
    // A tight task's box stands before its first block, see toItem.
    case 'checkbox':
      return undefined;
    case 'heading':
      return { kind: 'heading', level: (token as Tokens.Heading).depth, children: toInlines(token.tokens) };
    case 'hr':
      return { kind: 'rule' };
    case 'code': {
      const code = token as Tokens.Code;
      return { kind: 'fence', lang: language(code.lang), text: code.text };
    }
    case 'blockquote':
      return { kind: 'quote', children: toBlocks(token.tokens ?? []) };
    case 'list':
      return toList(token as Tokens.List);
    case 'table': {
      const table = token as Tokens.Table;
      return {
        kind: 'table',
        header: table.header.map((cell) => toInlines(cell.tokens)),
        rows: table.rows.map((row) => row.map((cell) => toInlines(cell.tokens))),
      };
    }
    default: {
      const children = toInlines(token.tokens ?? [literal(token.raw)]);
      return children.length === 0 ? undefined : { kind: 'paragraph', children };
    }
  }
}

/** First word of the info string, when it can be a language name at all. */
function language(info: string | undefined): string {
  const word = info?.trim().split(/\s/, 1)[0] ?? '';
  return /^[\w+#.-]{1,32}$/.test(word) ? word : '';
}

function toList(list: Tokens.List): Block {
  const bullet = list.ordered ? '' : (/^\s*([-*+])/.exec(list.raw)?.[1] ?? '-');
  return {
    kind: 'list',
    ordered: list.ordered,
    start: typeof list.start === 'number' ? list.start : 1,
    bullet,
    items: list.items.map(toItem),
  };
}

function toItem(item: Tokens.ListItem): Block[] {
  const blocks = toBlocks(item.tokens);
  if (item.tokens[0]?.type !== 'checkbox') return blocks;
  const box = text(item.checked ? '☑ ' : '☐ ');
  const [first, ...rest] = blocks;
  return first?.kind === 'paragraph'
    ? [{ ...first, children: tidy([box, ...first.children]) }, ...rest]
    : [{ kind: 'paragraph', children: [box] }, ...blocks];
}

function toInlines(tokens: readonly Token[] | undefined): readonly Inline[] {
  return tidy(convert(tokens ?? []));
}

/** A `||` in running text, until it is paired. */
const BARS = Symbol('||');

function convert(tokens: readonly Token[]): Inline[] {
  const out: (Inline | typeof BARS)[] = [];
  for (const token of tokens) {
    switch (token.type) {
      case 'escape':
        pushText(token['text'], out);
        break;
      case 'codespan':
        out.push({ kind: 'code', text: token['text'] });
        break;
      case 'br':
        out.push({ kind: 'break' });
        break;
      case 'strong':
        out.push({ kind: 'bold', children: convert(token.tokens ?? []) });
        break;
      case 'em':
        out.push(toItalic(convert(token.tokens ?? [])));
        break;
      case 'del':
        out.push({ kind: 'strike', children: convert(token.tokens ?? []) });
        break;
      case 'link':
        out.push(...toLink(token as Tokens.Link));
        break;
      case 'image': {
        const { href, text } = token as Tokens.Image;
        if (isSafe(href)) out.push({ kind: 'image', url: href, alt: text });
        else pushText(text, out);
        break;
      }
      case 'checkbox':
        out.push({ kind: 'text', text: (token as Tokens.Checkbox).checked ? '☑ ' : '☐ ' });
        break;
      default: {
        if (token.tokens) {
          out.push(...convert(token.tokens));
          break;
        }
        const [first = '', ...rest] = String(token['text'] ?? token.raw).split('||');
        pushText(first, out);
        for (const piece of rest) {
          out.push(BARS);
          pushText(piece, out);
        }
      }
    }
  }
  return pairSpoilers(out);
}

/** `***x***` is bold around italic in every dialect, whichever way round the lexer nested it. */
function toItalic(children: readonly Inline[]): Inline {
  const [only, second] = children;
  return only?.kind === 'bold' && second === undefined
    ? { kind: 'bold', children: [{ kind: 'italic', children: only.children }] }
    : { kind: 'italic', children };
}

function toLink(token: Tokens.Link): readonly Inline[] {
  const children = token.autolink ? [text(token.text)] : convert(token.tokens);
  if (!isSafe(token.href)) return children;
  return [{ kind: 'link', url: token.href, children: children.length > 0 ? children : [text(token.href)] }];
}

/** Targets that run code or carry the document itself never become links. */
function isSafe(url: string): boolean {
  const scheme = url.replace(/[\s\p{Cc}]/gu, '').toLowerCase();
  return url !== '' && !/^(?:javascript|vbscript|data):/.test(scheme);
}

function text(value: string): Inline {
  return { kind: 'text', text: value };
}

function pushText(value: string, out: (Inline | typeof BARS)[]): void {
  const [first = '', ...rest] = value.split('\n');
  if (first !== '') out.push(text(first));
  for (const line of rest) {
    out.push({ kind: 'break' });
    if (line !== '') out.push(text(line));
  }
}

/** Pairs hug their content, so that the `||` of a program line (`a || b || c`) stays what it is. */
function pairSpoilers(nodes: readonly (Inline | typeof BARS)[]): Inline[] {
  const out: Inline[] = [];
  let open = -1;
  nodes.forEach((node, at) => {
    if (node !== BARS) {
      out.push(node);
      return;
    }
    if (open >= 0 && out.length > open + 1 && hugs(nodes[at - 1], 'end')) {
      const children = out.splice(open + 1);
      out[open] = { kind: 'spoiler', children };
      open = -1;
      return;
    }
    if (hugs(nodes[at + 1], 'start')) open = out.length;
    out.push(text('||'));
  });
  return out;
}

function hugs(node: Inline | typeof BARS | undefined, side: 'start' | 'end'): boolean {
  if (node === undefined || node === BARS || node.kind === 'break') return false;
  return node.kind !== 'text' || !(side === 'start' ? /^\s/ : /\s$/).test(node.text);
}
