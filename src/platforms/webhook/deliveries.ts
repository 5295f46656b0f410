/** What has to be remembered for a while: how often a route was called, and which delivery is a new one. */
import type { Clock } from '../../core/clock.ts';

const minuteMs = 60_000;
const mostRoutes = 1_000;
const cutAt = 1_000;

interface Calls {
  /** Times of the calls that count, from `first` on; what is before it is over and cut off now and then. */
  readonly at: number[];
  first: number;
}

/** A sliding window per route: the first call over the limit within any 60 seconds is refused. */
export class CallRate {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #calls = new Map<string, Calls>();

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** False = too many; such a call does not count. The cost of one call does not grow with the limit. */
  take(route: string): boolean {
    const now = this.#clock.monotonic();
    if (this.#calls.size >= mostRoutes) this.#forget(now);
    let calls = this.#calls.get(route);
    if (calls === undefined) {
      calls = { at: [], first: 0 };
      this.#calls.set(route, calls);
    }
    const { at } = calls;
    while (calls.first < at.length && now - at[calls.first]! >= minuteMs) calls.first += 1;
    if (calls.first > cutAt && calls.first * 2 > at.length) {
      at.splice(0, calls.first);
      calls.first = 0;
    }
    if (at.length - calls.first >= this.#limit) return false;
    at.push(now);
    return true;
  }

  /** Names of routes that are gone would stay for ever. */
  #forget(now: number): void {
    for (const [route, { at }] of this.#calls)
      if (now - (at.at(-1) ?? 0) >= minuteMs) this.#calls.delete(route);
  }
}

export interface Delivery {
  /** Unique per delivery; the same again within an hour of its acceptance. */
  readonly key: string;
  /** It was taken before, in its hour, by this process: nothing has to be done for it again. */
  readonly isKnown: boolean;
  /** To be called when it was taken: its hour begins. */
  taken(): void;
}

interface Seen {
  readonly key: string;
  at: number;
  isTaken: boolean;
}

const hourMs = 3_600_000;
const mostRemembered = 10_000;

/**
 * The store keeps keys far longer than the hour in which a repeated id is the same delivery. So an id that comes
 * again after its hour gets a new key. What is forgotten here (restart, very many deliveries) keeps its old key: the
 * worst case is a repetition that is refused too long, never one that runs twice.
 */
export class Deliveries {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(route: string, id: string): Delivery {
    const now = this.#clock.now();
    const name = `${route}:${id}`;
    const known = this.#seen.get(name);
    const entry: Seen =
      known === undefined
        ? { key: name, at: now, isTaken: false }
        : now - known.at > hourMs
          ? { key: `${name}@${now}`, at: now, isTaken: false }
          : known;
    if (entry !== known) this.#remember(name, entry);
    return {
      key: entry.key,
      isKnown: entry.isTaken,
      taken: () => {
        entry.at = this.#clock.now();
        entry.isTaken = true;
      },
    };
  }

  #remember(name: string, entry: Seen): void {
    this.#seen.delete(name);
    this.#seen.set(name, entry);
    const oldest = this.#seen.keys().next();
    if (this.#seen.size > mostRemembered && !oldest.done) this.#seen.delete(oldest.value);
  }
}
