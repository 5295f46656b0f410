import { expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { DeltaMerge } from './merge.ts';

const merging = () => {
  const clock = virtualClock();
  const out: string[] = [];
  const merge = new DeltaMerge(clock, ({ type, text }) =>
    out.push(`${type === 'text.delta' ? '' : '?'}${text}`),
  );
  const say = (text: string) => merge.add({ type: 'text.delta', text });
  return { clock, out, merge, say };
};

it('the first words go out at once, what follows within 50 ms together', async () => {
  const { clock, out, say } = merging();
  say('a');
  say('b');
  say('c');
  expect(out).toEqual(['a']);
  await clock.advance(50);
  expect(out).toEqual(['a', 'bc']);
  await clock.advance(1_000);
  say('d');
  expect(out).toEqual(['a', 'bc', 'd']);
});

it('thoughts and text never mix, and a flush keeps the order', () => {
  const { out, merge, say } = merging();
  say('a');
  say('b');
  merge.add({ type: 'reasoning.delta', text: 'why' });
  merge.flush();
  merge.flush();
  expect(out).toEqual(['a', 'b', '?why']);
});

it('a flood goes out in bounded pieces without waiting for the time', () => {
  const { out, say } = merging();
  for (let piece = 0; piece < 65; piece += 1) say('x'.repeat(4_096));
  expect(Math.max(...out.map((text) => text.length))).toBeLessThanOrEqual(65_536 + 4_096);
  expect(out.length).toBe(5);
});

it('a stopped merge says nothing more by itself', async () => {
  const { clock, out, merge, say } = merging();
  say('a');
  say('b');
  merge.stop();
  await clock.advance(1_000);
  expect(out).toEqual(['a']);
});
