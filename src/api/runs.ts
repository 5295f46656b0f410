import type { Clock } from '../core/clock.ts';
import type { TurnId } from '../core/ids.ts';
import type { TurnHandle, TurnRequest, Turns } from '../turn/contract.ts';
import { draining, tooManyRuns } from './errors.ts';

/** One caller's hold on a turn. */
export interface Run {
  readonly handle: TurnHandle;
  /** The caller is gone. The turn is interrupted when nobody else holds it. Safe to call twice. */
  leave(reason: string): void;
}

interface Live {
  readonly handle: TurnHandle;
  /** Survives this process, so that its end need not be waited for. */
  readonly isDurable: boolean;
  holders: number;
}

/**
 * The turns this server has started and not yet seen end: enforces the shared concurrency cap (ruling K7) and
 * knows when the last caller of a turn has gone.
 */
export class Runs {
  readonly #turns: Turns;
  readonly #max: number;
  readonly #live = new Map<TurnId, Live>();
  #submitting = 0;
  #closed = false;
  #idle: (() => void) | undefined;

  /** `max` 0 = no cap. */
  constructor(turns: Turns, max: number) {
    this.#turns = turns;
    this.#max = max;
  }

  get active(): number {
    return this.#live.size + this.#submitting;
  }

  /** Throws 429 at the cap and 503 while closing; lets a handler refuse before it parses anything. */
  refuseIfFull(): void {
    if (this.#closed) throw draining();
    if (this.#max > 0 && this.active >= this.#max) throw tooManyRuns(this.#max);
  }

  /** Resolves when the turn is durable. Rejects like `refuseIfFull` and `Turns.submit`. */
  async start(request: TurnRequest): Promise<Run> {
    this.refuseIfFull();
    this.#submitting += 1;
    let handle: TurnHandle;
    try {
      handle = await this.#turns.submit(request);
    } finally {
      this.#submitting -= 1;
    }
    const live = this.#live.get(handle.turn) ?? this.#add(handle, request.consumer === 'chat');
    live.holders += 1;
    let left = false;
    return {
      handle: live.handle,
      leave: (reason) => {
        if (left) return;
        left = true;
        live.holders -= 1;
        if (live.holders === 0 && this.#live.has(handle.turn)) handle.interrupt(reason);
      },
    };
  }

  /** A turn that waits or runs, also one that an earlier process took. */
  find(turn: TurnId): Promise<TurnHandle | undefined> {
    return this.#turns.find(turn);
  }

  /** The same, and it counts as a turn of this server from here on. */
  async takeUp(turn: TurnId): Promise<TurnHandle | undefined> {
    const handle = await this.#turns.find(turn);
    if (handle !== undefined && !this.#live.has(handle.turn)) this.#add(handle, true);
    return handle;
  }

  /**
   * Takes no new turns, interrupts the running ones and waits until they ended, at most `graceMs`. Turns with a durable
   * consumer are left to the engine, which suspends them.
   */
  async close(clock: Clock, graceMs: number): Promise<void> {
    this.#closed = true;
    for (const { handle, isDurable } of this.#live.values()) {
      if (!isDurable) handle.interrupt('Gateway is shutting down');
    }
    if (this.#isIdle) return;
    const done = new AbortController();
    this.#idle = () => done.abort();
    await clock.sleep(graceMs, done.signal);
    this.#idle = undefined;
  }

  get #isIdle(): boolean {
    return this.#submitting === 0 && [...this.#live.values()].every(({ isDurable }) => isDurable);
  }

  #add(handle: TurnHandle, isDurable: boolean): Live {
    const live = { handle, isDurable, holders: 0 };
    this.#live.set(handle.turn, live);
    // `result` never rejects.
    void handle.result.then(() => {
      this.#live.delete(handle.turn);
      if (this.#idle !== undefined && this.#isIdle) this.#idle();
    });
    return live;
  }
}
