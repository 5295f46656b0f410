/**
 * The inside of a paragraph: Markdown text → tokens. Total and linear: every text has tokens, nothing throws, and a
 * text made to be slow is not. HTML is text like any other.
 */

/**
 * @typedef {{ type: 'text', text: string }
 *   | { type: 'code', text: string }
 *   | { type: 'break' }
 *   | { type: 'strong' | 'em' | 'del', children: Token[] }
 *   | { type: 'link', href: string, children: Token[] }
 *   | { type: 'image', href: string, alt: string }
 *   | { type: 'picture', source: string, alt: string }} Token
 */

const deepest = 8;
const longestLabel = 2_000;
const longestAddress = 2_000;

/** @type {ReadonlyArray<readonly [string, 'strong' | 'em' | 'del']>} Longer ones first. */
const marks = [
  ['**', 'strong'],
  ['__', 'strong'],
  ['~~', 'del'],
  ['*', 'em'],
  ['_', 'em'],
];

/**
 * Only what a person may follow from a page: no scripts, no files, no address of the gateway itself.
 * @param {string} address
 * @returns {string | undefined} The address as the browser will see it.
 */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} text
 * @param {number} [depth]
 * @returns {Token[]}
 */
export function inline(text, depth = 0) {
  return new Scanner(text, depth).run();
}

const isWord = (/** @type {string | undefined} */ char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);
const isSpace = (/** @type {string | undefined} */ char) => char === undefined || /\s/.test(char);

class Scanner {
  /** @type {Token[]} */
  #tokens = [];
  #plain = '';
  #at = 0;
  #text;
  #depth;
  /** Marks that have no end behind the current place, so that nobody looks again. @type {Set<string>} */
  #endless = new Set();

  /** @param {string} text @param {number} depth */
  constructor(text, depth) {
    this.#text = text;
    this.#depth = depth;
  }

  run() {
    while (this.#at < this.#text.length) {
      if (!this.#special()) {
        this.#plain += this.#text[this.#at];
        this.#at += 1;
      }
    }
    this.#flush();
    return this.#tokens;
  }

  /** True when something was taken. */
  #special() {
    switch (this.#text[this.#at]) {
      case '\\':
        return this.#escape();
      case '\n':
        this.#plain = this.#plain.trimEnd();
        return this.#push({ type: 'break' }, 1);
      case '`':
        return this.#code();
      case '!':
        return this.#text[this.#at + 1] === '[' && this.#link(1);
      case '[':
        return this.#link(0);
      case '<':
        return this.#angle();
      case 'h':
        return this.#bare();
      case '*':
      case '_':
      case '~':
        return this.#mark();
      default:
        return false;
    }
  }

  #flush() {
    if (this.#plain !== '') this.#tokens.push({ type: 'text', text: this.#plain });
    this.#plain = '';
  }

  /** @param {Token} token @param {number} length Of its source. */
  #push(token, length) {
    this.#flush();
    this.#tokens.push(token);
    this.#at += length;
    return true;
  }

  #escape() {
    const next = this.#text[this.#at + 1];
    if (next === undefined || !/[!-/:-@[-`{-~]/.test(next)) return false;
    this.#plain += next;
    this.#at += 2;
    return true;
  }

  #code() {
    const from = this.#at;
    let open = from;
    while (this.#text[open] === '`') open += 1;
    const ticks = '`'.repeat(open - from);
    const end = this.#endless.has(ticks) ? -1 : this.#closingTicks(ticks, open);
    if (end < 0) {
      this.#endless.add(ticks);
      this.#plain += ticks;
      this.#at = open;
      return true;
    }
    const inner = this.#text.slice(open, end).replaceAll('\n', ' ');
    const padded = inner.startsWith(' ') && inner.endsWith(' ') && inner.trim() !== '';
    return this.#push({ type: 'code', text: padded ? inner.slice(1, -1) : inner }, end + ticks.length - from);
  }

  /** @param {string} ticks @param {number} from */
  #closingTicks(ticks, from) {
    for (let at = this.#text.indexOf(ticks, from); at >= 0; at = this.#text.indexOf(ticks, at)) {
      let end = at;
      while (this.#text[end] === '`') end += 1;
      if (end - at === ticks.length) return at;
      at = end;
    }
    return -1;
  }

  /** `[label](address "title")`; an image when `bang` is 1. @param {0 | 1} bang */
  #link(bang) {
    const from = this.#at + bang + 1;
    const close = this.#endless.has(']') ? -1 : this.#closingBracket(from);
    if (close < 0) return false;
    const label = this.#text.slice(from, close);
    const picture =
      bang === 1 ? this.#sticky(/\((data:image\/(?:png|jpeg|gif|webp);base64,[\w+/=]+)\)/y, close + 1) : null;
    if (picture?.[1] !== undefined) {
      const length = close + 1 + picture[0].length - this.#at;
      return this.#push({ type: 'picture', source: picture[1], alt: label }, length);
    }
    const target = this.#sticky(
      /\(\s?<?([^\s<>()]{1,2000}(?:\([^\s<>()]{0,500}\)[^\s<>()]{0,500})?)>?(?:\s+"[^"]{0,500}")?\s?\)/y,
      close + 1,
    );
    const href = target?.[1] === undefined ? undefined : safeAddress(target[1]);
    if (target === null || href === undefined) return false;
    const length = close + 1 + target[0].length - this.#at;
    return this.#push(
      bang === 1 ? { type: 'image', href, alt: label } : { type: 'link', href, children: this.#inner(label) },
      length,
    );
  }

  /** @param {number} from */
  #closingBracket(from) {
    let open = 0;
    const last = Math.min(this.#text.length, from + longestLabel);
    for (let at = from; at < last; at += 1) {
      const char = this.#text[at];
      if (char === '\\') at += 1;
      else if (char === '[') open += 1;
      else if (char === ']' && open === 0) return at;
      else if (char === ']') open -= 1;
    }
    if (this.#text.indexOf(']', from) < 0) this.#endless.add(']');
    return -1;
  }

  #angle() {
    const found = this.#sticky(/<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y, this.#at);
    const href = found?.[1] === undefined ? undefined : safeAddress(found[1]);
    if (found?.[1] === undefined || href === undefined) return false;
    return this.#push({ type: 'link', href, children: [{ type: 'text', text: found[1] }] }, found[0].length);
  }

  #bare() {
    if (isWord(this.#text[this.#at - 1])) return false;
    const found = this.#sticky(/https?:\/\/[^\s<>"'`*[\]]+/y, this.#at);
    if (found === null || found[0].length > longestAddress) return false;
    let address = found[0].replace(/[.,;:!?]{1,20}$/, '');
    if (address.endsWith(')') && !address.includes('(')) address = address.slice(0, -1);
    const href = safeAddress(address);
    if (href === undefined) return false;
    return this.#push({ type: 'link', href, children: [{ type: 'text', text: address }] }, address.length);
  }

  #mark() {
    for (const [mark, type] of marks) {
      if (!this.#text.startsWith(mark, this.#at)) continue;
      const from = this.#at + mark.length;
      if (isSpace(this.#text[from])) continue;
      if (mark.startsWith('_') && isWord(this.#text[this.#at - 1])) continue;
      const end = this.#closingMark(mark, from);
      if (end < 0) continue;
      const children = this.#inner(this.#text.slice(from, end));
      return this.#push({ type, children }, end + mark.length - this.#at);
    }
    // The whole run is text; its inner marks would only be tried again.
    const run = this.#sticky(/\*+|_+|~+/y, this.#at)?.[0] ?? '';
    this.#plain += run;
    this.#at += run.length;
    return true;
  }

  /** @param {string} mark @param {number} from */
  #closingMark(mark, from) {
    if (this.#endless.has(mark)) return -1;
    const char = /** @type {string} */ (mark[0]);
    for (let at = this.#text.indexOf(mark, from + 1); at >= 0; ) {
      let end = at;
      while (this.#text[end] === char) end += 1;
      const fits = mark.length === 1 ? (end - at) % 2 === 1 : end - at >= 2;
      const outside = char !== '_' || !isWord(this.#text[end]);
      if (fits && outside && !isSpace(this.#text[at - 1])) return mark.length === 1 ? at : end - 2;
      at = this.#text.indexOf(mark, end);
    }
    this.#endless.add(mark);
    return -1;
  }

  /** @param {string} text @returns {Token[]} */
  #inner(text) {
    return this.#depth >= deepest ? [{ type: 'text', text }] : inline(text, this.#depth + 1);
  }

  /** @param {RegExp} pattern @param {number} at */
  #sticky(pattern, at) {
    pattern.lastIndex = at;
    return pattern.exec(this.#text);
  }
}
