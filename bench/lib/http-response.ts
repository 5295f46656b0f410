/** Frames of HTTP/1.1 responses on a kept connection, for a load generator that must cost less than what it loads. */

export interface ResponseEvents {
  head(status: number): void;
  /** Bytes of the body without the transfer coding. */
  body(bytes: Buffer): void;
  end(): void;
}

type Expecting =
  | { readonly kind: 'head' | 'size' | 'trailer' }
  /** `left` bytes of the body, or of the chunk and the line end behind it. */
  | { readonly kind: 'length' | 'chunk'; left: number };

/** Bodies of known length or in chunks; a response without either has no body. Throws on anything else. */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #expecting: Expecting = { kind: 'head' };
  #rest: Buffer | undefined;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  push(received: Buffer): void {
    let bytes = this.#rest ? Buffer.concat([this.#rest, received]) : received;
    this.#rest = undefined;
    while (bytes.length > 0) {
      const used = this.#take(bytes);
      if (used === 0) {
        this.#rest = bytes;
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** How many bytes were used; 0 = more are needed. */
  #take(bytes: Buffer): number {
    const expecting = this.#expecting;
    switch (expecting.kind) {
      case 'head': {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return 0;
        this.#head(bytes.toString('latin1', 0, end));
        return end + 4;
      }
      case 'length': {
        const now = Math.min(expecting.left, bytes.length);
        expecting.left -= now;
        this.#events.body(bytes.subarray(0, now));
        if (expecting.left === 0) this.#end();
        return now;
      }
      case 'size': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
        if (Number.isNaN(size)) throw new Error('a chunk without a size');
        this.#expecting = size === 0 ? { kind: 'trailer' } : { kind: 'chunk', left: size + 2 };
        return end + 2;
      }
      case 'chunk': {
        const now = Math.min(expecting.left, bytes.length);
        const content = Math.min(now, expecting.left - 2);
        if (content > 0) this.#events.body(bytes.subarray(0, content));
        expecting.left -= now;
        if (expecting.left === 0) this.#expecting = { kind: 'size' };
        return now;
      }
      case 'trailer': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        if (end === 0) this.#end();
        return end + 2;
      }
    }
  }

  #head(head: string): void {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new Error('not an HTTP/1.1 response');
    this.#events.head(status);
    if (/^transfer-encoding: *chunked/im.test(head)) {
      this.#expecting = { kind: 'size' };
      return;
    }
    const left = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (left === 0) this.#end();
    else this.#expecting = { kind: 'length', left };
  }

  #end(): void {
    this.#expecting = { kind: 'head' };
    this.#events.end();
  }
}
