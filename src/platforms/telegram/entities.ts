/**
 * Text with entities → Markdown. What carries no entity stays exactly as it was typed: no escaping, because people
 * type Markdown and commands themselves. Source: Bot API, MessageEntity.
 */
import { codeSpan, fenced } from '../../text/backticks.ts';
import type { Range } from './gate.ts';
import type { WireEntity } from './wire.ts';

export interface Spanned {
  readonly text: string;
  readonly entities: readonly WireEntity[];
}

/** Removes a range; entities behind it move, entities around it shrink, entities inside it disappear. */
export function cut(spanned: Spanned, range: Range): Spanned {
  const removedBefore = (at: number) => Math.min(Math.max(at - range.from, 0), range.to - range.from);
  const entities = spanned.entities.flatMap((entity) => {
    const end = entity.offset + entity.length;
    const offset = entity.offset - removedBefore(entity.offset);
    const length = end - removedBefore(end) - offset;
    return length > 0 ? [{ ...entity, offset, length }] : [];
  });
  return { text: spanned.text.slice(0, range.from) + spanned.text.slice(range.to), entities };
}

const marks: Readonly<Record<string, string>> = {
  bold: '**',
  italic: '*',
  strikethrough: '~~',
  spoiler: '||',
};

const shown = new Set([
  ...Object.keys(marks),
  'code',
  'pre',
  'text_link',
  'blockquote',
  'expandable_blockquote',
]);

/** The first word of a command carries no markup, so that it is still read as a command. */
export function toMarkdown(spanned: Spanned): string {
  const { text } = spanned;
  const start = text.startsWith('/') ? text.search(/\s|$/) : 0;
  const entities = spanned.entities
    .filter((entity) => shown.has(entity.type) && entity.offset >= start)
    .sort((a, b) => a.offset - b.offset || b.length - a.length);
  if (entities.length === 0) return text;
  return new Writer(text, entities).write(0, text.length);
}

/** Entities are nested or apart; one that crosses the end of its parent is shortened to it. */
class Writer {
  readonly #text: string;
  readonly #entities: readonly WireEntity[];
  #next = 0;
  constructor(text: string, entities: readonly WireEntity[]) {
    this.#text = text;
    this.#entities = entities;
  }

  write(from: number, to: number): string {
    let out = '';
    let at = from;
    for (let entity = this.#entities[this.#next]; entity !== undefined; entity = this.#entities[this.#next]) {
      if (entity.offset >= to) break;
      this.#next += 1;
      // Overlaps what is already written: cannot be shown as Markdown.
      if (entity.offset < at) continue;
      const end = Math.min(entity.offset + entity.length, to);
      out += this.#text.slice(at, entity.offset) + this.#mark(entity, end, out);
      at = end;
    }
    return out + this.#text.slice(at, to);
  }

  #mark(entity: WireEntity, end: number, before: string): string {
    const source = this.#text.slice(entity.offset, end);
    if (entity.type === 'pre') {
      this.#skipTo(end);
      const atLineStart = entity.offset === 0 || /\n$/.test(before + this.#text.slice(0, entity.offset));
      const body = source.replace(/\n$/, '');
      const close = this.#text[end] === undefined || this.#text[end] === '\n' ? '' : '\n';
      return `${atLineStart ? '' : '\n'}${fenced(entity.language ?? '', body)}${close}`;
    }
    if (entity.type === 'code') {
      this.#skipTo(end);
      return codeSpan(source);
    }
    const inner = this.write(entity.offset, end);
    if (entity.type === 'blockquote' || entity.type === 'expandable_blockquote') {
      const close = this.#text[end] === undefined || this.#text[end] === '\n' ? '' : '\n';
      return inner.replace(/^/gm, '> ') + close;
    }
    // Markers must touch a letter, so surrounding space is moved outside.
    const [, lead = '', core = '', trail = ''] = /^(\s*)([\s\S]*?)(\s*)$/.exec(inner) ?? [];
    if (core === '') return inner;
    if (entity.type === 'text_link')
      return `${lead}[${core}](${(entity.url ?? '').replace(/[()\s]/g, percent)})${trail}`;
    const mark = marks[entity.type] ?? '';
    return lead + mark + core + mark + trail;
  }

  /** Markup inside code is text. */
  #skipTo(end: number): void {
    while ((this.#entities[this.#next]?.offset ?? end) < end) this.#next += 1;
  }
}

/** One ASCII character; parentheses are the ones encodeURIComponent leaves alone. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
