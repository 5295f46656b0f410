/**
 * The two ways a chat request travels: undici's `request`, which hands over bytes without building web streams, and a
 * `fetch` that was given from outside. Neither follows redirects, because the key must not travel.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Fetch } from './watch.ts';

export interface WireRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface WireResponse {
  readonly status: number;
  readonly statusText: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The next bytes; undefined = the body is complete. Rejects when the connection breaks or the call is aborted. */
  read(): Promise<Uint8Array | undefined>;
  /** Closes the connection, unless the body was read to its end: then it serves the next call. */
  close(): void;
}

/** Rejects when no response came. */
export type Send = (request: WireRequest) => Promise<WireResponse>;

/** `dispatcher` is opened with the first call. */
export function undiciSend(dispatcher: () => Promise<Dispatcher>): Send {
  return async ({ url, headers, body, signal }) => {
    const { origin, pathname, search } = new URL(url);
    const pool = await dispatcher();
    const path = pathname + search;
    const response = await pool.request({ origin, path, method: 'POST', headers, body, signal });
    return {
      status: response.statusCode,
      statusText: response.statusText,
      headers: response.headers,
      read: pulled(response.body),
      close: () => void response.body.destroy(),
    };
  };
}

/** One `read` at a time; the stream's own async iterator costs several times as much. */
function pulled(body: Readable): () => Promise<Uint8Array | undefined> {
  let failure: Error | undefined;
  let wake = () => {};
  body.on('readable', () => wake());
  body.on('end', () => wake());
  body.on('error', (error) => {
    failure = error;
    wake();
  });
  body.on('close', () => {
    if (!body.readableEnded) failure ??= new Error('The body was closed before its end.');
    wake();
  });
  return async () => {
    for (;;) {
      const chunk = body.read() as Uint8Array | null;
      if (failure !== undefined) throw failure;
      if (chunk !== null) return chunk;
      if (body.readableEnded) return undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

/** Ends with the signal even when the given fetch does not care about signals. */
export function fetchSend(fetch: Fetch): Send {
  return async ({ url, headers, body, signal }) => {
    const sent = fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    const response = await orAbort(sent, signal);
    const reader = response.body?.getReader();
    const cancel = () => void reader?.cancel().catch(() => {});
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    return {
      status: response.status,
      statusText: response.statusText,
      headers: Object.fromEntries(response.headers),
      async read() {
        const chunk = await reader?.read();
        signal.throwIfAborted();
        return chunk?.value;
      },
      close() {
        signal.removeEventListener('abort', cancel);
        cancel();
      },
    };
  };
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
