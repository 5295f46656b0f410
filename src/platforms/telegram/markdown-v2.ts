/**
 * A strict reader of Telegram MarkdownV2: what it refuses, the Bot API refuses, with the same words.
 * Source: Bot API, "MarkdownV2 style" (https://core.telegram.org/bots/api#markdownv2-style) and the observable
 * answers of the server; it is what the fake server and the dialect's tests check messages with.
 */

type EntityType =
  | 'bold'
  | 'italic'
  | 'underline'
  | 'strikethrough'
  | 'spoiler'
  | 'code'
  | 'pre'
  | 'text_link'
  | 'custom_emoji'
  | 'blockquote'
  | 'expandable_blockquote';

/** As in the Bot API: offset and length in UTF-16 code units of `text`. */
export interface Entity {
  readonly type: EntityType;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
  readonly custom_emoji_id?: string;
}

/** `message` is the description behind "Bad Request: can't parse entities: ". */
export class BadEntities extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadEntities';
  }
}

const TITLES: Readonly<Record<EntityType, string>> = {
  bold: 'Bold',
  italic: 'Italic',
  underline: 'Underline',
  strikethrough: 'Strikethrough',
  spoiler: 'Spoiler',
  code: 'Code',
  pre: 'Pre',
  text_link: 'TextUrl',
  custom_emoji: 'CustomEmoji',
  blockquote: 'BlockQuote',
  expandable_blockquote: 'ExpandableBlockQuote',
};

const RESERVED = new Set('_*[]()~`>#+-=|{}.!');

interface Open {
  readonly type: EntityType;
  /** Where the opening marker stands in the source. */
  readonly at: number;
  /** Where the content starts in the visible text. */
  readonly offset: number;
  readonly language?: string;
}

export function parseMarkdownV2(source: string): { text: string; entities: Entity[] } {
  return new Reader(source).read();
}

class Reader {
  readonly #source: string;
  readonly #open: Open[] = [];
  readonly #entities: Entity[] = [];
  #text = '';
  #at = 0;
  #lineStart = true;

  constructor(source: string) {
    this.#source = source;
  }

  read(): { text: string; entities: Entity[] } {
    while (this.#at < this.#source.length) this.#step();
    this.#endQuote(this.#source.length);
    const left = this.#open.at(-1);
    if (left) throw this.#unclosed(left);
    // Outer entities first, also where both cover the same text: they were closed last.
    this.#entities.reverse().sort((a, b) => a.offset - b.offset || b.length - a.length);
    return { text: this.#text, entities: this.#entities };
  }

  #step(): void {
    const char = this.#source[this.#at]!;
    const escaped = escapedAt(this.#source, this.#at);
    if (escaped !== undefined) {
      this.#put(escaped);
      this.#at += 2;
      return;
    }
    const inner = this.#open.at(-1);
    if (inner?.type === 'code' || inner?.type === 'pre') {
      const fence = inner.type === 'pre' ? '```' : '`';
      if (this.#source.startsWith(fence, this.#at)) this.#close(inner, fence.length);
      else if (char === '`') this.#openCode();
      else {
        this.#take(char);
        this.#lineStart = false;
      }
    } else if (char === '\n') this.#newline();
    else if (!RESERVED.has(char)) this.#take(char);
    else this.#marker(char, inner);
  }

  #take(char: string): void {
    this.#put(char);
    this.#at++;
  }

  #put(char: string): void {
    this.#text += char;
    if (char !== '\r') this.#lineStart = char === '\n';
  }

  /** A quote ends with the first line that does not start with its sign; the newline still belongs to it. */
  #newline(): void {
    const end = this.#at;
    this.#take('\n');
    if (this.#source[this.#at] !== '>') this.#endQuote(end, true);
  }

  /** Bars that open directly before the quote's end make it expandable. */
  #endQuote(end: number, throwing = false): void {
    if (!this.#open.some((open) => open.type === 'blockquote')) return;
    let type: EntityType = 'blockquote';
    const last = this.#open.at(-1);
    const bars = this.#source[end - 1] === '\r' ? end - 3 : end - 2;
    if (last?.type === 'spoiler' && last.at === bars) {
      this.#open.pop();
      type = 'expandable_blockquote';
    }
    const quote = this.#open.at(-1);
    if (quote?.type !== 'blockquote') {
      if (throwing && quote) throw this.#unclosed(quote);
      return;
    }
    this.#open.pop();
    this.#emit({ type, offset: quote.offset, length: this.#text.length - quote.offset });
  }

  #marker(char: string, inner: Open | undefined): void {
    const next = this.#source[this.#at + 1];
    switch (char) {
      case '*':
        this.#toggle('bold', 1, inner);
        return;
      case '~':
        this.#toggle('strikethrough', 1, inner);
        return;
      case '_':
        this.#toggle(next === '_' ? 'underline' : 'italic', next === '_' ? 2 : 1, inner);
        return;
      case '|':
        if (next !== '|') throw this.#reserved(char);
        this.#toggle('spoiler', 2, inner);
        return;
      case '`':
        this.#openCode();
        return;
      case '[':
        this.#start('text_link', 1);
        return;
      case '!':
        if (next !== '[') throw this.#reserved(char);
        this.#start('custom_emoji', 2);
        return;
      case ']':
        if (inner?.type !== 'text_link' && inner?.type !== 'custom_emoji') throw this.#reserved(char);
        this.#endLink(inner);
        return;
      case '>':
        if (!this.#lineStart) throw this.#reserved(char);
        if (this.#open.some((open) => open.type === 'blockquote')) this.#at++;
        else this.#start('blockquote', 1);
        return;
      default:
        throw this.#reserved(char);
    }
  }

  #toggle(type: EntityType, length: number, inner: Open | undefined): void {
    if (inner?.type === type) this.#close(inner, length);
    else this.#start(type, length);
  }

  #start(type: EntityType, length: number, language?: string): void {
    const open = { type, at: this.#at, offset: this.#text.length };
    this.#open.push(language === undefined ? open : { ...open, language });
    this.#at += length;
  }

  #openCode(): void {
    if (!this.#source.startsWith('```', this.#at)) {
      this.#start('code', 1);
      return;
    }
    const body = this.#at + 3;
    const word = /^[^\s`]+(?=\s)/.exec(this.#source.slice(body, body + 256))?.[0];
    this.#start('pre', 3 + (word?.length ?? 0), word);
    const line = /^(?:\r\n|\n\r|\n|\r)/.exec(this.#source.slice(this.#at, this.#at + 2))?.[0];
    this.#at += line?.length ?? 0;
  }

  #close(open: Open, length: number): void {
    this.#open.pop();
    this.#at += length;
    const entity = { type: open.type, offset: open.offset, length: this.#text.length - open.offset };
    this.#emit(open.language === undefined ? entity : { ...entity, language: open.language });
  }

  #endLink(open: Open): void {
    this.#open.pop();
    const label = this.#text.slice(open.offset);
    const entity = { type: open.type, offset: open.offset, length: label.length };
    this.#at++;
    const isEmoji = open.type === 'custom_emoji';
    if (this.#source[this.#at] !== '(') {
      if (isEmoji) throw new BadEntities('Custom emoji entity must contain a tg://emoji URL');
      if (isLink(label)) this.#emit({ ...entity, url: label });
      return;
    }
    const url = this.#url(isEmoji ? 'a custom emoji URL' : 'a URL');
    if (isEmoji) this.#emit({ ...entity, custom_emoji_id: emojiId(url) });
    else if (isLink(url)) this.#emit({ ...entity, url });
  }

  #url(what: string): string {
    const from = ++this.#at;
    let url = '';
    while (this.#at < this.#source.length && this.#source[this.#at] !== ')') {
      const escaped = escapedAt(this.#source, this.#at);
      url += escaped ?? this.#source[this.#at]!;
      this.#at += escaped === undefined ? 1 : 2;
    }
    if (this.#at >= this.#source.length) {
      throw new BadEntities(`Can't find end of ${what} at byte offset ${this.#bytes(from)}`);
    }
    this.#at++;
    return url;
  }

  #emit(entity: Entity): void {
    if (entity.length > 0) this.#entities.push(entity);
  }

  #reserved(char: string): BadEntities {
    return new BadEntities(`Character '${char}' is reserved and must be escaped with the preceding '\\'`);
  }

  #unclosed(open: Open): BadEntities {
    const title = open.type === 'pre' && open.language !== undefined ? 'PreCode' : TITLES[open.type];
    return new BadEntities(`Can't find end of ${title} entity at byte offset ${this.#bytes(open.at)}`);
  }

  #bytes(at: number): number {
    return Buffer.byteLength(this.#source.slice(0, at));
  }
}

/** Any ASCII character may be escaped; in front of anything else a backslash is itself. */
function escapedAt(source: string, at: number): string | undefined {
  if (source[at] !== '\\') return undefined;
  const code = source.charCodeAt(at + 1);
  return code > 0 && code <= 126 ? source[at + 1] : undefined;
}

/** A target the server would not link is dropped silently, the label stays. */
function isLink(url: string): boolean {
  return /^(?:https?|tg|ton|tonsite|ftp):/i.test(url) || /^[^\s/:]+\.[^\s/:.]{2,}(?:[/:?#]|$)/.test(url);
}

function emojiId(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/)?([^/?#]*)\/?(?:\?([^#]*))?/i.exec(url);
  if (match?.[1]?.toLowerCase() !== 'tg') throw new BadEntities('Custom emoji URL must have scheme tg');
  if (match[2]?.toLowerCase() !== 'emoji') throw new BadEntities('Custom emoji URL must have host "emoji"');
  const id = new URLSearchParams(match[3] ?? '').get('id');
  if (id === null) throw new BadEntities('Custom emoji URL must have an emoji identifier');
  if (!/^-?[1-9]\d{0,18}$/.test(id)) throw new BadEntities('Invalid custom emoji identifier specified');
  return id;
}
