/** Runs while this process works on them: one turn in, numbered and stored events out to any number of readers. */
import type { AgentEvent, ApprovalChoice, TurnResult } from '../../core/agent-event.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { TurnHandle } from '../../turn/contract.ts';
import { DeltaMerge } from '../merge.ts';
import { RunEncoder } from './encode.ts';
import { type RunRecord, statusOf } from './record.ts';
import type { Question, RunEvent, RunStatus } from './schema.ts';
import type { EventBatch, RunStore } from './store.ts';

/** One event as its readers get it. */
export interface Frame {
  readonly n: number;
  readonly json: string;
}

/** `ended`: the last frame was shown. `suspended`: this process stops, the next one goes on. */
export type RunEnd = 'ended' | 'suspended';

export interface LiveDeps {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly showReasoning: boolean;
}

export interface LiveOptions {
  readonly id: string;
  readonly scope: string;
  readonly record: RunRecord;
  readonly handle: TurnHandle;
  /** What an earlier process has stored; undefined = the run is new. */
  readonly past?: readonly EventBatch[];
}

/** Characters of events kept of one run; the oldest go first. */
const largestLog = 2_000_000;
/** Characters of guidance one run takes. */
const largestSteers = 100_000;
/** Reader of one run at the same time; a further one is refused. */
const mostReaders = 32;

export class LiveRun {
  readonly id: string;
  readonly scope: string;
  /** Resolves after the end was stored and shown; never rejects. */
  readonly ended: Promise<RunEnd>;
  readonly #deps: LiveDeps;
  readonly #handle: TurnHandle;
  readonly #encoder: RunEncoder;
  readonly #readers = new Set<(frames: readonly Frame[]) => void>();
  #record: RunRecord;
  #updatedAt: number;
  #next: number;
  /** Not stored yet. */
  #unwritten: Frame[] = [];
  #writing: Promise<void> | undefined;
  /** Stored batches with their sizes, oldest first, to know what to forget. */
  readonly #stored: { readonly first: number; readonly size: number }[] = [];
  #storedSize = 0;
  /** The newest events could not be stored, which was said once. */
  #isLosing = false;
  readonly #merge: DeltaMerge;

  constructor({ id, scope, record, handle, past }: LiveOptions, deps: LiveDeps) {
    this.id = id;
    this.scope = scope;
    this.#deps = deps;
    this.#handle = handle;
    this.#record = record;
    this.#updatedAt = deps.clock.now();
    this.#merge = new DeltaMerge(deps.clock, (delta) => this.#push(this.#encoder.event(delta)));
    this.#next = 1;
    for (const batch of past ?? []) {
      this.#count(batch);
      this.#next = batch.first + batch.events.length;
    }
    this.#encoder = new RunEncoder({
      run: id,
      reasoning: deps.showReasoning,
      now: () => deps.clock.now(),
      steers: record.steers,
    });
    if (past !== undefined) this.#push(this.#encoder.resumed());
    for (const text of record.steers) handle.steer(text);
    if (record.isStopping) handle.interrupt(stopReason);
    const unwatch = handle.watch((event) => this.#watch(event));
    this.ended = handle.result.then((result) => {
      unwatch();
      return this.#end(result);
    });
  }

  get status(): RunStatus {
    const { status } = this.#encoder;
    return statusOf(this.id, this.#record, this.#updatedAt, { status, ...this.#encoder.details });
  }

  get questions(): readonly Question[] {
    return this.#encoder.questions;
  }

  /** Hands every event that is shown from here on to `reader`. Undefined = too many are there already. */
  attach(reader: (frames: readonly Frame[]) => void): (() => void) | undefined {
    if (this.#readers.size >= mostReaders) return undefined;
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Resolves when the wish is durable. False when the run has ended meanwhile. */
  async stop(): Promise<boolean> {
    if (!(await this.#note({ ...this.#record, isStopping: true }))) return false;
    this.#handle.interrupt(stopReason);
    return true;
  }

  /** Resolves when the guidance is durable. False = it was refused: too much, or too late. */
  async steer(text: string): Promise<boolean> {
    const before = this.#record.steers;
    const size = before.reduce((sum, each) => sum + each.length, text.length);
    if (size > largestSteers) return false;
    if (!(await this.#note({ ...this.#record, steers: [...before, text] }))) return false;
    if (!this.#handle.steer(text)) return false;
    this.#merge.flush();
    this.#push(this.#encoder.steered(text));
    return true;
  }

  /** How many questions were answered. */
  answer(choice: ApprovalChoice, which: 'oldest' | 'all' | { readonly id: string }): number {
    return this.#handle.answer(choice, which);
  }

  /** Changes of one run are stored one after another, each on top of the one before. */
  async #note(record: RunRecord): Promise<boolean> {
    if (!this.#isOpen) return false;
    this.#record = record;
    return this.#deps.store.note(this.id, JSON.stringify(record));
  }

  get #isOpen(): boolean {
    return this.#record.settled === undefined;
  }

  #watch(event: AgentEvent): void {
    if (event.type === 'text.delta' || event.type === 'reasoning.delta') {
      this.#merge.add(event);
      return;
    }
    this.#merge.flush();
    this.#push(this.#encoder.event(event));
  }

  #push(events: readonly RunEvent[]): void {
    this.#updatedAt = this.#deps.clock.now();
    for (const event of events) this.#unwritten.push(this.#frame(event));
    if (this.#unwritten.length > 0) this.#writing ??= this.#write();
  }

  #frame(event: RunEvent): Frame {
    const frame = { n: this.#next, json: JSON.stringify(event) };
    this.#next += 1;
    return frame;
  }

  /**
   * Shown only when stored: a reader that comes again after a kill finds every number it has seen. Where nothing can
   * be written the run is shown all the same.
   */
  async #write(): Promise<void> {
    while (this.#unwritten.length > 0) {
      const frames = this.#unwritten.splice(0);
      const events = frames.map(({ json }) => json);
      const first = frames[0]!.n;
      this.#count({ first, events });
      const keepFrom = this.#stored[0]?.first ?? first;
      try {
        await this.#deps.store.append(this.id, { first, events }, keepFrom);
        this.#isLosing = false;
      } catch (error) {
        if (!this.#isLosing)
          this.#deps.log('warn', 'api.run_events_not_kept', { run: this.id, error: String(error) });
        this.#isLosing = true;
      }
      this.#show(frames);
    }
    this.#writing = undefined;
  }

  /** Counts a batch in and the oldest ones out, as far as there is no room for all. */
  #count({ first, events }: EventBatch): void {
    const size = events.reduce((sum, { length }) => sum + length, 0);
    this.#stored.push({ first, size });
    this.#storedSize += size;
    while (this.#storedSize > largestLog && this.#stored.length > 1) {
      this.#storedSize -= this.#stored.shift()?.size ?? 0;
    }
  }

  async #end(result: TurnResult): Promise<RunEnd> {
    this.#merge.flush();
    if (result.exit === 'suspended') {
      await this.#writing;
      this.#readers.clear();
      return 'suspended';
    }
    const { store, log } = this.#deps;
    const { settled, events } = this.#encoder.finish(result, this.#record.isStopping);
    this.#updatedAt = this.#deps.clock.now();
    this.#record = {
      ...this.#record,
      settled: { ...settled, lastEvent: this.#encoder.details.last_event },
    };
    await this.#writing;
    const frames = events.map((event) => this.#frame(event));
    const last = { first: frames[0]?.n ?? this.#next, events: frames.map(({ json }) => json) };
    // The last event promises a status that stays, so it waits for it.
    await store
      .end(this.id, JSON.stringify(this.#record), last)
      .catch((error: unknown) => log('error', 'api.run_not_kept', { run: this.id, error: String(error) }));
    this.#show(frames);
    this.#readers.clear();
    return 'ended';
  }

  #show(frames: readonly Frame[]): void {
    for (const reader of this.#readers) reader(frames);
  }
}

const stopReason = 'Stop requested via API';

export class LiveRuns {
  readonly #deps: LiveDeps;
  readonly #live = new Map<string, LiveRun>();

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  get(scope: string, id: string): LiveRun | undefined {
    const found = this.#live.get(id);
    return found?.scope === scope ? found : undefined;
  }

  open(options: LiveOptions): LiveRun {
    const run = new LiveRun(options, this.#deps);
    this.#live.set(run.id, run);
    void run.ended.then(() => this.#live.delete(run.id));
    return run;
  }

  /** Resolves when every run has its end or was suspended, or after `ms`. */
  async idle(ms: number): Promise<void> {
    if (this.#live.size === 0) return;
    const done = new AbortController();
    const all = Promise.all([...this.#live.values()].map((run) => run.ended));
    await Promise.race([all, this.#deps.clock.sleep(ms, done.signal)]);
    done.abort();
  }
}
