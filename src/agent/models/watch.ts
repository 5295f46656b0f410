/**
 * The timers of one streamed model call (agent-runtime §3) and the fetch that feeds them. All by the injected clock:
 * one armed timer per call, no timer work per chunk.
 */
import type { Clock } from '../../core/clock.ts';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface Timeouts {
  /** No byte for this long, the wait for the response headers included. */
  readonly readGapMs: number;
  /** No text, reasoning or tool argument for this long; undefined = never (local endpoints). */
  readonly staleMs: number | undefined;
  readonly totalMs: number;
}

/** Bytes of one streamed response; far above any real answer. */
const largestResponse = 64 * 1024 * 1024;

export type TimeoutKind = 'read_gap' | 'stale' | 'total';

export class StreamTimeout extends Error {
  readonly kind: TimeoutKind;
  constructor(kind: TimeoutKind, ms: number) {
    const what = { read_gap: 'sent nothing', stale: 'made no progress', total: 'did not finish' }[kind];
    super(`The provider ${what} for ${Math.round(ms / 1000)} s.`);
    this.name = 'StreamTimeout';
    this.kind = kind;
  }
}

/** A response that is no event stream, or too large: nothing a repeat with the same bytes would have to parse. */
export class BadResponse extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.name = 'BadResponse';
    this.status = status;
  }
}

export interface Watch {
  /** Aborts when the caller's signal does, or with a `StreamTimeout` as reason. */
  readonly signal: AbortSignal;
  byte(): void;
  content(): void;
  stop(): void;
}

export function watch(clock: Clock, outer: AbortSignal, timeouts: Timeouts): Watch {
  const inner = new AbortController();
  const start = clock.monotonic();
  let lastByte = start;
  let lastContent = start;
  let cancel = () => {};

  const check = () => {
    const now = clock.monotonic();
    const dues: readonly (readonly [TimeoutKind, number, number])[] = [
      ['total', start + timeouts.totalMs, timeouts.totalMs],
      ['read_gap', lastByte + timeouts.readGapMs, timeouts.readGapMs],
      ...(timeouts.staleMs === undefined
        ? []
        : ([['stale', lastContent + timeouts.staleMs, timeouts.staleMs]] as const)),
    ];
    const over = dues.find(([, due]) => due <= now);
    if (over !== undefined) inner.abort(new StreamTimeout(over[0], over[2]));
    else cancel = clock.after(Math.min(...dues.map(([, due]) => due)) - now, check);
  };
  const onOuter = () => inner.abort(outer.reason);
  if (outer.aborted) onOuter();
  else {
    outer.addEventListener('abort', onOuter, { once: true });
    check();
  }
  const handle: Watch = {
    signal: inner.signal,
    byte: () => {
      lastByte = clock.monotonic();
    },
    content: () => {
      lastContent = clock.monotonic();
    },
    stop() {
      cancel();
      outer.removeEventListener('abort', onOuter);
      watches.delete(inner.signal);
    },
  };
  watches.set(inner.signal, handle);
  return handle;
}

/** Provider packages hand the call's signal to `fetch` unchanged; that is how a response finds its watch. */
const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Wraps `fetch` for model calls: redirects are never followed (the key must not travel), a body that is no event
 * stream is refused, bytes are counted and reported to the watch of the call, and an abort ends a body even when
 * the given fetch does not care about signals.
 */
export function watchedFetch(fetch: Fetch): Fetch {
  return async (input, init) => {
    const signal = init?.signal ?? undefined;
    const handle = signal === undefined ? undefined : watches.get(signal);
    const response = await orAbort(fetch(input, { ...init, redirect: 'manual' }), signal);
    handle?.byte();
    if (!response.ok || response.body === null) return response;
    const type = response.headers.get('content-type') ?? '';
    if (/html|application\/json/i.test(type)) {
      await response.body.cancel();
      throw new BadResponse(
        `The provider answered with ${type} instead of an event stream.`,
        response.status,
      );
    }
    const { status, statusText, headers } = response;
    return new Response(tapped(response.body, handle, signal), { status, statusText, headers });
  };
}

function tapped(
  body: ReadableStream<Uint8Array>,
  handle: Watch | undefined,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let total = 0;
  let ended = false;
  let onAbort = () => {};
  const end = () => {
    ended = true;
    signal?.removeEventListener('abort', onAbort);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort = () => {
          end();
          controller.error(signal?.reason);
          reader.cancel().catch(() => {});
        };
        if (signal?.aborted) onAbort();
        else signal?.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (ended) return;
        if (done) {
          end();
          controller.close();
          return;
        }
        handle?.byte();
        total += value.length;
        if (total > largestResponse) {
          end();
          await reader.cancel();
          throw new BadResponse(`The provider sent more than ${largestResponse} bytes.`, 200);
        }
        controller.enqueue(value);
      },
      cancel(reason) {
        end();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Rejects with the abort reason as soon as the signal aborts, whatever the promise does. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
