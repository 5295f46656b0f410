import type { AgentEvent } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';

export type Delta = Extract<AgentEvent, { readonly type: 'text.delta' | 'reasoning.delta' }>;

/** Text inside this time becomes one event (api-server §7.3). */
const mergeMs = 50;
/** Characters that go out together at most, give or take one delta: a flood must stay in writes that a limit can judge. */
const longest = 65_536;

/** Joins the deltas of a stream: the first words go out at once, what follows inside the merge time goes out together. */
export class DeltaMerge {
  readonly #clock: Clock;
  readonly #emit: (delta: Delta) => void;
  #pending: Delta | undefined;
  #emittedAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, emit: (delta: Delta) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  add({ type, text }: Delta): void {
    if (this.#pending !== undefined && this.#pending.type !== type) this.flush();
    const joined = (this.#pending?.text ?? '') + text;
    this.#pending = { type, text: joined };
    if (joined.length >= longest) this.flush();
    else if (this.#cancel === undefined) {
      const due = this.#emittedAt + mergeMs - this.#clock.monotonic();
      if (due <= 0) this.flush();
      else this.#cancel = this.#clock.after(due, () => this.flush());
    }
  }

  /** Before every other event, and at the end. */
  flush(): void {
    this.stop();
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#emittedAt = this.#clock.monotonic();
    this.#emit(pending);
  }

  /** Nothing more goes out by itself. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
