/**
 * Turns, from a waiting event to the committed answer. Every source of work meets here; the agent is called in one
 * place only (`#run`).
 */
import type { Agent, ApprovalRequest, Consent } from '../agent/contract.ts';
import type { Settings } from '../config/settings.ts';
import type { TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { reach } from '../core/fault.ts';
import { brand, type SessionKey, type TraceId, type TurnId } from '../core/ids.ts';
import type { Address, DeliveryTarget } from '../core/inbound.ts';
import { type LaneState, Lanes } from '../core/lanes.ts';
import type { Log } from '../core/log.ts';
import { readEnvelope } from '../intake/envelope.ts';
import { type PartDraft, storeDrafts } from '../outbox/draft.ts';
import { runChatCommand } from '../session/commands/list.ts';
import { readTranscript } from '../session/transcript.ts';
import { failLiveLeftovers, inboundsOfTurn, openLanes, settleInbound } from '../store/queries/inbound.ts';
import { endLiveLeftovers, getTurn, stopTurn } from '../store/queries/turn.ts';
import type { Store } from '../store/store.ts';
import { say } from '../texts/say.ts';
import { answerOf } from './answer.ts';
import { BusyChats } from './busy.ts';
import { type ChatWork, type Claim, type CommandWork, claimNext } from './claim.ts';
import type { TurnHandle, TurnRequest, Turns } from './contract.ts';
import { failedResult, isInactive, isShutdown, isUnwritable, suspended } from './ends.ts';
import { commitEnding } from './finish.ts';
import { watchInactivity } from './inactivity.ts';
import { chatInput } from './input.ts';
import { openJournal, unrecorded } from './journal.ts';
import { type Continued, continued } from './results.ts';
import { Interrupted, RunningTurn, type TurnIdentity } from './running.ts';
import { storeRequest } from './submit.ts';

/** What the engine needs of the way out. Calls after commits only; none of them may wait or throw. */
export interface Outlet {
  /** Renders an answer for a chat; keys start with `prefix`, so a repeated ending writes no second part. */
  draft(
    markdown: string,
    to: { readonly account: string; readonly at: Address; readonly replyTo?: string },
    kind: PartDraft['class'],
    prefix: string,
  ): readonly PartDraft[];
  /** Account and chat of a delivery target; throws with a sentence when there is none. */
  resolve(target: DeliveryTarget): { readonly account: string; readonly at: Address };
  /** New rows for this chat are committed. */
  wake(account: string, chat: string): void;
  /** Shows that somebody works on an answer; the returned function ends it. */
  typing(account: string, at: Address): () => void;
}

export interface EngineDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Settings;
  readonly agent: Agent;
  readonly outlet: Outlet;
  /** Tools a source may use at all; a request can only narrow them. */
  toolsFor(platform: string, toolsets?: readonly string[]): ReadonlySet<string>;
  /** Of these a request may name some (`TurnRequest.tools`); default: those of `toolsFor`. */
  widestFor?(platform: string): ReadonlySet<string>;
  /** What people have allowed for ever. */
  readonly allowList?: AllowList;
  /** About the conversation, for the system prompt. Byte-stable per session. */
  contextFor(work: ChatWork): string | undefined;
}

export interface AllowList {
  has(key: string): boolean;
  /** Holds at once; never throws. */
  add(keys: readonly string[]): void;
}

const stoppedByUser = { code: 'interrupted', message: 'Stopped by the user.' };

const shutdown = () => new Interrupted('shutdown', 'The gateway is shutting down.');

/** Turns that may run at once; more wait in their lanes. */
const mostRunning = 256;
/** Requests that may wait; more are refused with BUSY. */
const mostWaiting = 2_000;
/**
 * A turn that was running at this many process ends is given up, so that one poisonous message cannot end the gateway
 * for ever. High enough that a row of unrelated ends (updates, power) does not hit a healthy turn.
 */
const mostAttempts = 30;
/** How often one process begins a turn again whose steps could not be stored. */
const mostRuns = 10;

/** How many lanes of an earlier process run at first, and how often more may follow. */
const fewestRecovered = 16;
const recoverStepMs = 25;

const contentGone =
  'The gateway was restarted, and the files of the request were not stored. Send the request again.';

export class TurnEngine implements Turns {
  readonly #deps: EngineDeps;
  readonly #lanes: Lanes<SessionKey>;
  readonly #busy: BusyChats;
  /** Live turns by id, from submission to the recorded end; chat turns while they run. */
  readonly #turns = new Map<TurnId, RunningTurn>();
  readonly #byLane = new Map<SessionKey, RunningTurn>();
  #draining = false;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#lanes = new Lanes({
      clock: deps.clock,
      limit: mostRunning,
      work: (key) => this.#work(key),
      busy: (key) => this.#whileBusy(key),
      failed: (key, error) => deps.log('error', 'lane.failed', { key, error }),
    });
    this.#busy = new BusyChats(deps);
  }

  wake(key: SessionKey): void {
    this.#lanes.wake(key);
  }

  active(source?: string): number {
    let count = 0;
    for (const turn of this.#turns.values()) {
      if (source === undefined || turn.identity.source === source) count += 1;
    }
    return count;
  }

  async submit(request: TurnRequest): Promise<TurnHandle> {
    if (this.#draining) throw new GatewayError('DRAINING', {});
    const waiting = this.#waiting();
    if (waiting >= mostWaiting) throw new GatewayError('BUSY', { waiting });
    const { clock } = this.#deps;
    const handle = new RunningTurn(
      {
        turn: brand<TurnId>(`turn_${clock.hex(12)}`),
        trace: brand<TraceId>(clock.hex(8)),
        key: request.sessionKey,
        source: request.source,
        consumer: request.consumer,
        isRequest: true,
      },
      (error) => this.#deps.log('error', 'turn.watcher', { error }),
      request.unstored,
    );
    // Known before the row is: the lane may claim it in the same instant.
    this.#turns.set(handle.turn, handle);
    try {
      const stored = await storeRequest(this.#deps.store, clock, request, handle.identity);
      switch (stored.kind) {
        case 'new':
          this.#lanes.wake(request.sessionKey);
          return handle;
        case 'running': {
          this.#turns.delete(handle.turn);
          const other = this.#turns.get(stored.turn);
          if (other !== undefined) return other;
          // Stored by a commit whose end was not told; its answer is found when the caller asks again.
          this.#lanes.wake(request.sessionKey);
          throw new GatewayError('BUSY', { waiting: this.#waiting() });
        }
        case 'answered':
          this.#turns.delete(handle.turn);
          handle.end(stored.result);
          return handle;
      }
    } catch (error) {
      this.#turns.delete(handle.turn);
      throw error;
    }
  }

  async find(turn: TurnId): Promise<TurnHandle | undefined> {
    const { store } = this.#deps;
    const isOpen = async () => {
      const row = (await store.read.all(inboundsOfTurn, { turn })).at(0);
      return row !== undefined && ['pending', 'claimed'].includes(row.state) ? row : undefined;
    };
    const live = this.#turns.get(turn);
    if (live !== undefined) return live;
    const row = await isOpen();
    if (row === undefined || readEnvelope(row.body)?.type !== 'request') return undefined;
    const handle =
      this.#turns.get(turn) ??
      this.#open({
        turn,
        trace: brand<TraceId>(row.trace),
        key: brand<SessionKey>(row.session_key),
        source: row.account,
        consumer: row.consumer,
        isRequest: true,
      });
    // Its lane uses this handle from here on, unless it came to the end in between.
    if ((await isOpen()) !== undefined) return handle;
    this.#turns.delete(turn);
    return undefined;
  }

  #open(identity: TurnIdentity): RunningTurn {
    const running = new RunningTurn(identity, (error) => this.#deps.log('error', 'turn.watcher', { error }));
    this.#turns.set(identity.turn, running);
    return running;
  }

  /** Lanes and requests: any number of requests may wait in one lane. */
  #waiting(): number {
    return Math.max(this.#lanes.waiting, this.#turns.size - this.#byLane.size);
  }

  /** Takes up what an earlier process left. Call once, before sources are connected. */
  async recover(): Promise<{ readonly lanes: number }> {
    const { store, clock } = this.#deps;
    await store.write(async (tx) => {
      const error = JSON.stringify({ code: 'restarted', message: 'The gateway was restarted.' });
      await tx.run(endLiveLeftovers, { ended_at: clock.now(), error });
      await tx.run(failLiveLeftovers, { reason: 'interrupted' });
    });
    const lanes = await store.read.all(openLanes, {});
    void this.#wakeSteadily(lanes.map((lane) => brand<SessionKey>(lane.session_key)));
    return { lanes: lanes.length };
  }

  /**
   * Thousands of waiting chats: the oldest begin alone, and more follow as long as the process keeps up, so that the
   * first answers leave before the machine is busy with the turns of all the others. An event that comes in meanwhile
   * wakes its lane as always.
   */
  async #wakeSteadily(keys: readonly SessionKey[]): Promise<void> {
    const { clock } = this.#deps;
    let window = fewestRecovered;
    for (let next = 0; next < keys.length && !this.#draining; ) {
      const room = Math.max(window - this.#lanes.working - this.#lanes.waiting, 1);
      for (const key of keys.slice(next, next + room)) this.#lanes.wake(key);
      next += room;
      const before = clock.now();
      await clock.sleep(recoverStepMs);
      const late = clock.now() - before - recoverStepMs;
      window = late < recoverStepMs ? Math.min(window * 2, mostRunning) : fewestRecovered;
    }
  }

  /**
   * Starts nothing new, gives running turns `graceMs` to end, then stops the rest: chats and requests with a durable
   * consumer go on after the next start, requests of a live connection end as interrupted.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const idle = this.#lanes.stop();
    // Nobody shall wait for an answer of a person; the question is asked again after the next start.
    for (const turn of this.#turns.values()) if (turn.isAsking) turn.stop(shutdown());
    const giveUp = new AbortController();
    await Promise.race([idle, this.#deps.clock.sleep(graceMs, giveUp.signal)]);
    giveUp.abort();
    for (const turn of this.#turns.values()) {
      turn.stop(shutdown());
    }
    const last = new AbortController();
    await Promise.race([idle, this.#deps.clock.sleep(5_000, last.signal)]);
    last.abort();
    // Requests that were never claimed.
    for (const turn of this.#turns.values()) {
      const isDurable = turn.identity.consumer === 'chat';
      turn.end(
        isDurable ? suspended : failedResult('interrupted', 'DRAINING', 'The gateway is shutting down.'),
      );
    }
    this.#turns.clear();
  }

  async #work(key: SessionKey): Promise<LaneState> {
    const next = await claimNext(this.#deps, key);
    switch (next.kind) {
      case 'nothing':
        return 'idle';
      case 'wait':
        return { waitMs: next.ms };
      case 'command':
        await this.#command(next.command);
        return 'again';
      case 'turn':
        reach('turn:claimed');
        await this.#turn(next.claim);
        // A lane of one request is never used again; asking the store would cost a transaction per request.
        return !next.claim.more &&
          next.claim.work.kind === 'request' &&
          next.claim.work.request.history !== 'stored'
          ? 'idle'
          : 'again';
    }
  }

  async #turn(claim: Claim): Promise<void> {
    const { work } = claim;
    const running = this.#turns.get(claim.turn) ?? this.#adopt(claim);
    this.#byLane.set(claim.key, running);
    this.#busy.started(claim.key);
    // What came in together with the event of this turn woke the lane before it worked.
    if (work.kind === 'chat') this.#whileBusy(claim.key, true);
    const at = work.kind === 'chat' ? work.events.at(-1)?.event.at : undefined;
    let stopTyping: (() => void) | undefined;
    const { clock, settings } = this.#deps;
    const unwatch = watchInactivity(clock, settings.agent.inactivityMs, running);
    try {
      if (work.kind === 'chat' && at) stopTyping = this.#deps.outlet.typing(work.account, at);
      const result =
        claim.attempt > mostAttempts
          ? failedResult('failed', 'STUCK', 'This request ended the gateway several times and was given up.')
          : await this.#runWritable(claim, running);
      const isStopped = isShutdown(running.signal) && result.status === 'interrupted';
      if (claim.consumer === 'chat' && (isStopped || (this.#draining && isUnwritable(result)))) {
        running.end(suspended);
        return;
      }
      await this.#end(claim, running, isInactive(running.signal) ? this.#inactive(result) : result);
    } catch (error) {
      // The row stays `running` and is taken up by its lane; a live caller hears of it now.
      const why = error instanceof GatewayError ? error.code : 'INTERNAL';
      running.end(failedResult('failed', why, 'The answer could not be stored.'));
      throw error;
    } finally {
      unwatch();
      stopTyping?.();
      this.#byLane.delete(claim.key);
      this.#turns.delete(claim.turn);
      this.#busy.ended(claim.key);
    }
  }

  /** Not an interruption that somebody wanted: whoever waits is told. */
  #inactive(result: TurnResult): TurnResult {
    if (result.status !== 'interrupted') return result;
    const minutes = Math.round(this.#deps.settings.agent.inactivityMs / 60_000);
    const message = `No tool call and no token for ${minutes} minutes (agent.gateway_timeout).`;
    return { ...result, status: 'failed', error: { code: 'INACTIVE', message } };
  }

  #adopt(claim: Claim): RunningTurn {
    const source = claim.work.kind === 'chat' ? claim.work.account : claim.work.source;
    return this.#open({
      turn: claim.turn,
      trace: claim.trace,
      key: claim.key,
      source,
      consumer: claim.consumer,
      isRequest: claim.work.kind === 'request',
    });
  }

  /**
   * A chat's turn whose steps could not be stored goes on from the last one that was, as soon as the store takes
   * writes again. A live caller is told instead.
   */
  async #runWritable(claim: Claim, running: RunningTurn): Promise<TurnResult> {
    const { store, clock } = this.#deps;
    for (let run = 1; ; run += 1) {
      const result = await this.#run(claim, running, claim.attempt > 1 || run > 1);
      if (claim.consumer === 'live' || !isUnwritable(result) || run >= mostRuns) return result;
      let wait = 250;
      do {
        if (this.#draining) return result;
        await clock.sleep(wait, running.signal);
        if (running.signal.aborted) return { ...result, status: 'interrupted' };
        wait = Math.min(wait * 2, 10_000);
      } while (!store.health().writable);
      this.#busy.giveBack(claim.key);
      running.giveBack();
    }
  }

  #takeSteering({ key }: Claim, running: RunningTurn): string | undefined {
    const said = [this.#busy.takeSteering(key), running.takeSteering()].filter((text) => text !== undefined);
    if (said.length === 0) return undefined;
    const text = said.join('\n');
    running.emit({ type: 'steered', text });
    return text;
  }

  /** A chat has nobody who could answer inside of a turn. */
  #consent(
    { work }: Claim,
    running: RunningTurn,
    request: ApprovalRequest,
    signal: AbortSignal,
  ): Promise<Consent> {
    const { allowList, clock, settings } = this.#deps;
    if (allowList !== undefined && request.keys.every((key) => allowList.has(key))) {
      return Promise.resolve('allowed');
    }
    const approvals = work.kind === 'request' ? work.request.approvals : undefined;
    if (approvals === undefined) return Promise.resolve('denied');
    const allowForEver = approvals.always ? allowList?.add.bind(allowList) : undefined;
    return running.ask({ request, clock, timeoutMs: settings.approvals.timeoutMs, allowForEver }, signal);
  }

  /** The only call of the agent. */
  async #run(claim: Claim, running: RunningTurn, resumed: boolean): Promise<TurnResult> {
    const { store, clock, settings, agent } = this.#deps;
    const { work } = claim;
    const journal = claim.consumer === 'live' ? unrecorded : await openJournal(store, clock, claim, resumed);
    const { history, input } = await this.#past(claim);
    const shared = {
      turn: claim.turn,
      trace: claim.trace,
      session: claim.session,
      task: claim.session,
      history,
      input,
      maxIterations: settings.agent.maxIterations,
      signal: running.signal,
      journal,
      takeSteering: () => this.#takeSteering(claim, running),
      approve: (request: ApprovalRequest, signal: AbortSignal) =>
        this.#consent(claim, running, request, signal),
      emit: (event: Parameters<RunningTurn['emit']>[0]) => running.emit(event),
    };
    if (work.kind === 'chat') {
      const platform = work.events[0]?.platform ?? '';
      const context = this.#deps.contextFor(work);
      return agent.run({
        ...shared,
        platform,
        tools: this.#deps.toolsFor(platform, work.events[0]?.event.toolsets),
        ...(context === undefined ? {} : { contextPrompt: context }),
      });
    }
    const { request, source } = work;
    const { unstored } = running;
    if (request.unstored === true && unstored === undefined)
      return failedResult('failed', 'CONTENT_GONE', contentGone);
    const system = [request.ephemeralSystem, unstored?.system].filter((text) => text).join('\n\n');
    const all = this.#deps.toolsFor(source);
    const widest = this.#deps.widestFor?.(source) ?? all;
    const { clientTools, toolChoice, responseFormat, maxToolCalls } = request;
    return agent.run({
      ...shared,
      platform: source,
      tools: request.tools ? new Set(request.tools.filter((name) => widest.has(name))) : all,
      ...(system === '' ? {} : { ephemeralSystem: system }),
      ...(unstored === undefined ? {} : { attachments: unstored.parts }),
      ...(request.persona === undefined ? {} : { persona: request.persona }),
      ...(request.model === undefined ? {} : { model: request.model }),
      ...(request.sampling === undefined ? {} : { sampling: request.sampling }),
      ...(clientTools === undefined ? {} : { clientTools }),
      ...(toolChoice === undefined ? {} : { toolChoice }),
      ...(responseFormat === undefined ? {} : { responseFormat }),
      ...(maxToolCalls === undefined ? {} : { maxToolCalls }),
    });
  }

  async #past({ work, session }: Claim): Promise<Continued> {
    if (work.kind === 'request' && work.request.history !== 'stored') {
      return { history: work.request.history, input: work.request.input };
    }
    const stored = await readTranscript(this.#deps.store.read, session);
    if (work.kind === 'chat') return { history: stored, input: chatInput(work.events) };
    const { historyIfEmpty, results = [], input } = work.request;
    return continued(stored.length === 0 && historyIfEmpty ? historyIfEmpty : stored, results, input);
  }

  async #end(claim: Claim, running: RunningTurn, result: TurnResult): Promise<void> {
    const { log, outlet } = this.#deps;
    const parts = this.#parts(claim, result);
    const ending = { claim, result, parts, steered: this.#busy.steeredInto(claim.key) };
    try {
      await this.#commit(ending);
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'FENCED')) throw error;
      // A commit whose end the database did not tell may have been made: then it is ours that is there.
      const recorded = await this.#deps.store.read.get(getTurn, { id: claim.turn });
      if (recorded?.state !== result.status) {
        log('warn', 'turn.fenced', { turn: claim.turn, trace: claim.trace });
        running.end(failedResult('failed', 'FENCED', 'The turn was claimed again.'));
        return;
      }
    }
    log(result.status === 'completed' ? 'info' : 'warn', 'turn.ended', {
      turn: claim.turn,
      trace: claim.trace,
      status: result.status,
      exit: result.exit,
      model: result.model,
      calls: result.modelCalls,
      ...(result.error ? { error: result.error } : {}),
    });
    running.end(result);
    for (const part of parts.slice(0, 1)) outlet.wake(part.account, part.at.chat);
  }

  /** An answer that cost tokens waits for a full disk to get room again; a live caller is told instead. */
  async #commit(ending: Parameters<typeof commitEnding>[2]): Promise<void> {
    const { store, clock } = this.#deps;
    for (let wait = 250; ; wait = Math.min(wait * 2, 10_000)) {
      try {
        await commitEnding(store, clock, ending);
        return;
      } catch (error) {
        const full = error instanceof GatewayError && error.code === 'STORE_FULL';
        if (!full || this.#draining || ending.claim.consumer === 'live') throw error;
        await clock.sleep(wait);
      }
    }
  }

  #parts({ work, turn, reset }: Claim, result: TurnResult): readonly PartDraft[] {
    if (work.kind !== 'chat') return [];
    const last = work.events.at(-1)?.event;
    const text = answerOf(result, last?.answerTo !== undefined);
    if (last === undefined || text === undefined) return [];
    const to = this.#replyAddress(work.account, last);
    const notice =
      reset === undefined
        ? []
        : this.#deps.outlet.draft(say(`reset.${reset}`), to, 'notice', `${turn}:reset`);
    return [...notice, ...this.#deps.outlet.draft(text, to, 'reply', turn)];
  }

  /** Where the answer goes: to the target the event names, if it can be reached, else back to the chat. */
  #replyAddress(
    account: string,
    event: ChatWork['events'][number]['event'],
  ): { readonly account: string; readonly at: Address; readonly replyTo?: string } {
    const back = { account, at: event.at, ...(event.message ? { replyTo: event.message } : {}) };
    if (event.answerTo === undefined) return back;
    try {
      return this.#deps.outlet.resolve(event.answerTo);
    } catch (error) {
      // An answer that was paid for is not thrown away: where the event came from it can still be read.
      this.#deps.log('error', 'turn.unreachable', { target: event.answerTo, error });
      return back;
    }
  }

  async #command(command: CommandWork): Promise<void> {
    const { outlet, store, clock } = this.#deps;
    const { event, command: typed } = command.envelope;
    const to = { account: command.account, at: event.at };
    const done = await store.write(async (tx) => {
      // A lane and its running turn may both see the row; the first one to settle it runs it.
      const mine = await tx.run(settleInbound, { id: command.row, state: 'answered', reason: 'command' });
      if (mine === 0 || typed === undefined) return undefined;
      const running = this.#byLane.has(command.key);
      const reply = await runChatCommand(typed.name, {
        tx,
        clock,
        key: command.key,
        args: typed.args,
        row: command.row,
        running,
      });
      const parts =
        reply.text === undefined ? [] : outlet.draft(reply.text, to, 'notice', `command:${command.row}`);
      await storeDrafts(tx, parts, { turn: null, trace: command.trace, now: clock.now() });
      // Once it is confirmed the turn stays stopped, also when the process ends before the turn did.
      if (reply.stop)
        await tx.run(stopTurn, { session_key: command.key, error: JSON.stringify(stoppedByUser) });
      return reply;
    });
    if (done?.stop) this.#byLane.get(command.key)?.stop(new Interrupted('user', stoppedByUser.message));
    if (done?.text !== undefined) outlet.wake(to.account, to.at.chat);
  }

  /** Something arrived for a lane that works: commands act at once, texts follow the busy mode. */
  #whileBusy(key: SessionKey, before = false): void {
    const running = this.#byLane.get(key);
    if (running === undefined || running.identity.consumer !== 'chat' || this.#draining) return;
    void this.#busy
      .arrived(key, running, (command) => this.#command(command), before)
      .catch((error: unknown) => this.#deps.log('error', 'lane.busy', { key, error }));
  }
}
