import type { Clock } from '../core/clock.ts';
import { Interrupted, type RunningTurn } from './running.ts';

/**
 * Stops a turn that showed no event (token, tool call, answer of the model) for `limitMs`; 0 = never (gateway-core
 * §6.5). One timer per turn, however many tokens come. The returned function ends the watch.
 */
export function watchInactivity(clock: Clock, limitMs: number, running: RunningTurn): () => void {
  if (limitMs <= 0) return () => {};
  let last = clock.monotonic();
  let cancel = () => {};
  const look = (afterMs: number) => {
    cancel = clock.after(afterMs, () => {
      // Waiting for a person is no silence of ours, and has a limit of its own.
      if (running.isAsking) last = clock.monotonic();
      const left = last + limitMs - clock.monotonic();
      if (left > 0) look(left);
      else running.stop(new Interrupted('inactive', 'No tool call and no token came for too long.'));
    });
  };
  look(limitMs);
  const forget = running.watch(() => {
    last = clock.monotonic();
  });
  return () => {
    cancel();
    forget();
  };
}
