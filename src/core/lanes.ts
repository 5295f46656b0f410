/**
 * Runs lanes: at most one job per key (a session, a chat), at most `limit` jobs at once, lanes that wait longest first.
 * Nothing here is a fact: after a crash the lanes are woken again from the rows.
 */
import type { Clock } from './clock.ts';

/** What a lane does next: `idle` until woken, `again` at once, or look again after `waitMs`. */
export type LaneState = 'idle' | 'again' | { readonly waitMs: number };

export interface LanesOptions<K> {
  readonly clock: Clock;
  readonly limit: number;
  /** Does one job of the lane. Must not throw: a throw is a bug and parks the lane for a second. */
  work(key: K): Promise<LaneState>;
  /** The lane was woken while it works; it will look again in any case. */
  busy?(key: K): void;
  failed(key: K, error: unknown): void;
}

export class Lanes<K extends string> {
  readonly #options: LanesOptions<K>;
  readonly #ready = new Set<K>();
  readonly #working = new Set<K>();
  readonly #wokenWhileWorking = new Set<K>();
  readonly #timers = new Map<K, () => void>();
  #open = true;
  #held = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: LanesOptions<K>) {
    this.#options = options;
  }

  get working(): number {
    return this.#working.size;
  }

  get waiting(): number {
    return this.#ready.size;
  }

  isWorking(key: K): boolean {
    return this.#working.has(key);
  }

  wake(key: K): void {
    if (!this.#open) return;
    if (this.#working.has(key)) {
      this.#wokenWhileWorking.add(key);
      this.#options.busy?.(key);
      return;
    }
    this.#cancelTimer(key);
    this.#ready.add(key);
    this.#pump();
  }

  /** Woken lanes wait while this is true; running jobs go on. */
  hold(held: boolean): void {
    this.#held = held;
    this.#pump();
  }

  get isHeld(): boolean {
    return this.#held;
  }

  /** Starts no new job; resolves when the last running one ended. */
  stop(): Promise<void> {
    this.#open = false;
    for (const key of [...this.#timers.keys()]) this.#cancelTimer(key);
    this.#ready.clear();
    if (this.#working.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (!this.#open || this.#held || this.#working.size >= this.#options.limit) return;
      this.#ready.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  async #work(key: K): Promise<void> {
    let next: LaneState;
    try {
      next = await this.#options.work(key);
    } catch (error) {
      this.#options.failed(key, error);
      next = { waitMs: 1000 };
    }
    this.#working.delete(key);
    const woken = this.#wokenWhileWorking.delete(key);
    if (!this.#open) {
      if (this.#working.size === 0) this.#onEmpty?.();
      return;
    }
    if (next === 'again' || woken) this.#ready.add(key);
    else if (next !== 'idle') this.#later(key, next.waitMs);
    this.#pump();
  }

  #later(key: K, ms: number): void {
    this.#timers.set(
      key,
      this.#options.clock.after(ms, () => {
        this.#timers.delete(key);
        this.wake(key);
      }),
    );
  }

  #cancelTimer(key: K): void {
    this.#timers.get(key)?.();
    this.#timers.delete(key);
  }
}
