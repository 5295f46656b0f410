/** One turn: model calls and tool calls in alternation until there is an answer (agent-runtime §2, §5). */
import type { TurnResult, TurnStatus } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { addUsage, type Message, noUsage, type Usage } from '../core/message.ts';
import { type BatchContext, runBatch } from './batch.ts';
import { type Answer, type Caller, type Outcome, request } from './call.ts';
import type { Chain } from './chain.ts';
import type { AgentRun, Tool, ToolSchema } from './contract.ts';
import { type Delivery, openDelivery } from './delivery.ts';
import { openGuardrails } from './guardrails.ts';
import { type Redact, storable } from './keep.ts';
import { type Offer, offerOf, type Shown } from './offer.ts';
import { type Opening, openingOf, withAttachments } from './opening.ts';
import { isOpen, named, type Prepared, prepared, withSiblings } from './prepare.ts';
import { pastSteps } from './replay.ts';
import { openResults } from './results.ts';
import { distinctCalls, readArguments } from './sanity.ts';
import { toCaller, toModel, toPeople } from './wording.ts';

export interface TurnDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly home: string;
  readonly chain: Chain;
  readonly system: string;
  /** Server tools this turn may use, in a stable order. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
  readonly attempts: number;
  readonly maxTokens: number | undefined;
  readonly reasoningEffort: string;
  /** Takes secrets out of what is stored. */
  readonly redact: Redact;
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
  readonly #batch: Omit<BatchContext, 'history' | 'already'>;
  readonly #offer: Offer;
  readonly #opening: Opening;
  /** Everything this turn adds to the transcript. */
  readonly #added: Message[];
  /** Said to the model only: continuations and nudges. */
  #scaffold: Message[] = [];
  /** Calls that may still be made. */
  #callsLeft: number;
  /** The model has called a tool in this turn. */
  #called = false;
  readonly #warned = new Set<string>();
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
    this.#offer = offerOf(run, deps);
    this.#callsLeft = run.maxToolCalls ?? Number.POSITIVE_INFINITY;
    this.#opening = openingOf(run);
    this.#added = [...this.#opening.given];
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
      warn: (text) => this.#warn(text),
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
      approve: (request, signal) =>
        run.approve({ ...request, command: deps.redact(request.command) }, signal),
    };
  }

  async run(): Promise<TurnResult> {
    const { chain } = this.#deps;
    this.#run.emit({ type: 'turn.started', model: chain.current.name, provider: chain.current.provider });
    const draft = (await this.#replay()) ?? (await this.#loop());
    this.#run.emit({ type: 'usage', usage: this.#usage });
    return {
      ...draft,
      messages: storable(draft.messages ?? this.#added, this.#deps.redact),
      usage: this.#usage,
      model: chain.current.name,
      provider: chain.current.provider,
      modelCalls: this.#modelCalls,
    };
  }

  /** Takes up the steps of an earlier attempt; calls that never ran run now. */
  async #replay(): Promise<Draft | undefined> {
    for (const { message, usage, results } of pastSteps(this.#run.journal.past, this.#offer.tools)) {
      this.#used++;
      this.#modelCalls++;
      this.#usage = addUsage(this.#usage, usage);
      const calls = message.toolCalls ?? [];
      const left = withSiblings(calls.map((call) => prepared(call, this.#offer))).filter(
        ({ call }) => !results.has(call.id),
      );
      const done = await this.#runTools(message, left, results);
      if (done !== undefined) return done;
    }
    return undefined;
  }

  async #loop(): Promise<Draft> {
    const { maxIterations, signal } = this.#run;
    while (this.#used < maxIterations) {
      if (signal.aborted) return this.#interrupted('');
      this.#used++;
      this.#steer();
      this.#delivery.answer();
      const outcome = await this.#ask(this.#shown);
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
    const { choice } = this.#shown;
    if (choice?.type === 'required' || choice?.type === 'tool') this.#warn(toCaller.noCall);
    const thoughts = [answer.reasoning];
    for (let n = 1; isCut(answer) && n <= mostContinuations; n++) {
      const partial: Message[] = [
        { role: 'assistant', content: answer.text },
        { role: 'user', content: toModel.goOn },
      ];
      this.#delivery.goOn();
      const before = answer.text;
      const next = await this.#ask(this.#offer.later, partial, answer.reason === 'length' ? n + 1 : 1);
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
    if (this.#wantsJson && !isJson(text)) this.#warn(toCaller.notJson);
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
    const { signal, sampling, journal, maxToolCalls } = this.#run;
    const wanted = distinctCalls(answer.calls).map((call) => named(call, this.#offer));
    const most = sampling?.parallelToolCalls === false ? 1 : wanted.length;
    const calls = wanted.slice(0, Math.min(most, this.#callsLeft));
    if (maxToolCalls !== undefined && calls.length < Math.min(most, wanted.length)) {
      this.#warn(toCaller.callsSpent(maxToolCalls));
    }
    // Nothing was left to call, and the model was told so.
    if (calls.length === 0) {
      const spoken = { ...answer, calls: [] };
      return spoken.text.trim() === '' ? this.#nothing(spoken) : this.#finish(spoken);
    }
    const read = calls.map(({ name, arguments: args }) => ({ name, kind: readArguments(args).kind }));
    if (isCut(answer) || read.some(({ kind }) => kind === 'truncated')) {
      if (this.#truncatedCalls++ < mostTruncatedCalls) return undefined;
      return this.#partial('truncated', 'truncated', toPeople.truncatedCall, '');
    }
    // The caller gets the arguments of its tools as the model wrote them.
    const broken = read.some(({ name, kind }) => kind === 'invalid' && !this.#offer.client.has(name));
    if (broken && this.#invalidArguments++ < mostInvalidArguments) return undefined;
    this.#truncatedCalls = 0;
    const batch = withSiblings(calls.map((call) => prepared(call, this.#offer)));
    const unknown = batch.some(({ tool, client }) => tool === undefined && client !== true);
    this.#unknownInARow = unknown ? this.#unknownInARow + 1 : 0;
    const message: Assistant = {
      role: 'assistant',
      content: answer.text,
      ...(answer.reasoning !== '' && { reasoning: answer.reasoning }),
      toolCalls: calls,
      ...(answer.meta && { meta: answer.meta }),
    };
    this.#scaffold = [];
    // What only the caller can run is recorded by the end of the turn itself.
    if (!batch.every(isOpen)) {
      await journal.model(message, answer.usage);
      this.#run.emit({ type: 'segment.end' });
    }
    const done = await this.#runTools(message, batch, new Map());
    if (done !== undefined) return done;
    if (calls.every((call) => call.name === 'execute_code')) this.#used--;
    this.#aside = calls.every((call) => housekeeping.has(call.name)) ? answer.text.trim() || this.#aside : '';
    if (signal.aborted) return this.#interrupted('');
    if (this.#unknownInARow >= mostUnknownTools) {
      return this.#partial('invalid_tool', 'invalid_tool', toPeople.unknownTools, '');
    }
    return undefined;
  }

  /** Runs what is to run here. Ends the turn when calls of the caller's own tools are left. */
  async #runTools(
    message: Assistant,
    batch: readonly Prepared[],
    known: ReadonlyMap<string, string>,
  ): Promise<Draft | undefined> {
    const here = batch.filter((item) => !isOpen(item));
    const open = batch.filter(isOpen);
    const history = [...this.#opening.history, ...this.#added];
    const already = [...known.values()].reduce((sum, text) => sum + text.length, 0);
    const ran = here.length > 0 ? await runBatch(here, { ...this.#batch, history, already }) : [];
    const results = new Map([...known, ...here.map(({ call }, index) => [call.id, ran[index]!] as const)]);
    this.#called = true;
    this.#callsLeft -= message.toolCalls?.length ?? 0;
    this.#added.push(message);
    for (const { id, name } of message.toolCalls ?? []) {
      const content = results.get(id);
      if (content !== undefined) this.#added.push({ role: 'tool', toolCallId: id, name, content });
    }
    if (open.length === 0 || this.#run.signal.aborted) return undefined;
    return {
      status: 'completed',
      text: message.content,
      exit: 'client_tools',
      clientCalls: open.map(({ call: { id, name, arguments: args } }) => ({ id, name, arguments: args })),
      ...(message.reasoning !== undefined && { reasoning: message.reasoning }),
    };
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

  get #shown(): Shown {
    // Still shown, as with `none`: the history has calls of them.
    if (this.#callsLeft <= 0) return { schemas: this.#offer.later.schemas, choice: { type: 'none' } };
    return this.#called ? this.#offer.later : this.#offer.first;
  }

  get #shownAdded(): readonly Message[] {
    return withAttachments(this.#added, this.#opening.given.length, this.#run.attachments);
  }

  get #wantsJson(): boolean {
    return (this.#run.responseFormat?.type ?? 'text') !== 'text';
  }

  /** Tells the caller, once, of a wish that is not met. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#run.emit({ type: 'status', kind: 'warning', text });
  }

  /** `capFactor` above 1 raises the output cap, after an answer that was cut by it. */
  #ask(
    { schemas, choice }: Shown,
    tail: readonly Message[] = this.#scaffold,
    capFactor = 1,
  ): Promise<Outcome> {
    const { sampling, session, responseFormat } = this.#run;
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
        messages: [...this.#opening.history, ...this.#shownAdded, ...tail],
        tools: schemas,
        session,
        ...(choice && { toolChoice: choice }),
        ...(responseFormat && this.#wantsJson && { responseFormat }),
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
      const outcome = await this.#ask({ schemas: [] }, ask);
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
    const messages = overflow || refused ? [] : this.#opening.given;
    return { status, text, exit: 'model_error', error: { code: verdict.class, message }, messages };
  }
}

function isCut(answer: Answer): boolean {
  return answer.reason === 'length' || answer.reason === 'cut';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
