/** The in-memory side of one turn: who watches it, how to stop it. Can be thrown away at any instant. */
import type { Consent } from '../agent/contract.ts';
import type { AgentEvent, ApprovalChoice, TurnResult } from '../core/agent-event.ts';
import type { SessionKey, TraceId, TurnId } from '../core/ids.ts';
import { type Asking, Questions } from './approvals.ts';
import type { TurnHandle, Unstored } from './contract.ts';

export interface TurnIdentity {
  readonly turn: TurnId;
  readonly trace: TraceId;
  readonly key: SessionKey;
  readonly source: string;
  readonly consumer: 'chat' | 'live';
  /** Programs may watch from later on: events are kept for them. */
  readonly isRequest: boolean;
}

/** Texts that may wait for the next model call; further ones are refused. */
const mostSteering = 100;

/** Why a turn was told to stop. Only `shutdown` leaves a chat's turn running in the store, to be resumed. */
export class Interrupted extends Error {
  readonly kind: 'user' | 'caller' | 'shutdown' | 'inactive';
  constructor(kind: Interrupted['kind'], message: string) {
    super(message);
    this.name = 'Interrupted';
    this.kind = kind;
  }
}

export class RunningTurn implements TurnHandle {
  readonly identity: TurnIdentity;
  readonly result: Promise<TurnResult>;
  readonly unstored: Unstored | undefined;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  readonly #settle: (result: TurnResult) => void;
  readonly #report: (error: unknown) => void;
  /** Kept for watchers that come later; neighbouring deltas are joined, so it grows with the text only. */
  readonly #past: AgentEvent[] = [];
  readonly #steering: string[] = [];
  readonly #steered: string[] = [];
  #questions: Questions | undefined;
  #ended = false;

  /** `report` hears of listeners that throw; the turn goes on. */
  constructor(identity: TurnIdentity, report: (error: unknown) => void, unstored?: Unstored) {
    this.identity = identity;
    this.unstored = unstored;
    this.#report = report;
    let settle: (result: TurnResult) => void = () => {};
    this.result = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
  }

  get turn(): TurnId {
    return this.identity.turn;
  }

  get trace(): TraceId {
    return this.identity.trace;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  watch(listener: (event: AgentEvent) => void): () => void {
    for (const event of this.#past) this.#tell(listener, event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: AgentEvent): void {
    if (this.#ended) return;
    if (this.identity.isRequest) this.#remember(event);
    for (const listener of this.#listeners) this.#tell(listener, event);
  }

  interrupt(reason: string): void {
    this.stop(new Interrupted('caller', reason));
  }

  stop(reason: Interrupted): void {
    if (!this.#ended) this.#abort.abort(reason);
  }

  steer(text: string): boolean {
    if (this.#ended || this.signal.aborted || this.#steering.length >= mostSteering) return false;
    this.#steering.push(text);
    return true;
  }

  takeSteering(): string | undefined {
    if (this.#steering.length === 0) return undefined;
    const taken = this.#steering.splice(0);
    this.#steered.push(...taken);
    return taken.join('\n');
  }

  /** The run that took texts in is given up and another one follows: they are for that one. */
  giveBack(): void {
    this.#steering.unshift(...this.#steered.splice(0));
  }

  ask(asking: Asking, signal: AbortSignal): Promise<Consent> {
    this.#questions ??= new Questions((event) => this.emit(event));
    return this.#questions.ask(asking, signal);
  }

  /** It waits for a person. */
  get isAsking(): boolean {
    return this.#questions?.isOpen ?? false;
  }

  answer(choice: ApprovalChoice, which: 'oldest' | 'all' | { readonly id: string }): number {
    return this.#questions?.answer(choice, which) ?? 0;
  }

  /** The recorded result: the last event, then the promise. */
  end(result: TurnResult): void {
    if (this.#ended) return;
    this.emit({ type: 'turn.ended', result });
    this.#ended = true;
    this.#listeners.clear();
    this.#settle(result);
  }

  #remember(event: AgentEvent): void {
    const last = this.#past.at(-1);
    if (event.type === 'text.delta' && last?.type === 'text.delta') {
      this.#past[this.#past.length - 1] = { type: 'text.delta', text: last.text + event.text };
    } else if (event.type === 'reasoning.delta' && last?.type === 'reasoning.delta') {
      this.#past[this.#past.length - 1] = { type: 'reasoning.delta', text: last.text + event.text };
    } else {
      this.#past.push(event);
    }
  }

  #tell(listener: (event: AgentEvent) => void, event: AgentEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#report(error);
    }
  }
}
