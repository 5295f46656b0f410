import type { TurnState } from '../responses/store.ts';

export interface RunRow {
  readonly id: string;
  /** Names the caller that may see it. */
  readonly scope: string;
  readonly state: 'open' | 'ended';
  readonly key: string | undefined;
  readonly fingerprint: string | undefined;
  /** JSON of `RunRecord`. */
  readonly body: string;
  /** UTC milliseconds of the last change. */
  readonly updatedAt: number;
}

/** Neighbouring events of one run. */
export interface EventBatch {
  /** Number of the first one; numbers begin at 1 and grow by one. */
  readonly first: number;
  /** JSON texts. */
  readonly events: readonly string[];
}

/**
 * Where runs are kept: an hour after their end, with an idempotency key a day (api-server §9.1, §9.2). Writes are
 * durable when they resolve.
 */
export interface RunStore {
  /** The run that has the key already; undefined = stored. `session` is from here on what its name stands for. */
  create(row: {
    readonly id: string;
    readonly scope: string;
    readonly key: string | undefined;
    readonly fingerprint: string | undefined;
    readonly session: { readonly name: string; readonly id: string } | undefined;
    readonly body: string;
  }): Promise<RunRow | undefined>;
  /** Takes back a run whose turn was refused. */
  discard(id: string): Promise<void>;
  get(scope: string, id: string): Promise<RunRow | undefined>;
  byKey(scope: string, key: string): Promise<RunRow | undefined>;
  /** Replaces the record of an open run; false when it has ended. */
  note(id: string, body: string): Promise<boolean>;
  /** Survives the end of the process, if not a loss of power. Events before `keepFrom` are forgotten. */
  append(id: string, batch: EventBatch, keepFrom: number): Promise<void>;
  /** Writes the end once, together with the last events; false when there was one before. */
  end(id: string, body: string, last: EventBatch): Promise<boolean>;
  /** What is kept of a run's events, in order. */
  events(id: string): Promise<readonly EventBatch[]>;
  /** Runs without an end, of every caller. */
  open(): Promise<readonly RunRow[]>;
  /** The session a caller's session key stands for. */
  session(scope: string, name: string): Promise<string | undefined>;
  /** What became of the turn of a request. */
  turn(source: string, key: string): Promise<TurnState>;
  /** Forgets what nobody can ask for any more. */
  sweep(): Promise<void>;
}
