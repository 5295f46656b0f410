/**
 * The one place time, randomness and ids come from, so that a whole gateway can run on a virtual clock.
 * Stored times are UTC milliseconds from `now()`; durations are measured with `monotonic()`.
 */

export interface Clock {
  /** Wall clock, UTC milliseconds. May jump. */
  now(): number;
  /** Milliseconds that never go backwards; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms`; resolves early (never rejects) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
  /** `bytes` random bytes in lower-case hex. */
  hex(bytes: number): string;
}

/** Longest delay a Node timer can hold; longer ones fire at once, so they are cut. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, Math.min(ms, longestTimer));
      signal?.addEventListener('abort', finish, { once: true });
    });
  },
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, longestTimer));
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  hex: (bytes) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex'),
};
