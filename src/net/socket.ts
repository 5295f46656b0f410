/** What adapters get as `Deps.socket`: a WebSocket to an allowed origin, bounded in time and memory. */
import type { WebSocket } from 'ws';
import type { Clock } from '../core/clock.ts';
import { NotSent } from '../core/outcome.ts';
import type { OriginGuard } from './platform-fetch.ts';
import { checkedLookup, type Resolve, systemResolve } from './resolve.ts';

export interface SocketOptions {
  readonly guard: OriginGuard;
  readonly clock: Pick<Clock, 'after'>;
  readonly resolve?: Resolve;
  /** Until open. Default 20 s. */
  readonly openMs?: number;
  /** Of one received message; a larger one ends the connection (1009). Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** Received and not yet read; at it the connection is no longer read from. Default 4 MiB. */
  readonly maxBufferedBytes?: number;
  /** Sent and not yet taken by the network; at it the connection is dead and is cut. Default 16 MiB. */
  readonly maxUnsentBytes?: number;
}

export interface OpenSocket {
  readonly messages: AsyncIterable<string>;
  /** Throws `NotSent` when the connection is not open. */
  send(text: string): void;
  close(code?: number): void;
}

/** The other side ended the connection, or it broke (1006). Platforms give their reasons as codes. */
export class SocketClosed extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, options: { cause?: unknown } = {}) {
    super(`socket closed (${code})${reason === '' ? '' : `: ${reason}`}`, options);
    this.name = 'SocketClosed';
    this.code = code;
    this.reason = reason;
  }
}

/** The server answered the handshake with an HTTP status instead of a socket. The cause of a `NotSent`. */
export class HandshakeRefused extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`handshake refused with HTTP ${status}`);
    this.name = 'HandshakeRefused';
    this.status = status;
  }
}

/** How long the other side may take to confirm a close before the connection is cut. */
const closeMs = 2_000;

/**
 * Resolves when open; rejects with `NotSent`, or with the abort reason. Protocol pings are answered; noticing a
 * silent connection is the caller's part. `messages` can be read once: it ends after a normal close (1000) or an
 * own `close`, throws the abort reason after an abort and `SocketClosed` otherwise. Binary messages are read as
 * UTF-8.
 */
export async function openSocket(
  address: string,
  options: SocketOptions,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenSocket> {
  signal.throwIfAborted();
  const url = options.guard.url(address.replace(/^http/i, 'ws'));
  const { WebSocket } = await import('ws');
  signal.throwIfAborted();
  const lookup = checkedLookup(options.guard.addresses, options.resolve ?? systemResolve);
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, {
      headers,
      lookup,
      maxPayload: options.maxMessageBytes ?? 16 * 1024 * 1024,
      followRedirects: false,
      perMessageDeflate: false,
    });
  } catch (cause) {
    throw new NotSent(`${url.host}: the handshake cannot be made`, { cause });
  }
  // Listening starts before the connection opens: the first message may arrive with the handshake's answer.
  const inbox = new Inbox(socket, options.maxBufferedBytes ?? 4 * 1024 * 1024);
  await opened(socket, url, signal, options);
  let ours = false;
  const abort = () => {
    inbox.end(signal.reason);
    socket.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', (code, reason) => {
    signal.removeEventListener('abort', abort);
    inbox.end(
      ours || code === 1000 ? undefined : new SocketClosed(code, reason.toString(), { cause: inbox.error }),
    );
  });
  if (signal.aborted) abort();
  const unsent = options.maxUnsentBytes ?? 16 * 1024 * 1024;
  return {
    messages: inbox,
    send(text) {
      if (socket.readyState !== socket.OPEN) throw new NotSent(`${url.host}: the socket is not open`);
      if (socket.bufferedAmount > unsent) {
        socket.terminate();
        throw new NotSent(`${url.host}: the other side has stopped reading`);
      }
      socket.send(text);
    },
    close(code = 1000) {
      ours = true;
      // A paused connection would never see the other side's answer.
      inbox.end(undefined);
      socket.resume();
      socket.close(code);
      socket.once(
        'close',
        options.clock.after(closeMs, () => socket.terminate()),
      );
    },
  };
}

function opened(
  socket: WebSocket,
  url: URL,
  signal: AbortSignal,
  { clock, openMs = 20_000 }: SocketOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      cancel();
      signal.removeEventListener('abort', abort);
      socket.off('error', failed).off('open', open).off('unexpected-response', answered);
      end();
    };
    const open = () => settle(resolve);
    const failed = (cause: Error) =>
      settle(() => reject(new NotSent(`${url.host}: ${cause.message || String(cause)}`, { cause })));
    const answered = (_request: unknown, response: { readonly statusCode?: number }) => {
      const cause = new HandshakeRefused(response.statusCode ?? 0);
      settle(() => reject(new NotSent(`${url.host}: ${cause.message}`, { cause })));
      socket.terminate();
    };
    const abort = () => {
      settle(() => reject(signal.reason));
      socket.terminate();
    };
    const cancel = clock.after(openMs, () => {
      settle(() => reject(new NotSent(`${url.host}: no socket within ${openMs} ms`)));
      socket.terminate();
    });
    socket.once('open', open).once('error', failed).once('unexpected-response', answered);
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** Messages between the network and their one reader. */
class Inbox implements AsyncIterableIterator<string> {
  readonly #socket: WebSocket;
  readonly #maxBytes: number;
  readonly #waiting: string[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #ended: { readonly error: unknown } | undefined;
  /** What broke the connection; said just before it closes. */
  error: Error | undefined;

  constructor(socket: WebSocket, maxBytes: number) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('message', (data) => this.#add(data.toString()));
  }

  end(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string>> {
    for (;;) {
      const text = this.#waiting.shift();
      if (text !== undefined) {
        this.#bytes -= text.length;
        if (this.#bytes < this.#maxBytes && this.#socket.isPaused) this.#socket.resume();
        return { done: false, value: text };
      }
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<string>> {
    this.#waiting.length = 0;
    this.end(undefined);
    this.#socket.resume();
    return { done: true, value: undefined };
  }

  #add(text: string): void {
    if (this.#ended !== undefined) return;
    this.#waiting.push(text);
    this.#bytes += text.length;
    // What was already read from the network still arrives: at most one read of it.
    if (this.#bytes >= this.#maxBytes) this.#socket.pause();
    this.#wake?.();
  }
}
