import type { Settings } from '../config/settings.ts';

export type ResetReason = 'idle' | 'daily';

/**
 * Whether a stored conversation is over (gateway-core §4.4). Times are UTC milliseconds; `atHour` is local to the
 * process's time zone. `idle` is checked first.
 */
export function resetDue(
  rules: Settings['sessions']['reset'],
  updatedAt: number,
  now: number,
): ResetReason | undefined {
  const { mode } = rules;
  if ((mode === 'idle' || mode === 'both') && now > updatedAt + rules.idleMs) return 'idle';
  if ((mode === 'daily' || mode === 'both') && updatedAt < lastBoundary(now, rules.atHour)) return 'daily';
  return undefined;
}

/** The most recent local `hour:00` that is not after `now`. */
function lastBoundary(now: number, hour: number): number {
  const date = new Date(now);
  date.setHours(hour, 0, 0, 0);
  if (date.getTime() > now) date.setDate(date.getDate() - 1);
  return date.getTime();
}
