/**
 * Live view of an answer that is still being written. At any moment `stable()` is Markdown that reads as if the
 * answer ended there: open markers are closed, and what cannot be judged yet (half a marker, half a link, a table
 * header without its delimiter row) is held back. Every byte is scanned once; only held text is kept apart.
 */

interface Opener {
  /** Position of the opening marker in the whole answer. */
  readonly at: number;
  readonly marker: string;
}

/** The state to go back to while something is held: show up to `cut`, close `stack`. */
interface Hold {
  readonly cut: number;
  readonly stack: readonly Opener[];
}

interface Fence {
  readonly prefix: string;
  readonly marker: string;
}

/** Beyond this nothing is held back any longer, whatever it may become. */
const MAX_HELD = 500;
const MAX_OPEN = 16;

/** A line start that may still become any block. */
const UNDECIDED = /^[\s>]*[-*+#`~|=:_.)\d\s]*$/;
const FENCE_OPEN = /^([\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*)(`{3,}(?=[^`]*$)|~{3,})/;
const BLOCK_MARKER = /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+)*/;
const DELIMITER_ROW = /^\s*\|?[\s|:-]*-[\s|:-]*$/;

export class MarkdownStream {
  /** Text that nothing can hold back any more, never looked at again. */
  #out = '';
  /** The text behind it; `#base` is its position in the whole. */
  #buffer = '';
  #base = 0;
  #at = 0;
  /** Behind the last character that is certainly content. */
  #solid = 0;
  #previous = ' ';
  #lineStart = true;
  #quoted = false;
  /** A heading or a table row: markers end with the line. */
  #singleLine = false;
  #table: 'none' | 'header' | 'body' = 'none';
  #fence: Fence | undefined;
  #stack: Opener[] = [];
  #link:
    | (Hold & { readonly stage: 'label' | 'target'; readonly from: number; readonly depth: number })
    | undefined;
  #header: Hold | undefined;

  feed(delta: string): void {
    this.#buffer += delta;
    const end = this.#base + this.#buffer.length;
    while (this.#at < end && this.#step(end)) {
      if (this.#at - this.#cut() > MAX_HELD) this.#giveUp();
    }
    this.#release();
  }

  stable(): string {
    if (this.#fence) {
      const shown = this.#out + this.#buffer.slice(0, this.#at - this.#base);
      return `${shown}${this.#previous === '\n' ? '' : '\n'}${this.#fence.prefix}${this.#fence.marker}`;
    }
    const { cut, stack } = this.#header ?? this.#link ?? { cut: this.#solid, stack: this.#stack };
    let shown = this.#out + this.#buffer.slice(0, Math.max(0, cut - this.#base));
    for (const { at, marker } of stack.toReversed()) if (at < cut) shown += marker;
    return shown;
  }

  /** The whole answer, exactly as it was fed. */
  end(): string {
    return this.#out + this.#buffer;
  }

  /** Up to here the text is shown. */
  #cut(): number {
    return this.#fence ? this.#at : ((this.#header ?? this.#link)?.cut ?? this.#solid);
  }

  #release(): void {
    const keep = this.#cut() - this.#base;
    if (keep <= 0) return;
    this.#out += this.#buffer.slice(0, keep);
    this.#buffer = this.#buffer.slice(keep);
    this.#base += keep;
  }

  /** Held too long to be what it looked like. */
  #giveUp(): void {
    this.#header = undefined;
    this.#link = undefined;
    this.#table = 'none';
    this.#solid = this.#at;
  }

  /** Consumes something, or returns false when it needs more text. */
  #step(end: number): boolean {
    if (this.#lineStart) return this.#startLine();
    if (this.#fence) {
      const newline = this.#buffer.indexOf('\n', this.#at - this.#base);
      this.#at = newline < 0 ? end : this.#base + newline + 1;
      this.#lineStart = newline >= 0;
      this.#previous = newline < 0 ? ' ' : '\n';
      return true;
    }
    return this.#inline(end);
  }

  #startLine(): boolean {
    const from = this.#at - this.#base;
    const newline = this.#buffer.indexOf('\n', from);
    const line = this.#buffer.slice(from, newline < 0 ? undefined : newline).slice(0, MAX_HELD);
    const complete = newline >= 0 || line.length === MAX_HELD;
    if (this.#fence) return this.#fenceLine(this.#fence, line, complete);
    const fence = FENCE_OPEN.exec(line);
    if (!complete && (fence || UNDECIDED.test(line))) return false;
    this.#lineStart = false;
    if (fence) {
      this.#reset();
      this.#header = undefined;
      this.#table = 'none';
      this.#fence = { prefix: fence[1]!.replace(/[^\s>]/g, ' '), marker: fence[2]! };
      this.#at += line.length;
      return true;
    }
    this.#enterLine(line);
    return true;
  }

  #fenceLine(fence: Fence, line: string, complete: boolean): boolean {
    const bare = line.replace(/^[\s>]+/, '').trimEnd();
    const isRun = bare !== '' && bare === fence.marker[0]!.repeat(bare.length);
    if (!complete && (isRun || bare === '')) return false;
    this.#lineStart = false;
    if (!isRun || bare.length < fence.marker.length) return true;
    this.#fence = undefined;
    this.#at += line.length;
    this.#solid = this.#at;
    return true;
  }

  #enterLine(line: string): void {
    const quoted = /^\s*>/.test(line);
    const marker = BLOCK_MARKER.exec(line)?.[0] ?? '';
    const isBlank = line.trim() === '';
    this.#nextTable(line);
    const continues = !isBlank && marker.replace(/[\s>]/g, '') === '' && quoted === this.#quoted;
    if (!continues || this.#table !== 'none') this.#reset();
    this.#quoted = quoted;
    this.#singleLine = marker.includes('#') || this.#table !== 'none';
    this.#at += marker.length;
    this.#previous = ' ';
  }

  /**
   * A line that starts with a pipe may be a table's header: the next line tells. Header and delimiter stay back
   * until there is a row, because without one some dialects show them differently.
   */
  #nextTable(line: string): void {
    const isRow = /^\s*\|(?!\|)/.test(line);
    if (this.#table === 'header' && DELIMITER_ROW.test(line)) {
      this.#table = 'body';
      return;
    }
    this.#header = undefined;
    if (this.#table === 'body' && isRow) return;
    this.#table = isRow ? 'header' : 'none';
    if (isRow) this.#header = { cut: this.#solid, stack: [...this.#stack] };
  }

  #reset(): void {
    this.#stack = [];
    this.#link = undefined;
  }

  #endLine(): void {
    this.#at++;
    this.#lineStart = true;
    this.#previous = '\n';
    this.#link = undefined;
    if (this.#singleLine) this.#reset();
    this.#singleLine = false;
  }

  #inline(end: number): boolean {
    const at = this.#at - this.#base;
    const char = this.#buffer[at]!;
    const inCode = this.#stack.at(-1)?.marker[0] === '`';
    if (char === '\n') {
      this.#endLine();
      return true;
    }
    if (char === '`' || (!inCode && '*_~|'.includes(char))) {
      const run = this.#run(at, char);
      if (this.#at + run >= end && run < MAX_HELD) return false;
      this.#marker(char, run, this.#buffer[at + run] ?? ' ');
      this.#at += run;
      this.#previous = char;
      return true;
    }
    if (!inCode && char === '\\') {
      if (this.#at + 1 >= end) return false;
      if (this.#buffer[at + 1] !== '\n') {
        this.#take(2);
        return true;
      }
    }
    if (!inCode && char === '!') {
      if (this.#at + 1 >= end) return false;
      // An image's mark is held with its bracket.
      if (this.#buffer[at + 1] === '[') {
        this.#at++;
        this.#previous = char;
        return true;
      }
    }
    if (!inCode && (char === '[' || char === ']' || char === '(' || char === ')'))
      return this.#bracket(char, at, end);
    this.#take(1);
    return true;
  }

  #run(at: number, char: string): number {
    let length = 1;
    while (length < MAX_HELD && this.#buffer[at + length] === char) length++;
    return length;
  }

  #take(length: number): void {
    const at = this.#at - this.#base + length;
    this.#previous = this.#buffer[at - 1]!;
    this.#at += length;
    if (/\S/.test(this.#previous)) this.#solid = this.#at;
  }

  #bracket(char: string, at: number, end: number): boolean {
    const link = this.#link;
    if (char === '[' && !link) {
      this.#link = { cut: this.#solid, stack: [...this.#stack], stage: 'label', from: this.#at, depth: 0 };
    } else if (char === ']' && link?.stage === 'label') {
      if (this.#at + 1 >= end) return false;
      if (this.#buffer[at + 1] === '(') this.#link = { ...link, stage: 'target' };
      else this.#link = undefined;
    } else if (link?.stage === 'target' && (char === '(' || char === ')')) {
      const depth = link.depth + (char === '(' ? 1 : -1);
      this.#link = depth === 0 ? undefined : { ...link, depth };
    }
    this.#take(1);
    return true;
  }

  #marker(char: string, run: number, next: string): void {
    const after = this.#at + run;
    const top = this.#stack.at(-1);
    // Inside a target markers are part of the address.
    if (this.#link?.stage === 'target') this.#solid = after;
    else if (char === '`') {
      if (top?.marker === '`'.repeat(run)) this.#pop(1, after);
      else if (top?.marker[0] !== '`') this.#push('`'.repeat(run));
      else this.#solid = after;
    } else if (char === '*' || char === '_') this.#emphasis(char, run, next);
    else if (run !== 2) this.#solid = after;
    else {
      const marker = char + char;
      const open = this.#stack.findLastIndex((one) => one.marker === marker);
      if (open >= 0 && /\S/.test(this.#previous)) this.#pop(this.#stack.length - open, after);
      else if (/\S/.test(next)) this.#push(marker);
      else this.#solid = after;
    }
  }

  /** The flanking rules of CommonMark, section 6.2. */
  #emphasis(char: string, run: number, next: string): void {
    const isSpace = (one: string) => /\s/.test(one);
    const isPunctuation = (one: string) => /[\p{P}\p{S}]/u.test(one);
    const previous = this.#previous;
    const left = !isSpace(next) && (!isPunctuation(next) || isSpace(previous) || isPunctuation(previous));
    const right = !isSpace(previous) && (!isPunctuation(previous) || isSpace(next) || isPunctuation(next));
    const opens = left && (char === '*' || !right || isPunctuation(previous));
    const closes = right && (char === '*' || !left || isPunctuation(next));
    let rest = run;
    while (closes && rest > 0) {
      const open = this.#stack.findLastIndex((one) => one.marker[0] === char);
      const opener = this.#stack[open];
      if (opener === undefined || opener.marker.length > rest) break;
      rest -= opener.marker.length;
      this.#pop(this.#stack.length - open, this.#at + run);
    }
    if (opens && rest > 0 && rest <= 3) {
      if (rest >= 2) this.#push(char + char);
      if (rest !== 2) this.#push(char);
    } else if (rest > 0) this.#solid = this.#at + run;
  }

  #push(marker: string): void {
    if (this.#stack.length < MAX_OPEN) this.#stack.push({ at: this.#at, marker });
  }

  #pop(count: number, solid: number): void {
    this.#stack.splice(this.#stack.length - count, count);
    this.#solid = solid;
  }
}
