import type { Clock } from '../src/core/clock.ts';

/** A clock that moves only when a test says so. Everything it hands out is a function of its seed. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward by `ms`, running due timers in order. Between two timers the event loop turns, so that
   * promises and loopback sockets make progress as they would in real time.
   */
  advance(ms: number): Promise<void>;
  /** Every delay given to `sleep`, in order. */
  readonly sleeps: readonly number[];
  /** Timers and sleeps not yet due. */
  readonly pending: number;
}

export interface VirtualClockOptions {
  /** UTC milliseconds at the start; default 2026-01-05T12:00:00Z. */
  readonly start?: number;
  readonly seed?: number;
  /** True: `sleep` moves time by itself and resolves at once; timers set with `after` still need `advance`. */
  readonly autoSleep?: boolean;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Turns of the event loop between two timers: enough for a loopback request to be written, read and answered. */
const turnsPerStep = 20;

export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const start = options.start ?? Date.UTC(2026, 0, 5, 12);
  let elapsed = 0;
  let state = (options.seed ?? 1) >>> 0;
  const timers = new Set<Timer>();
  const sleeps: number[] = [];

  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const add = (ms: number, run: () => void): Timer => {
    const timer = { at: elapsed + Math.max(0, ms), run };
    timers.add(timer);
    return timer;
  };
  const nextDue = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  };

  return {
    sleeps,
    get pending() {
      return timers.size;
    },
    now: () => start + elapsed,
    monotonic: () => elapsed,
    random,
    hex: (bytes) =>
      Array.from({ length: bytes }, () =>
        Math.floor(random() * 256)
          .toString(16)
          .padStart(2, '0'),
      ).join(''),
    after(ms, run) {
      const timer = add(ms, run);
      return () => void timers.delete(timer);
    },
    sleep(ms, signal) {
      sleeps.push(ms);
      if (signal?.aborted) return Promise.resolve();
      if (options.autoSleep) {
        elapsed += ms;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const finish = () => {
          timers.delete(timer);
          signal?.removeEventListener('abort', finish);
          resolve();
        };
        const timer = add(ms, finish);
        signal?.addEventListener('abort', finish, { once: true });
      });
    },
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        elapsed = Math.max(elapsed, due.at);
        timers.delete(due);
        due.run();
        await settle();
      }
      elapsed = until;
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < turnsPerStep; turn++) await new Promise((resolve) => setImmediate(resolve));
}
