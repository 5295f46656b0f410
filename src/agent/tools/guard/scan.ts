/**
 * Reads a shell command line into simple commands, in one pass and linear time. Not an interpreter: it only has
 * to see every place where a command name can stand (after separators, in substitutions, in subshells), so in
 * doubt it sees one too many. `unclear` says that quoting did not close or nesting was too deep; the caller then
 * must not trust the structure.
 */

export interface Word {
  /** After quote removal. Substitutions inside are left out; parameter expansions stay as written. */
  readonly text: string;
  /** Offset of the first character in the scanned text. */
  readonly at: number;
  readonly quoted: boolean;
}

export interface Redirect {
  readonly op: string;
  readonly target: string;
}

export type Joiner = '' | ';' | '&' | '&&' | '||' | '|' | '\n' | '(' | ')' | ';;';

export interface Simple {
  readonly words: readonly Word[];
  readonly redirects: readonly Redirect[];
  /** Bodies of here-documents, in order. */
  readonly heredocs: readonly string[];
  /** Commands inside `$(…)`, backticks and `<(…)` of this command. */
  readonly inner: readonly { readonly kind: '$(' | '`' | '<('; readonly commands: readonly Simple[] }[];
  /** Commands of one pipeline share the object. */
  readonly pipeline: object;
  /** Operator that ended this command. */
  readonly end: Joiner;
}

export interface Scan {
  /** In reading order; inner commands are reached through `inner`. */
  readonly commands: readonly Simple[];
  readonly unclear: boolean;
}

const maxDepth = 40;

type Building = {
  words: Word[];
  redirects: Redirect[];
  heredocs: string[];
  inner: { kind: '$(' | '`' | '<('; commands: readonly Simple[] }[];
};

class Scanner {
  private at = 0;
  unclear = false;
  private readonly waiting: {
    into: string[];
    delimiter: string;
    tabs: boolean;
    literal: boolean;
    owner: Building;
  }[] = [];
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Reads until `stop` (`)` or a backtick), which is consumed, or the end of the text. */
  list(stop: ')' | '`' | '', depth: number): Simple[] {
    const { text } = this;
    const done: Simple[] = [];
    let pipeline = {};
    let current: Building = { words: [], redirects: [], heredocs: [], inner: [] };
    let open = 0;
    const finish = (end: Joiner) => {
      if (current.words.length + current.redirects.length + current.inner.length > 0) {
        done.push({ ...current, pipeline, end });
      }
      current = { words: [], redirects: [], heredocs: [], inner: [] };
      if (end !== '|' && end !== '(') pipeline = {};
    };
    while (this.at < text.length) {
      const c = text[this.at]!;
      if (stop === '`' && c === '`') {
        this.at += 1;
        finish('');
        return done;
      }
      if (c === ' ' || c === '\t' || c === '\r') this.at += 1;
      else if (c === '\n') {
        finish('\n');
        this.at += 1;
        this.bodies(depth);
      } else if (c === '\\' && text[this.at + 1] === '\n') this.at += 2;
      else if (c === '#') this.at = endOfLine(text, this.at);
      else if (c === ';') {
        const double = text[this.at + 1] === ';';
        this.at += double ? 2 : 1;
        finish(double ? ';;' : ';');
      } else if (c === '&') {
        if (text[this.at + 1] === '&') this.operator('&&', finish);
        else if (text[this.at + 1] === '>') {
          this.at += 1;
          this.redirect(current, depth);
        } else this.operator('&', finish);
      } else if (c === '|') {
        if (text[this.at + 1] === '|') this.operator('||', finish);
        else {
          this.at += text[this.at + 1] === '&' ? 2 : 1;
          finish('|');
        }
      } else if (c === '(') {
        open += 1;
        this.operator('(', finish);
      } else if (c === ')') {
        if (open === 0 && stop === ')') {
          this.at += 1;
          finish('');
          return done;
        }
        open = Math.max(0, open - 1);
        this.operator(')', finish);
      } else if ((c === '<' || c === '>') && text[this.at + 1] === '(') {
        this.at += 2;
        current.inner.push({ kind: '<(', commands: this.nested(')', depth) });
        current.words.push({ text: '', at: this.at, quoted: false });
      } else if (c === '<' || c === '>') this.redirect(current, depth);
      else this.word(current, depth, stop);
    }
    if (stop !== '') this.unclear = true;
    finish('');
    return done;
  }

  private operator(op: Joiner, finish: (end: Joiner) => void): void {
    this.at += op.length;
    finish(op);
  }

  private nested(stop: ')' | '`', depth: number): readonly Simple[] {
    if (depth >= maxDepth) {
      this.unclear = true;
      this.at = this.text.length;
      return [];
    }
    return this.list(stop, depth + 1);
  }

  private redirect(into: Building, depth: number): void {
    const { text } = this;
    const start = this.at;
    while (this.at < text.length && this.at - start < 3 && '<>&|-'.includes(text[this.at]!)) {
      if (text[this.at] === '(' || (text[this.at] === '-' && !text.startsWith('<<', start))) break;
      this.at += 1;
    }
    const op = text.slice(start, this.at);
    while (text[this.at] === ' ' || text[this.at] === '\t') this.at += 1;
    const last = into.words.at(-1);
    // `2>file`: the number belongs to the operator.
    if (
      last !== undefined &&
      !last.quoted &&
      last.at + last.text.length === start &&
      /^\d{1,3}$/.test(last.text)
    ) {
      into.words.pop();
    }
    const before = into.words.length;
    if ((text[this.at] === '<' || text[this.at] === '>') && text[this.at + 1] === '(') {
      this.at += 2;
      into.inner.push({ kind: '<(', commands: this.nested(')', depth) });
      return;
    }
    if (this.at < text.length && !' \t\n;&|()<>'.includes(text[this.at]!)) this.word(into, depth, '');
    const target = into.words.length > before ? into.words.pop()! : undefined;
    if (target === undefined) return;
    if (op === '<<' || op === '<<-') {
      this.waiting.push({
        into: into.heredocs,
        delimiter: target.text,
        tabs: op === '<<-',
        literal: target.quoted,
        owner: into,
      });
    }
    if (op === '<<<') into.heredocs.push(target.text);
    into.redirects.push({ op, target: target.text });
  }

  /** Here-document bodies follow the line that announced them. */
  private bodies(depth: number): void {
    for (const doc of this.waiting.splice(0)) {
      const lines: string[] = [];
      const start = this.at;
      let closed = false;
      while (this.at < this.text.length) {
        const end = endOfLine(this.text, this.at);
        const line = this.text.slice(this.at, end);
        this.at = Math.min(this.text.length, end + 1);
        if ((doc.tabs ? line.replace(/^\t+/, '') : line) === doc.delimiter) {
          closed = true;
          break;
        }
        lines.push(line);
      }
      const body = lines.join('\n');
      doc.into.push(body);
      if (!closed) this.unclear = true;
      // An unquoted delimiter lets the shell run substitutions inside the body.
      if (!doc.literal && depth < maxDepth && /[`]|\$\(/.test(body)) {
        const after = this.at;
        this.at = start;
        const scratch: Building = { words: [], redirects: [], heredocs: [], inner: doc.owner.inner };
        this.quotedUntil('', scratch, depth, start + body.length);
        this.at = after;
      }
    }
  }

  private word(into: Building, depth: number, stop: ')' | '`' | ''): void {
    const { text } = this;
    const start = this.at;
    let out = '';
    let quoted = false;
    while (this.at < text.length) {
      const c = text[this.at]!;
      if (' \t\r\n;&|()<>'.includes(c) || (stop === '`' && c === '`')) break;
      if (c === '\\') {
        const next = text[this.at + 1];
        if (next === undefined) this.unclear = true;
        if (next !== '\n') out += next ?? '';
        this.at += 2;
      } else if (c === "'") {
        const end = text.indexOf("'", this.at + 1);
        if (end < 0) this.unclear = true;
        out += text.slice(this.at + 1, end < 0 ? text.length : end);
        this.at = end < 0 ? text.length : end + 1;
        quoted = true;
      } else if (c === '"') {
        this.at += 1;
        out += this.quotedUntil('"', into, depth, text.length);
        quoted = true;
      } else if (c === '$' || c === '`') out += this.dollar(into, depth, true);
      else {
        out += c;
        this.at += 1;
      }
    }
    into.words.push({ text: out, at: start, quoted });
  }

  /** Text of double quotes; substitutions inside become inner commands. */
  private quotedUntil(close: '"' | '', into: Building, depth: number, limit: number): string {
    const { text } = this;
    let out = '';
    while (this.at < limit) {
      const c = text[this.at]!;
      if (close !== '' && c === close) {
        this.at += 1;
        return out;
      }
      if (c === '\\') {
        const next = text[this.at + 1] ?? '';
        out += '"\\$`'.includes(next) ? next : next === '\n' ? '' : c + next;
        this.at += 2;
      } else if (c === '$' || c === '`') out += this.dollar(into, depth, false);
      else {
        out += c;
        this.at += 1;
      }
    }
    if (close !== '') this.unclear = true;
    return out;
  }

  /** At `$` or a backtick. */
  private dollar(into: Building, depth: number, bare: boolean): string {
    const { text } = this;
    if (text[this.at] === '`') {
      this.at += 1;
      into.inner.push({ kind: '`', commands: this.nested('`', depth) });
      return '';
    }
    const next = text[this.at + 1];
    if (next === '(') {
      this.at += 2;
      into.inner.push({ kind: '$(', commands: this.nested(')', depth) });
      return '';
    }
    if (next === '{') {
      const start = this.at;
      this.at += 2;
      while (this.at < text.length && text[this.at] !== '}') {
        const c = text[this.at]!;
        if (c === '`' || (c === '$' && text[this.at + 1] === '(')) this.dollar(into, depth, false);
        else this.at += c === '\\' ? 2 : 1;
      }
      if (this.at >= text.length) this.unclear = true;
      this.at += 1;
      return text.slice(start, this.at);
    }
    if (bare && next === "'") {
      // ANSI-C quoting: `$'\x72m'`.
      const start = this.at + 2;
      let end = start;
      while (end < text.length && text[end] !== "'") end += text[end] === '\\' ? 2 : 1;
      if (end >= text.length) this.unclear = true;
      this.at = end + 1;
      return ansiC(text.slice(start, end));
    }
    if (bare && next === '"') {
      this.at += 1;
      return '';
    }
    this.at += 1;
    return '$';
  }
}

function ansiC(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|([0-7]{1,3})|(.))/gis,
    (_, hex, uni, oct, plain) => {
      if (hex ?? uni) return String.fromCharCode(Number.parseInt(hex ?? uni, 16));
      if (oct) return String.fromCharCode(Number.parseInt(oct, 8) & 255);
      return plain === 'n' ? '\n' : plain === 't' ? '\t' : plain;
    },
  );
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

export function scan(text: string): Scan {
  const scanner = new Scanner(text);
  const commands = scanner.list('', 0);
  return { commands, unclear: scanner.unclear };
}
