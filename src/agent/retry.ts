/** How long to wait before a model call is made again (agent-runtime §4.2). */
import type { Clock } from '../core/clock.ts';
import type { FailureClass } from './classify.ts';
import type { ModelFailure } from './contract.ts';

const second = 1_000;
const longestHint = 120 * second;

const schedules = {
  normal: { base: 2 * second, cap: 60 * second },
  /** Malformed or empty answers: the provider is unwell, and asking soon does not help. */
  malformed: { base: 5 * second, cap: 120 * second },
} as const;

/**
 * Milliseconds before the next call. `failed` counts the calls so far, from 1. A hint of the provider is obeyed up
 * to 120 s; without one the wait doubles, with up to half of it on top.
 */
export function backoffMs(failed: number, failure: ModelFailure, kind: FailureClass, clock: Clock): number {
  if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs, longestHint);
  const { base, cap } = kind === 'malformed_response' ? schedules.malformed : schedules.normal;
  const wait = Math.min(base * 2 ** (failed - 1), cap);
  return wait + wait * 0.5 * clock.random();
}
