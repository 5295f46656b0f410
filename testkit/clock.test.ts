import { expect, test } from 'vitest';
import { virtualClock } from './clock.ts';

test('timers run in the order of their due time and see the time they were due', async () => {
  const clock = virtualClock({ start: 1_000 });
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['late', clock.now()]));
  clock.after(10, () => seen.push(['early', clock.now()]));
  const cancel = clock.after(15, () => seen.push(['cancelled', clock.now()]));
  cancel();
  await clock.advance(30);
  expect(seen).toEqual([
    ['early', 1_010],
    ['late', 1_020],
  ]);
  expect(clock.now()).toBe(1_030);
  expect(clock.pending).toBe(0);
});

test('a sleep ends at its time, and at once when its signal aborts', async () => {
  const clock = virtualClock();
  const ended: string[] = [];
  const abort = new AbortController();
  const sleeps = [
    clock.sleep(50).then(() => ended.push('slept')),
    clock.sleep(9_000, abort.signal).then(() => ended.push('aborted')),
  ];
  await clock.advance(49);
  expect(ended).toEqual([]);
  abort.abort();
  await clock.advance(1);
  await Promise.all(sleeps);
  expect(ended).toEqual(['aborted', 'slept']);
});

test('the same seed gives the same randomness', () => {
  const one = virtualClock({ seed: 7 });
  const two = virtualClock({ seed: 7 });
  expect([one.random(), one.hex(8)]).toEqual([two.random(), two.hex(8)]);
  expect(virtualClock({ seed: 8 }).hex(8)).not.toBe(virtualClock({ seed: 7 }).hex(8));
});

test('with autoSleep a sleep moves the time by itself', async () => {
  const clock = virtualClock({ start: 0, autoSleep: true });
  await clock.sleep(7_000);
  expect([clock.now(), clock.sleeps]).toEqual([7_000, [7_000]]);
});
