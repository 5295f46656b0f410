import type { AgentEvent, ApprovalChoice, ApprovalQuestion, TurnResult } from '../../core/agent-event.ts';
import { brand, type TraceId, type TurnId } from '../../core/ids.ts';
import { noUsage } from '../../core/message.ts';
import type { TurnHandle, TurnRequest, Turns } from '../../turn/contract.ts';

/** Plays a turn: emits events and ends it. Runs after `submit` has answered. */
export type Script = (turn: FakeTurn) => void | Promise<void>;

const completed: TurnResult = {
  status: 'completed',
  text: '',
  messages: [],
  usage: noUsage,
  model: 'scripted-model',
  provider: 'scripted',
  modelCalls: 1,
  exit: 'text_response',
};

/** One scripted turn; keeps every event, so that late watchers see all of them as the contract says. */
export class FakeTurn implements TurnHandle {
  readonly turn: TurnId;
  readonly trace: TraceId;
  readonly request: TurnRequest;
  readonly result: Promise<TurnResult>;
  /** Resolves with the reason of the first interrupt. */
  readonly interrupted: Promise<string>;
  interruptReason: string | undefined;
  readonly steered: string[] = [];
  readonly #questions = new Map<string, (choice: ApprovalChoice) => void>();
  readonly #events: AgentEvent[] = [];
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  readonly #settle: (result: TurnResult) => void;
  readonly #onInterrupt: (reason: string) => void;
  #ended: TurnResult | undefined;

  constructor(request: TurnRequest, number: number) {
    this.turn = brand<TurnId>(`turn_${number}`);
    this.trace = brand<TraceId>(`trace_${number}`);
    this.request = request;
    const result = Promise.withResolvers<TurnResult>();
    this.result = result.promise;
    this.#settle = result.resolve;
    const interrupted = Promise.withResolvers<string>();
    this.interrupted = interrupted.promise;
    this.#onInterrupt = interrupted.resolve;
  }

  get status(): TurnResult['status'] | undefined {
    return this.#ended?.status;
  }

  emit(...events: AgentEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      for (const listener of this.#listeners) listener(event);
    }
  }

  say(...texts: string[]): void {
    this.emit(...texts.map((text) => ({ type: 'text.delta' as const, text })));
  }

  /** Emits the start and end of one tool call. */
  tool(name: string, call: string, preview = ''): void {
    this.emit(
      { type: 'tool.started', call, name, emoji: '🔧', preview, arguments: '{}' },
      { type: 'tool.completed', call, name, ms: 5, isError: false, result: 'ok' },
    );
  }

  end(result: Partial<TurnResult> = {}): void {
    if (this.#ended !== undefined) return;
    this.#ended = { ...completed, ...result };
    this.emit({ type: 'turn.ended', result: this.#ended });
    this.#settle(this.#ended);
  }

  watch(listener: (event: AgentEvent) => void): () => void {
    for (const event of this.#events) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  interrupt(reason: string): void {
    if (this.#ended !== undefined) return;
    this.interruptReason ??= reason;
    this.#onInterrupt(reason);
    this.end({ status: 'interrupted', exit: 'interrupted' });
  }

  steer(text: string): boolean {
    if (this.#ended !== undefined) return false;
    this.steered.push(text);
    return true;
  }

  /** Asks and waits for the answer, as a tool does. */
  ask(question: ApprovalQuestion): Promise<ApprovalChoice> {
    return new Promise((resolve) => {
      this.#questions.set(question.id, resolve);
      this.emit({ type: 'approval.requested', question });
    });
  }

  answer(choice: ApprovalChoice, which: 'oldest' | 'all' | { readonly id: string }): number {
    const open = [...this.#questions.keys()];
    const meant =
      which === 'all' ? open : which === 'oldest' ? open.slice(0, 1) : open.filter((id) => id === which.id);
    for (const id of meant) {
      const resolve = this.#questions.get(id);
      this.#questions.delete(id);
      this.emit({ type: 'approval.answered', id, choice, by: 'person' });
      resolve?.(choice);
    }
    return meant.length;
  }
}

const greet: Script = (turn) => {
  turn.say('Hel', 'lo');
  turn.end({ text: 'Hello', usage: { ...noUsage, input: 50, output: 200 } });
};

/** A scripted `Turns`: a repeated key finds its turn again unless that one ended without an answer. */
export class FakeTurns implements Turns {
  readonly turns: FakeTurn[] = [];
  script: Script;
  /** Thrown by the next submits instead of starting a turn. */
  refusal: Error | undefined;
  readonly #waiting: ((turn: FakeTurn) => void)[] = [];

  constructor(script: Script = greet) {
    this.script = script;
  }

  get requests(): TurnRequest[] {
    return this.turns.map((turn) => turn.request);
  }

  get last(): TurnRequest {
    const last = this.turns.at(-1);
    if (last === undefined) throw new Error('no turn was submitted');
    return last.request;
  }

  /** The next turn that is submitted. */
  next(): Promise<FakeTurn> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async submit(request: TurnRequest): Promise<TurnHandle> {
    if (this.refusal !== undefined) throw this.refusal;
    const known = this.turns.findLast((turn) => turn.request.key === request.key);
    if (known !== undefined && (known.status ?? 'completed') === 'completed') return known;
    const turn = new FakeTurn(request, this.turns.length + 1);
    this.turns.push(turn);
    queueMicrotask(() => {
      this.#waiting.shift()?.(turn);
      void this.script(turn);
    });
    return turn;
  }

  async find(turn: TurnId): Promise<TurnHandle | undefined> {
    return this.turns.find((each) => each.turn === turn && each.status === undefined);
  }

  active(): number {
    return this.turns.filter((turn) => turn.status === undefined).length;
  }
}
