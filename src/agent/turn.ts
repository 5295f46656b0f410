/** One turn: model calls and tool calls in alternation until there is an answer (agent-runtime §2, §5). */
import type { TurnResult, TurnStatus } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { addUsage, type Message, noUsage, type ToolCall, type Usage } from '../core/message.ts';
import { type BatchContext, runBatch } from './batch.ts';
import { type Answer, type Caller, type Outcome, request } from './call.ts';
import type { Chain } from './chain.ts';
import type { AgentRun, ApprovalRequest, Tool, ToolSchema } from './contract.ts';
import { type Delivery, openDelivery } from './delivery.ts';
import { openGuardrails } from './guardrails.ts';
import { named, type Prepared, prepared, withSiblings } from './prepare.ts';
import { pastSteps } from './replay.ts';
import { openResults } from './results.ts';
import { distinctCalls, readArguments } from './sanity.ts';
import { toModel, toPeople } from './wording.ts';

export interface TurnDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly home: string;
  readonly chain: Chain;
  readonly system: string;
  /** What this turn may use, in a stable order. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
  readonly attempts: number;
  readonly maxTokens: number | undefined;
  readonly reasoningEffort: string;
  approve(request: ApprovalRequest, call: string, signal: AbortSignal): Promise<'allowed' | 'denied'>;
}

const mostContinuations = 3;
const mostTruncatedCalls = 3;
const mostEmptyRetries = 3;
const mostInvalidArguments = 2;
const mostUnknownTools = 3;
const outputCap = { base: 4_096, ceiling: 32_768 } as const;
/** Tools whose accompanying text may stand as the answer when the model then says nothing (agent-runtime §5.2). */
const housekeeping = new Set(['memory', 'todo', 'skill_manage', 'session_search']);
/** A request above this size that the provider calls invalid is not stored: it would only grow (agent-runtime §4.2). */
const largeHistory = 80;

type Assistant = Extract<Message, { role: 'assistant' }>;
type Draft = Omit<TurnResult, 'usage' | 'model' | 'provider' | 'modelCalls' | 'messages'> & {
  readonly messages?: readonly Message[];
};

/** Rejects only when the journal does. */
export async function runTurn(run: AgentRun, deps: TurnDeps): Promise<TurnResult> {
  return new Turn(run, deps).run();
}

class Turn {
  readonly #run: AgentRun;
  readonly #deps: TurnDeps;
  readonly #delivery: Delivery;
  readonly #caller: Caller;
  readonly #batch: Omit<BatchContext, 'history'>;
  readonly #user: Message;
  /** Everything this turn adds to the transcript. */
  readonly #added: Message[];
  /** Said to the model only: continuations and nudges. */
  #scaffold: Message[] = [];
  #used = 0;
  #modelCalls = 0;
  #usage: Usage = noUsage;
  #unknownInARow = 0;
  #invalidArguments = 0;
  #truncatedCalls = 0;
  #emptyRetries = 0;
  #nudged = false;
  /** Text that came along with housekeeping tools only. */
  #aside = '';

  constructor(run: AgentRun, deps: TurnDeps) {
    this.#run = run;
    this.#deps = deps;
    this.#user = { role: 'user', content: run.input };
    this.#added = [this.#user];
    this.#delivery = openDelivery((text) => run.emit({ type: 'text.delta', text }));
    const { chain, clock, log, attempts } = deps;
    this.#caller = {
      chain,
      clock,
      log,
      attempts,
      delivery: this.#delivery,
      fixes: new Set(),
      signal: run.signal,
      trace: run.trace,
      reasoning: (text) => run.emit({ type: 'reasoning.delta', text }),
      counted: (usage) => {
        this.#usage = addUsage(this.#usage, usage);
        this.#modelCalls++;
      },
    };
    this.#batch = {
      run,
      clock,
      log,
      results: openResults(deps.home, run.turn),
      guardrails: openGuardrails(),
      emit: run.emit,
      approve: deps.approve,
    };
  }

  async run(): Promise<TurnResult> {
    const { chain } = this.#deps;
    this.#run.emit({ type: 'turn.started', model: chain.current.name, provider: chain.current.provider });
    await this.#replay();
    const draft = await this.#loop();
    this.#run.emit({ type: 'usage', usage: this.#usage });
    return {
      messages: this.#added,
      ...draft,
      usage: this.#usage,
      model: chain.current.name,
      provider: chain.current.provider,
      modelCalls: this.#modelCalls,
    };
  }

  /** Takes up the steps of an earlier attempt; calls that never ran run now. */
  async #replay(): Promise<void> {
    for (const { message, usage, results } of pastSteps(this.#run.journal.past, this.#deps.tools)) {
      this.#used++;
      this.#modelCalls++;
      this.#usage = addUsage(this.#usage, usage);
      const calls = message.toolCalls ?? [];
      const batch = calls.map((call) => prepared(call, this.#deps));
      const missing = batch.filter(({ call }) => !results.has(call.id));
      const ran = missing.length > 0 ? await this.#runBatch(missing) : [];
      const fresh = new Map(missing.map(({ call }, index) => [call.id, ran[index]!]));
      await this.#append(message, calls, (call) => results.get(call.id) ?? fresh.get(call.id)!);
    }
  }

  async #loop(): Promise<Draft> {
    const { maxIterations, signal } = this.#run;
    while (this.#used < maxIterations) {
      if (signal.aborted) return this.#interrupted('');
      this.#used++;
      this.#steer();
      this.#delivery.answer();
      const outcome = await this.#ask(this.#deps.schemas);
      const end = await this.#after(outcome);
      if (end !== undefined) return end;
    }
    return signal.aborted ? this.#interrupted('') : this.#summarise();
  }

  async #after(outcome: Outcome): Promise<Draft | undefined> {
    switch (outcome.kind) {
      case 'interrupted':
        return this.#interrupted(outcome.text);
      case 'failed':
        return this.#failed(outcome);
      case 'answer':
        if (outcome.calls.length > 0) return this.#useTools(outcome);
        return outcome.text.trim() === '' ? this.#nothing(outcome) : this.#finish(outcome);
      default:
        return outcome satisfies never;
    }
  }

  /* ---- answers ---- */

  async #finish(first: Answer): Promise<Draft | undefined> {
    let answer = first;
    const thoughts = [answer.reasoning];
    for (let n = 1; isCut(answer) && n <= mostContinuations; n++) {
      const partial: Message[] = [
        { role: 'assistant', content: answer.text },
        { role: 'user', content: toModel.goOn },
      ];
      this.#delivery.goOn();
      const before = answer.text;
      const next = await this.#ask(this.#deps.schemas, partial, answer.reason === 'length' ? n + 1 : 1);
      if (next.kind === 'interrupted') return this.#interrupted(next.text);
      // The provider is gone: what was said stands, and is marked as incomplete.
      if (next.kind === 'failed')
        return this.#partial('model_error', next.verdict.class, next.message, before, thoughts);
      if (next.calls.length > 0 && !isCut(next)) return this.#useTools(next);
      thoughts.push(next.reasoning);
      // An empty continuation means there was nothing left to say.
      answer = next.text === before && next.reason !== 'length' ? { ...next, reason: 'stop' } : next;
    }
    const { text, meta } = answer;
    if (isCut(answer))
      return this.#partial('truncated', 'truncated', toPeople.stillTruncated, text, thoughts);
    const reasoning = thoughts.join('');
    const whole = answer === first && meta ? { meta } : {};
    this.#added.push({ role: 'assistant', content: text, ...(reasoning !== '' && { reasoning }), ...whole });
    const exit = `text_response(finish_reason=${answer.reason})`;
    return { status: 'completed', text, exit, ...(reasoning !== '' && { reasoning }) };
  }

  #partial(
    exit: string,
    code: string,
    message: string,
    text: string,
    thoughts: readonly string[] = [],
  ): Draft {
    const reasoning = thoughts.join('');
    if (text !== '')
      this.#added.push({ role: 'assistant', content: text, ...(reasoning !== '' && { reasoning }) });
    return {
      status: 'partial',
      text,
      exit,
      error: { code, message },
      ...(reasoning !== '' && { reasoning }),
    };
  }

  /** Neither text nor calls. */
  #nothing(answer: Answer): Draft | undefined {
    if (answer.reason === 'length' && answer.reasoning !== '') {
      return this.#partial(
        'thinking_exhausted',
        'thinking_exhausted',
        toPeople.onlyThought,
        toPeople.onlyThought,
      );
    }
    if (this.#aside !== '') {
      this.#added.push({ role: 'assistant', content: this.#aside });
      return { status: 'completed', text: this.#aside, exit: 'text_response(with_housekeeping)' };
    }
    if (this.#added.at(-1)?.role === 'tool' && !this.#nudged) {
      this.#nudged = true;
      this.#scaffold = [
        { role: 'assistant', content: '(empty)' },
        { role: 'user', content: toModel.nudge },
      ];
      return undefined;
    }
    if (this.#emptyRetries++ < mostEmptyRetries) return undefined;
    return this.#partial('empty_response', 'empty_response', toPeople.empty, '');
  }

  /* ---- tools ---- */

  async #useTools(answer: Answer): Promise<Draft | undefined> {
    const calls = distinctCalls(answer.calls).map((call) => named(call, this.#deps.tools));
    const read = calls.map((call) => readArguments(call.arguments));
    if (isCut(answer) || read.some((args) => args.kind === 'truncated')) {
      if (this.#truncatedCalls++ < mostTruncatedCalls) return undefined;
      return this.#partial('truncated', 'truncated', toPeople.truncatedCall, '');
    }
    if (read.some((args) => args.kind === 'invalid') && this.#invalidArguments++ < mostInvalidArguments)
      return undefined;
    this.#truncatedCalls = 0;
    const batch = withSiblings(calls.map((call) => prepared(call, this.#deps)));
    const unknown = batch.some(({ tool }) => tool === undefined);
    this.#unknownInARow = unknown ? this.#unknownInARow + 1 : 0;
    const message: Assistant = {
      role: 'assistant',
      content: answer.text,
      ...(answer.reasoning !== '' && { reasoning: answer.reasoning }),
      toolCalls: calls,
      ...(answer.meta && { meta: answer.meta }),
    };
    await this.#run.journal.model(message, answer.usage);
    this.#run.emit({ type: 'segment.end' });
    this.#scaffold = [];
    const results = await this.#runBatch(batch);
    const byId = new Map(calls.map((call, index) => [call.id, results[index]!]));
    await this.#append(message, calls, (call) => byId.get(call.id)!);
    if (calls.every((call) => call.name === 'execute_code')) this.#used--;
    this.#aside = calls.every((call) => housekeeping.has(call.name)) ? answer.text.trim() || this.#aside : '';
    if (this.#run.signal.aborted) return this.#interrupted('');
    if (this.#unknownInARow >= mostUnknownTools) {
      return this.#partial('invalid_tool', 'invalid_tool', toPeople.unknownTools, '');
    }
    return undefined;
  }

  #runBatch(batch: readonly Prepared[]): Promise<string[]> {
    return runBatch(batch, { ...this.#batch, history: [...this.#run.history, ...this.#added] });
  }

  async #append(
    message: Assistant,
    calls: readonly ToolCall[],
    resultOf: (call: ToolCall) => string,
  ): Promise<void> {
    const texts = await this.#batch.results.limitAll(
      calls.map((call) => ({ call: call.id, content: resultOf(call) })),
    );
    this.#added.push(message);
    for (const [index, call] of calls.entries()) {
      this.#added.push({ role: 'tool', toolCallId: call.id, name: call.name, content: texts[index]! });
    }
  }

  /** Guidance that came in meanwhile, as the end of the newest tool result. */
  #steer(): void {
    const last = this.#added.at(-1);
    if (last?.role !== 'tool') return;
    const text = this.#run.takeSteering();
    if (text === undefined || text.trim() === '') return;
    this.#added[this.#added.length - 1] = { ...last, content: `${last.content}\n\nUser guidance: ${text}` };
  }

  /* ---- model ---- */

  /** `capFactor` above 1 raises the output cap, after an answer that was cut by it. */
  #ask(
    tools: readonly ToolSchema[],
    tail: readonly Message[] = this.#scaffold,
    capFactor = 1,
  ): Promise<Outcome> {
    const { sampling, history, session } = this.#run;
    const { maxTokens, reasoningEffort, system } = this.#deps;
    const factor = Math.max(capFactor, this.#truncatedCalls + 1);
    const wanted = sampling?.maxTokens ?? maxTokens;
    const raised =
      factor > 1
        ? {
            maxTokens: Math.max(
              wanted ?? 0,
              Math.min((wanted ?? outputCap.base) * factor, outputCap.ceiling),
            ),
          }
        : {};
    return request(
      {
        system,
        messages: [...history, ...this.#added, ...tail],
        tools,
        session,
        sampling: { ...sampling, ...raised },
        ...(reasoningEffort !== '' && { reasoningEffort }),
      },
      this.#caller,
    );
  }

  /** The budget is spent: one last call without tools (agent-runtime §2.2). */
  async #summarise(): Promise<Draft> {
    const { maxIterations } = this.#run;
    this.#run.emit({ type: 'status', kind: 'budget', text: toPeople.exhausted(this.#used, maxIterations) });
    const ask: Message[] = [{ role: 'user', content: toModel.summarise }];
    for (let attempt = 0; attempt < 2; attempt++) {
      this.#delivery.answer();
      const outcome = await this.#ask([], ask);
      if (outcome.kind === 'interrupted') return this.#interrupted(outcome.text);
      const limit = toPeople.limit(maxIterations);
      if (outcome.kind === 'failed') {
        return this.#partial(
          'max_iterations',
          'max_iterations',
          limit,
          toPeople.summaryFailed(maxIterations, outcome.message),
        );
      }
      if (outcome.text.trim() !== '')
        return this.#partial('max_iterations', 'max_iterations', limit, outcome.text);
    }
    const limit = toPeople.limit(maxIterations);
    return this.#partial('max_iterations', 'max_iterations', limit, toPeople.noSummary);
  }

  /* ---- other ends ---- */

  #interrupted(text: string): Draft {
    const reason: unknown = this.#run.signal.reason;
    const message =
      reason instanceof Error && reason.name !== 'AbortError' ? reason.message : toPeople.interrupted;
    return { status: 'interrupted', text, exit: 'interrupted', error: { code: 'interrupted', message } };
  }

  /** What is stored of a failed turn: gateway-core §4.5. */
  #failed({ verdict, message, text }: Extract<Outcome, { kind: 'failed' }>): Draft {
    const overflow = verdict.class === 'context_overflow' || verdict.class === 'payload_too_large';
    const refused = verdict.class === 'format_error' && this.#run.history.length > largeHistory;
    const status: TurnStatus = 'failed';
    const messages = overflow || refused ? [] : [this.#user];
    return { status, text, exit: 'model_error', error: { code: verdict.class, message }, messages };
  }
}

function isCut(answer: Answer): boolean {
  return answer.reason === 'length' || answer.reason === 'cut';
}
