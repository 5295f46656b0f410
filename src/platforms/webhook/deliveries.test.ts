import { expect, it } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { CallRate } from './deliveries.ts';

it('a route is refused from the first call over its limit within any sixty seconds, and refused calls do not count', async () => {
  const clock = virtualClock();
  const rate = new CallRate(3, clock);
  const taken: boolean[] = [];
  for (let second = 0; second < 90; second += 10) {
    taken.push(rate.take('a'));
    await clock.advance(10_000);
  }
  // At 0, 10, 20 taken; 30, 40, 50 refused; from 60 on each old call that leaves the window makes room for one.
  expect(taken).toEqual([true, true, true, false, false, false, true, true, true]);
  expect(rate.take('b')).toBe(true);
});

it('many thousand calls are counted exactly while old ones are cut off', async () => {
  const clock = virtualClock();
  const rate = new CallRate(5_000, clock);
  let taken = 0;
  for (let call = 0; call < 30_000; call += 1) {
    if (rate.take('a')) taken += 1;
    if (call % 100 === 99) await clock.advance(1_000);
  }
  // 100 calls a second: 5,000 fit into each minute.
  expect(taken).toBe(25_000);
});
