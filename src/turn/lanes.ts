/**
 * Runs lanes: at most one job per session key, at most `limit` jobs at once, lanes that wait longest first.
 * Nothing here is a fact: after a crash the lanes are woken again from the rows.
 */
import type { Clock } from '../core/clock.ts';
import type { SessionKey } from '../core/ids.ts';

/** What a lane does next: `idle` until woken, `again` at once, or look again after `waitMs`. */
export type LaneState = 'idle' | 'again' | { readonly waitMs: number };

export interface LanesOptions {
  readonly clock: Clock;
  readonly limit: number;
  /** Does one job of the lane. Must not throw: a throw is a bug and parks the lane for a second. */
  work(key: SessionKey): Promise<LaneState>;
  /** The lane was woken while it works. */
  busy(key: SessionKey): void;
  failed(key: SessionKey, error: unknown): void;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #ready = new Set<SessionKey>();
  readonly #working = new Set<SessionKey>();
  readonly #wokenWhileWorking = new Set<SessionKey>();
  readonly #timers = new Map<SessionKey, () => void>();
  #open = true;
  #onEmpty: (() => void) | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  get working(): number {
    return this.#working.size;
  }

  get waiting(): number {
    return this.#ready.size;
  }

  isWorking(key: SessionKey): boolean {
    return this.#working.has(key);
  }

  wake(key: SessionKey): void {
    if (!this.#open) return;
    if (this.#working.has(key)) {
      this.#wokenWhileWorking.add(key);
      this.#options.busy(key);
      return;
    }
    this.#cancelTimer(key);
    this.#ready.add(key);
    this.#pump();
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
      if (!this.#open || this.#working.size >= this.#options.limit) return;
      this.#ready.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  async #work(key: SessionKey): Promise<void> {
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

  #later(key: SessionKey, ms: number): void {
    this.#timers.set(
      key,
      this.#options.clock.after(ms, () => {
        this.#timers.delete(key);
        this.wake(key);
      }),
    );
  }

  #cancelTimer(key: SessionKey): void {
    this.#timers.get(key)?.();
    this.#timers.delete(key);
  }
}
