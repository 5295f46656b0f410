/**
 * The two ways a chat request travels: undici's `request`, which hands over bytes without building web streams, and a
 * `fetch` that was given from outside. Neither follows redirects, because the key must not travel.
 */

import type { Clock } from '../../core/clock.ts';
import type { Fetch } from './watch.ts';

export interface WireResponse {
  readonly status: number;
  readonly statusText: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The next bytes; undefined = the body is complete. Rejects when the connection breaks or the call is aborted. */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Frees the connection. `rest` says what to do with a body that was not read to its end: `close` it, or `drain` what
   * should be nothing but its end mark so that the connection can be used again.
   */
  release(rest: 'close' | 'drain'): void;
}

export interface WireRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export type Send = (request: WireRequest) => Promise<WireResponse>;

/** Behind the end mark of a stream no more than this is waited for, in bytes and milliseconds. */
const drained = { bytes: 64 * 1024, ms: 1_000 };

/** `dispatcher` is opened with the first call. */
export function undiciSend(dispatcher: () => Promise<import('undici').Dispatcher>, clock: Clock): Send {
  return async ({ url, headers, body, signal }) => {
    const { request } = await import('undici');
    const response = await request(url, {
      method: 'POST',
      headers,
      body,
      signal,
      dispatcher: await dispatcher(),
    });
    const bytes = response.body.on('error', () => {});
    const chunks: AsyncIterator<Buffer> = bytes.iterator({ destroyOnReturn: false });
    return {
      status: response.statusCode,
      statusText: response.statusText,
      headers: response.headers,
      async read() {
        const { done, value } = await chunks.next();
        return done ? undefined : value;
      },
      release(rest) {
        if (bytes.closed || bytes.readableEnded) return;
        if (rest === 'close') {
          bytes.destroy();
          return;
        }
        const cancel = clock.after(drained.ms, () => bytes.destroy());
        bytes
          .once('close', cancel)
          .dump({ limit: drained.bytes })
          .catch(() => {});
      },
    };
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
      release() {
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
