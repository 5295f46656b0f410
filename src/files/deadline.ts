/** One deadline over a piece of work. */
import type { Clock } from '../core/clock.ts';
import { FileRefused } from './refusal.ts';

/**
 * Runs `work` with a signal that aborts with the caller's reason, or with FileRefused `timeout` after `ms`
 * milliseconds. `work` has to end when its signal does.
 */
export async function within<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const timeout = new AbortController();
  const cancel = clock.after(ms, () => timeout.abort(new FileRefused('timeout', `not done within ${ms} ms`)));
  try {
    return await work(AbortSignal.any([signal, timeout.signal]));
  } finally {
    cancel();
  }
}
