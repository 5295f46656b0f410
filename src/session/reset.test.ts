import { describe, expect, it } from 'vitest';
import { resetDue } from './reset.ts';

const at = (text: string) => new Date(text).getTime();
const rules = { mode: 'both', atHour: 4, idleMs: 24 * 60 * 60 * 1000 } as const;

describe('session reset', () => {
  it('ends a conversation at the daily hour', () => {
    expect(resetDue(rules, at('2026-03-10T03:59:00'), at('2026-03-10T04:01:00'))).toBe('daily');
    expect(resetDue(rules, at('2026-03-10T04:01:00'), at('2026-03-10T23:00:00'))).toBeUndefined();
  });

  it('names the idle time first when both are over', () => {
    expect(resetDue(rules, at('2026-03-08T12:00:00'), at('2026-03-10T12:00:00'))).toBe('idle');
  });

  it('never ends a conversation when switched off', () => {
    expect(resetDue({ ...rules, mode: 'none' }, 0, at('2026-03-10T12:00:00'))).toBeUndefined();
  });
});
