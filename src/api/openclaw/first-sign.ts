import type { TurnResult } from '../../core/agent-event.ts';
import type { Clock } from '../../core/clock.ts';
import type { TurnHandle } from '../../turn/contract.ts';

/**
 * Waits before a stream is opened, so that a turn that fails at once is a real HTTP error (openclaw-http §18 item 4).
 * Resolves with the end of a turn that showed nothing before, else with nothing: at its first word, thought or tool, or
 * after `ms`, because clients give up on connections that stay silent.
 */
export function firstSign(
  handle: Pick<TurnHandle, 'watch' | 'result'>,
  ms: number,
  clock: Clock,
): Promise<TurnResult | undefined> {
  return new Promise((resolve) => {
    let unwatch = () => {};
    const settle = (result?: TurnResult) => {
      cancel();
      unwatch();
      resolve(result);
    };
    const cancel = clock.after(ms, () => settle());
    unwatch = handle.watch(({ type }) => {
      if (type === 'text.delta' || type === 'reasoning.delta' || type === 'tool.started') settle();
    });
    void handle.result.then(settle);
  });
}
