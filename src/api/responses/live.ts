/** Responses while they are made: one turn in, numbered events out to any number of readers, snapshots into the store. */
import type { ResponseFormat } from '../../agent/contract.ts';
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Content, Message } from '../../core/message.ts';
import type { TurnRequest } from '../../turn/contract.ts';
import { DeltaMerge } from '../merge.ts';
import type { Target } from '../openclaw/target.ts';
import type { Run, Runs } from '../runs.ts';
import { type Archive, firstHistory, type Kept, type Manner } from './archive.ts';
import { ResponseEncoder } from './encode.ts';
import type { ResponseEvent } from './events.ts';
import { holdFormat } from './format.ts';
import type { Item } from './items.ts';
import { historyAfter } from './replay.ts';
import { type ResponseEcho, type ResponseObject, started } from './resource.ts';

/** Everything about one response that is known before its turn starts. */
export interface Plan {
  readonly echo: ResponseEcho;
  readonly target: Target;
  readonly how: Manner;
  readonly items: readonly Item[];
  readonly prior: readonly Message[];
  readonly input: Content;
  readonly session: string;
  /** See `Kept.isKeyed`. */
  readonly isKeyed: boolean;
  readonly conversation: string | undefined;
  /** The response the conversation pointed at before. */
  readonly previous: string | undefined;
  readonly format: ResponseFormat | undefined;
  /** The caller wants its reasoning back, sealed. */
  readonly seal: ((text: string) => string) | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Names of what was sent and has no effect. */
  readonly ignored: readonly string[];
  turn(key: string): TurnRequest;
}

/** One event as its readers get it. */
export interface Frame {
  readonly type: string;
  readonly json: string;
}

export interface LiveDeps {
  readonly runs: Runs;
  readonly clock: Clock;
  readonly log: Log;
}

export const cancelReason = 'Response cancelled via API';
/** Characters of events kept for readers who come later; a longer stream can only be read while it is made. */
const largestLog = 8_000_000;

export class LiveResponses {
  readonly #deps: LiveDeps;
  readonly #live = new Map<string, LiveResponse>();
  /** Responses of an earlier process whose end a client has asked for. */
  readonly cancelled = new Set<string>();

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  get(id: string): LiveResponse | undefined {
    return this.#live.get(id);
  }

  /**
   * Starts the turn of a plan. Resolves when both the request and, unless `archive` is undefined, the first snapshot
   * are durable. Nothing is shown before `begin`. Rejects like `Runs.start`; then nothing is kept.
   */
  async start(plan: Plan, key: string, archive: Archive | undefined): Promise<LiveResponse> {
    const { id } = plan.echo;
    const kept: Kept = {
      response: started(plan.echo),
      items: plan.items,
      input: plan.input,
      history: firstHistory(plan.prior, plan.input),
      session: plan.session,
      ...(plan.isKeyed ? { isKeyed: true } : {}),
      how: plan.how,
      ...(isReplayable(plan.echo, plan.how) ? { events: [] } : {}),
    };
    // Side by side they share one commit.
    const [created, run] = await Promise.allSettled([
      archive?.create(kept, key, plan.conversation),
      this.#deps.runs.start(plan.turn(key)),
    ]);
    if (run.status === 'rejected') {
      if (created.status === 'fulfilled') await archive?.discard(id, plan.previous);
      throw run.reason;
    }
    if (created.status === 'rejected') {
      run.value.leave('The response could not be stored');
      throw created.reason;
    }
    const live = new LiveResponse(plan, kept, run.value, archive, this.#deps, key !== id);
    this.#live.set(id, live);
    void live.ended.then(() => this.#live.delete(id));
    return live;
  }

  /** Resolves when every response of a live connection has its last snapshot, or after `ms`. */
  async idle(ms: number): Promise<void> {
    const waited = [...this.#live.values()].filter(({ plan }) => !plan.echo.background);
    for (const live of this.#live.values()) if (live.plan.echo.background) live.suspend();
    if (waited.length === 0) return;
    const done = new AbortController();
    const all = Promise.all(waited.map((live) => live.ended));
    await Promise.race([all, this.#deps.clock.sleep(ms, done.signal)]);
    done.abort();
  }
}

const isReplayable = (echo: ResponseEcho, how: Manner) => echo.background && how.streamed;

export class LiveResponse {
  readonly plan: Plan;
  readonly run: Run;
  /** The complete response as it is kept; resolves after the last snapshot was written or when it is suspended. */
  readonly ended: Promise<Kept>;
  readonly #first: Kept;
  readonly #archive: Archive | undefined;
  readonly #deps: LiveDeps;
  /** Other requests may have the same key, and so the same turn. */
  readonly #isRepeat: boolean;
  readonly #encoder: ResponseEncoder;
  readonly #readers = new Set<(frames: readonly Frame[]) => void>();
  readonly #settle: (kept: Kept) => void;
  /** Every event so far, when later readers may ask for it. */
  #log: Frame[] | undefined;
  #logSize = 0;
  #unwatch = () => {};
  readonly #merge: DeltaMerge;
  #cancelled = false;
  #suspended = false;

  constructor(
    plan: Plan,
    first: Kept,
    run: Run,
    archive: Archive | undefined,
    deps: LiveDeps,
    isRepeat: boolean,
  ) {
    this.#isRepeat = isRepeat;
    this.#merge = new DeltaMerge(deps.clock, (delta) => this.#guarded(() => this.#encoder.event(delta)));
    this.plan = plan;
    this.run = run;
    this.#first = first;
    this.#archive = archive;
    this.#deps = deps;
    this.#log = first.events === undefined ? undefined : [];
    this.#encoder = new ResponseEncoder({
      echo: plan.echo,
      ...plan.how,
      seal: plan.seal,
      clientTools: new Set(plan.echo.tools.map((tool) => tool.name)),
    });
    const ended = Promise.withResolvers<Kept>();
    this.ended = ended.promise;
    this.#settle = ended.resolve;
  }

  /** The response as it is now. */
  get response(): ResponseObject {
    return this.#encoder.response;
  }

  /** The process stops before the turn does; the stored response stays open and the next process ends it. */
  get isSuspended(): boolean {
    return this.#suspended;
  }

  /** Starts to show the turn. Readers that attached before miss nothing. */
  begin(): void {
    this.#guarded(() => this.#encoder.open());
    this.#unwatch = this.run.handle.watch((event) => this.#watch(event));
    void this.run.handle.result
      .then((result) => holdFormat(result, this.plan.format))
      .then((result) => this.#end(result));
  }

  /**
   * Hands all later events to `reader`, the earlier ones at once where they are kept. The last call has the last
   * event. Undefined when earlier events are wanted and not kept.
   */
  attach(reader: (frames: readonly Frame[]) => void, startingAfter?: number): (() => void) | undefined {
    if (startingAfter !== undefined) {
      if (this.#log === undefined) return undefined;
      const past = this.#log.slice(startingAfter + 1);
      if (past.length > 0) reader(past);
    }
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Ends the turn because a client asked for it. */
  cancel(): void {
    this.#cancelled = true;
    this.run.handle.interrupt(cancelReason);
  }

  /** Lets go of a turn that goes on after the next start. Nothing more is shown or written. */
  suspend(): void {
    if (this.#suspended) return;
    this.#suspended = true;
    this.#merge.stop();
    this.#unwatch();
    this.#readers.clear();
    this.#settle(this.#first);
  }

  #watch(event: AgentEvent): void {
    if (event.type === 'text.delta') {
      this.#merge.add(event);
      return;
    }
    this.#merge.flush();
    this.#guarded(() => this.#encoder.event(event));
  }

  async #end(result: TurnResult): Promise<void> {
    if (this.#suspended) return;
    if (result.exit === 'suspended') {
      this.suspend();
      return;
    }
    this.#merge.flush();
    this.#unwatch();
    const { clock } = this.#deps;
    const end = { cancelled: this.#cancelled, at: Math.floor(clock.now() / 1000) };
    const frames = this.#encoded(() => this.#encoder.finish(result, end));
    this.#record(frames);
    const { prior, input } = this.plan;
    const { events: _none, ...first } = this.#first;
    const kept: Kept = {
      ...first,
      response: this.#encoder.response,
      history: historyAfter(prior, input, result, {
        text: this.#encoder.text,
        ids: this.#encoder.clientIds,
        isRepeat: this.#isRepeat,
      }),
      ...(this.#log === undefined ? {} : { events: this.#log.map(({ json }) => json) }),
    };
    // The last event promises a kept response, so it waits for the snapshot.
    await this.#archive?.end(kept);
    this.#show(frames);
    this.#readers.clear();
    this.#settle(kept);
  }

  #guarded(encode: () => readonly ResponseEvent[]): void {
    const frames = this.#encoded(encode);
    this.#record(frames);
    this.#show(frames);
  }

  /** A fault of ours ends the response in the documented way and the turn with it. */
  #encoded(encode: () => readonly ResponseEvent[]): Frame[] {
    let events: readonly ResponseEvent[];
    try {
      events = encode();
    } catch (error) {
      this.#deps.log('error', 'api.stream_writer', { response: this.plan.echo.id, error: String(error) });
      events = this.#encoder.crash();
      this.run.leave('Response writer failed');
    }
    if (this.#readers.size === 0 && this.#log === undefined) return [];
    return events.map((event) => ({ type: event.type, json: JSON.stringify(event) }));
  }

  #record(frames: readonly Frame[]): void {
    if (this.#log === undefined) return;
    for (const frame of frames) this.#logSize += frame.json.length;
    if (this.#logSize > largestLog) this.#log = undefined;
    else this.#log.push(...frames);
  }

  #show(frames: readonly Frame[]): void {
    if (frames.length === 0) return;
    for (const reader of this.#readers) reader(frames);
  }
}
