import type { Clock } from '../core/clock.ts';
import type { DownCode } from '../core/outcome.ts';

/** How an ended connection is tried again; `undefined` = only after a change of the configuration. */
const plans: Record<DownCode, { readonly firstMs: number; readonly mostMs: number } | undefined> = {
  network: { firstMs: 500, mostMs: 60_000 },
  silent: { firstMs: 500, mostMs: 60_000 },
  protocol: { firstMs: 5_000, mostMs: 60_000 },
  // Somebody else uses the credential: fast retries would only take turns with it.
  conflict: { firstMs: 20_000, mostMs: 60_000 },
  auth: undefined,
  config: undefined,
};

/**
 * Delay before the `failures`-th try in a row, or undefined when waiting cannot help. Half of it is random, so that
 * accounts that failed together do not come back together.
 */
export function backoffMs(
  code: DownCode,
  failures: number,
  clock: Pick<Clock, 'random'>,
): number | undefined {
  const plan = plans[code];
  if (plan === undefined) return undefined;
  const ceiling = Math.min(plan.mostMs, plan.firstMs * 2 ** Math.min(failures - 1, 16));
  return Math.ceil(ceiling * (0.5 + clock.random() / 2));
}
