/** A file that only grows to a size: `x.log`, then `x.log.1` … `x.log.<backups>`, the newest first. */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** More than this is written at once instead of at the end of the event-loop turn. */
const mostWaiting = 256 * 1024;

/**
 * One write per event-loop turn, in order, so that a burst costs one system call and a crash loses at most the
 * lines of the present turn. A failing disk loses lines, never the process.
 */
export class RotatingFile {
  readonly #file: string;
  readonly #max: number;
  readonly #backups: number;
  #handle: number | undefined;
  #size = 0;
  #closed = false;
  #waiting = '';
  #timer: NodeJS.Immediate | undefined;

  constructor(file: string, max: number, backups: number) {
    this.#file = file;
    this.#max = max;
    this.#backups = backups;
  }

  write(text: string): void {
    if (this.#closed) return;
    this.#waiting += text;
    if (this.#waiting.length >= mostWaiting) this.#flush();
    else this.#timer ??= setImmediate(() => this.#flush());
  }

  /** Later lines are dropped: the folder may be gone by then. */
  close(): void {
    this.#flush();
    this.#closed = true;
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    const text = this.#waiting;
    this.#waiting = '';
    try {
      for (const part of this.#portions(text)) this.#append(part);
    } catch {
      // No place to say it: the log itself is what fails. The store reports a full disk to people.
    }
  }

  /** Whole lines that fit the file together; one line longer than the limit is a portion of its own. */
  *#portions(text: string): Generator<Buffer> {
    let lines = '';
    let bytes = 0;
    for (const line of text.split(/(?<=\n)/)) {
      const length = Buffer.byteLength(line);
      const room = this.#max - this.#open();
      if (bytes > 0 && bytes + length > Math.max(room, 0)) {
        yield Buffer.from(lines);
        lines = '';
        bytes = 0;
      }
      lines += line;
      bytes += length;
    }
    if (bytes > 0) yield Buffer.from(lines);
  }

  #append(part: Buffer): void {
    if (this.#open() > 0 && this.#size + part.length > this.#max) this.#rotate();
    this.#open();
    this.#size += writeSync(this.#handle as number, part);
  }

  /** Answers the present size. */
  #open(): number {
    if (this.#handle !== undefined) return this.#size;
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#handle = openSync(this.#file, 'a', 0o600);
    this.#size = fstatSync(this.#handle).size;
    return this.#size;
  }

  #rotate(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
    for (let index = this.#backups; index > 0; index -= 1) {
      const from = index === 1 ? this.#file : `${this.#file}.${index - 1}`;
      if (existsSync(from)) renameSync(from, `${this.#file}.${index}`);
    }
    if (this.#backups === 0) rmSync(this.#file, { force: true });
  }
}
