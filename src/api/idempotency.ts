import { createHash } from 'node:crypto';
import type { TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';

/** What makes two requests the same: who asks, where, under which key, and what. */
export interface IdempotencyScope {
  readonly credential: string;
  readonly endpoint: string;
  /** The `Idempotency-Key` header. */
  readonly key: string;
  /** Digest of the body fields that decide the answer. */
  readonly fingerprint: string;
}

export interface Shared {
  readonly result: Promise<TurnResult>;
  /** True when this caller got a run that another request had started. */
  readonly replayed: boolean;
}

/** Answers a repeated request from the run of the first one (api-server §8). */
export interface Idempotency {
  /**
   * Joins the run of an equal request, or starts one with `run`. The run is not tied to any caller.
   * `turnKey` is stable across restarts, so the store's UNIQUE constraint has the last word.
   */
  join(scope: IdempotencyScope, run: (turnKey: string) => Promise<TurnResult>): Shared;
  /** The turn key of a streamed request, which joins through `Turns` alone: its answer is kept as long as its row. */
  turnKey(scope: IdempotencyScope): string;
}

interface Entry {
  readonly fingerprint: string;
  readonly attempt: number;
  readonly result: Promise<TurnResult>;
  /** Monotonic milliseconds; undefined while running. */
  doneAt: number | undefined;
  /** Not an answer: never replayed, and `Turns` runs such a turn again under the same key. */
  failed: boolean;
}

const digest = (...parts: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(parts), 'utf8').digest('hex');

/** SHA-256 over the named body fields in this order. */
export function fingerprintOf(
  body: Readonly<Record<string, unknown>>,
  fields: readonly string[],
  extra: string,
) {
  return digest(JSON.stringify(fields.map((field) => body[field] ?? null)), extra);
}

/**
 * Keeps at most `capacity` runs (default 1,000), each for `ttlMs` after it ended (default 300 s); the oldest goes
 * first. Forgetting only frees memory: a run that the store remembers under its turn key still answers.
 */
export function memoryIdempotency(clock: Clock, capacity = 1_000, ttlMs = 300_000): Idempotency {
  const entries = new Map<string, Entry>();
  const slot = (scope: IdempotencyScope) => digest(scope.credential, scope.endpoint, scope.key);
  const keyOf = (scope: IdempotencyScope, attempt: number) =>
    `idem:${digest(slot(scope), scope.fingerprint)}${attempt === 0 ? '' : `:${attempt}`}`;

  const isUsable = (entry: Entry, scope: IdempotencyScope) =>
    entry.fingerprint === scope.fingerprint &&
    !entry.failed &&
    (entry.doneAt === undefined || clock.monotonic() - entry.doneAt < ttlMs);
  /** An expired answer may not answer again, so its turn key may not be used again either. */
  const nextAttempt = (old: Entry | undefined, scope: IdempotencyScope) => {
    if (old === undefined || old.fingerprint !== scope.fingerprint) return 0;
    return old.failed ? old.attempt : old.attempt + 1;
  };

  return {
    join(scope, run) {
      const name = slot(scope);
      const old = entries.get(name);
      if (old !== undefined && isUsable(old, scope)) return { result: old.result, replayed: true };
      const attempt = nextAttempt(old, scope);
      const entry: Entry = {
        fingerprint: scope.fingerprint,
        attempt,
        // The answer needs no transcript, which may be large.
        result: run(keyOf(scope, attempt)).then((result) => ({ ...result, messages: [] })),
        doneAt: undefined,
        failed: false,
      };
      entries.delete(name);
      entries.set(name, entry);
      for (const oldest of entries.keys()) {
        if (entries.size <= capacity) break;
        entries.delete(oldest);
      }
      entry.result.then(
        (result) => {
          entry.doneAt = clock.monotonic();
          entry.failed = result.status === 'failed' || result.status === 'interrupted';
        },
        // Refused before anything was stored: the same key must work for the retry.
        () => {
          if (entries.get(name) !== entry) return;
          if (old === undefined) entries.delete(name);
          else entries.set(name, old);
        },
      );
      return { result: entry.result, replayed: false };
    },
    turnKey: (scope) => keyOf(scope, 0),
  };
}
