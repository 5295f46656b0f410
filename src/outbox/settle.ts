/**
 * What an outcome means for a part. Pure: every combination of outcome, idempotency and policy is decided here.
 */
import type { Manifest } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import type { PartOp } from '../platforms/contract.ts';

export interface PartFacts {
  /** Attempts made, the judged one included. */
  readonly attempt: number;
  readonly op: PartOp;
  readonly createdAt: number;
  readonly mark: 'maybe_doubled' | null;
  /** The outcome is unknown because this process ended during the attempt. */
  readonly crashed: boolean;
}

export interface Policy {
  readonly idempotency: Manifest['idempotency'];
  readonly onUnknown: 'repeat' | 'hold';
}

export type Verdict =
  | { readonly kind: 'sent'; readonly message: string; readonly mark: 'maybe_doubled' | null }
  | {
      readonly kind: 'again';
      readonly afterMs: number;
      readonly why: string;
      readonly op: PartOp;
      readonly mark: 'maybe_doubled' | null;
      /** Whose other calls wait, too. */
      readonly hold: 'part' | 'chat' | 'account';
    }
  | { readonly kind: 'look'; readonly why: string }
  | { readonly kind: 'dead'; readonly why: string; readonly mark: 'maybe_lost' | 'maybe_doubled' | null };

/** A part that is certainly unsent is tried for this long. */
export const deliveryWindowMs = 24 * 60 * 60 * 1000;
/**
 * A platform that executes and never answers would otherwise get the same text for a whole day. Attempts cut off by
 * our own end do not count: they say nothing about the platform.
 */
const mostUnknownAttempts = 3;
const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;

export function judge(
  outcome: Outcome,
  part: PartFacts,
  policy: Policy,
  now: number,
  random: number,
): Verdict {
  switch (outcome.kind) {
    case 'sent':
      return { kind: 'sent', message: outcome.id, mark: part.mark };
    case 'retry': {
      const afterMs = outcome.afterMs ?? backoff(part.attempt, random);
      if (now + afterMs - part.createdAt > deliveryWindowMs)
        return { kind: 'dead', why: `gave up: ${outcome.why}`, mark: part.mark };
      return { kind: 'again', afterMs, why: outcome.why, op: part.op, mark: part.mark, hold: outcome.scope };
    }
    case 'rejected': {
      const plain = outcome.code === 'bad-format' ? withoutMarkup(part.op) : undefined;
      if (plain === undefined)
        return { kind: 'dead', why: `${outcome.code}: ${outcome.why}`, mark: part.mark };
      return { kind: 'again', afterMs: 0, why: outcome.why, op: plain, mark: part.mark, hold: 'part' };
    }
    case 'unknown':
      return unknown(outcome.why, part, policy, now, random);
  }
}

function unknown(why: string, part: PartFacts, policy: Policy, now: number, random: number): Verdict {
  const inWindow = now - part.createdAt <= deliveryWindowMs;
  // Edits, deletions and reactions have the same effect when done twice.
  const repeatable = policy.idempotency.kind === 'key' || part.op.kind !== 'send';
  if (repeatable && inWindow) {
    return {
      kind: 'again',
      afterMs: backoff(part.attempt, random),
      why,
      op: part.op,
      mark: part.mark,
      hold: 'part',
    };
  }
  if (policy.idempotency.kind === 'lookup' && inWindow) return { kind: 'look', why };
  // Attempts that certainly failed are counted, too: the first unknown outcome is always repeated.
  const mayRepeat = part.crashed || part.mark === null || part.attempt < mostUnknownAttempts;
  if (policy.onUnknown === 'repeat' && mayRepeat && inWindow) {
    // Our own end says nothing about the platform: there is no reason to leave it alone for long.
    const afterMs = backoff(part.crashed ? 1 : part.attempt, random);
    return { kind: 'again', afterMs, why, op: part.op, mark: 'maybe_doubled', hold: 'part' };
  }
  return { kind: 'dead', why: `unknown: ${why}`, mark: 'maybe_lost' };
}

/** The same text without markup; undefined when it already has none, so that it is tried once only. */
function withoutMarkup(op: PartOp): PartOp | undefined {
  if (op.kind !== 'send' && op.kind !== 'edit') return undefined;
  if (op.body.mode === undefined) return undefined;
  return { ...op, body: { text: op.body.plain, plain: op.body.plain } };
}

/** Full jitter: uniform in (0, min(cap, first · 2^(n-1))]. */
function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(attempt - 1, 16));
  return Math.ceil(ceiling * (1 - random));
}
