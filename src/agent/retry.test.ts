import { expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { backoffMs } from './retry.ts';

const failure = { message: 'x' };

test.each([
  [1, 2_000, 3_000],
  [2, 4_000, 6_000],
  [5, 32_000, 48_000],
  [9, 60_000, 90_000],
])('after %i failed calls the wait is between %i and %i ms', (failed, least, most) => {
  const clock = virtualClock({ seed: 3 });
  for (let round = 0; round < 50; round++) {
    const wait = backoffMs(failed, failure, 'overloaded', clock);
    expect(wait).toBeGreaterThanOrEqual(least);
    expect(wait).toBeLessThanOrEqual(most);
  }
});

test('a hint of the provider is obeyed as given, up to two minutes', () => {
  const clock = virtualClock();
  expect(backoffMs(1, { ...failure, retryAfterMs: 7_000 }, 'rate_limit', clock)).toBe(7_000);
  expect(backoffMs(1, { ...failure, retryAfterMs: 900_000 }, 'rate_limit', clock)).toBe(120_000);
});

test('malformed answers wait longer', () => {
  expect(backoffMs(1, failure, 'malformed_response', virtualClock())).toBeGreaterThanOrEqual(5_000);
});
