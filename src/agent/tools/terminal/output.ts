/** Output of a program kept while it streams: the beginning and the end, never the middle. Memory is bounded. */

import { stripAnsi } from '../guard/normalise.ts';

export class HeadTail {
  private head = '';
  private tail: string[] = [];
  private tailLength = 0;
  private total = 0;
  private readonly headMax: number;
  private readonly tailMax: number;
  private readonly max: number;

  /** `max` characters in all: 40 % beginning, 60 % end. */
  constructor(max: number) {
    this.max = max;
    this.headMax = Math.floor(max * 0.4);
    this.tailMax = max - this.headMax;
  }

  add(text: string): void {
    this.total += text.length;
    const room = this.headMax - this.head.length;
    if (room > 0) {
      this.head += text.slice(0, room);
      text = text.slice(room);
    }
    if (text === '') return;
    this.tail.push(text);
    this.tailLength += text.length;
    if (this.tailLength > this.tailMax * 2 || this.tail.length > 1_000) {
      const kept = this.tail.join('').slice(-this.tailMax);
      this.tail = [kept];
      this.tailLength = kept.length;
    }
  }

  /** At most `max` characters, plus one line that says what is missing. */
  text(): string {
    const tail = this.tail.join('');
    if (this.total <= this.max) return this.head + tail;
    // Cut at white space, so that no token (least of all a secret) is shown in part.
    const head = this.head.slice(0, lastBreak(this.head));
    const end = tail.slice(-this.tailMax);
    const kept = end.slice(firstBreak(end));
    const omitted = this.total - head.length - kept.length;
    return `${head}\n\n... [OUTPUT TRUNCATED - ${omitted} chars omitted out of ${this.total} total] ...\n\n${kept}`;
  }
}

const reach = 512;

function lastBreak(text: string): number {
  for (let at = text.length - 1; at >= Math.max(0, text.length - reach); at -= 1) {
    if (/\s/.test(text[at]!)) return at + 1;
  }
  return text.length;
}

function firstBreak(text: string): number {
  for (let at = 0; at < Math.min(reach, text.length); at += 1) if (/\s/.test(text[at]!)) return at + 1;
  return 0;
}

/** The newest `max` characters of a stream. */
export class Rolling {
  private pieces: string[] = [];
  private length = 0;
  private readonly max: number;
  constructor(max: number) {
    this.max = max;
  }

  add(text: string): void {
    this.pieces.push(text);
    this.length += text.length;
    if (this.length > this.max * 2 || this.pieces.length > 1_000) {
      const kept = this.pieces.join('').slice(-this.max);
      this.pieces = [kept];
      this.length = kept.length;
    }
  }

  text(): string {
    return stripAnsi(this.pieces.join('').slice(-this.max));
  }
}
