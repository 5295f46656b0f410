import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

/** A piece of work that ends when the test says so. */
function piece(log: string[], name: string) {
  const end = Promise.withResolvers<void>();
  return {
    end: end.resolve,
    work: async () => {
      log.push(`${name} begins`);
      await end.promise;
      log.push(`${name} ends`);
      return name;
    },
  };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('never more work at once than slots, and in order of asking', async () => {
  const slots = new Slots(2);
  const log: string[] = [];
  const [a, b, c] = [piece(log, 'a'), piece(log, 'b'), piece(log, 'c')];
  const done = Promise.all([a, b, c].map((each) => slots.use(1, each.work)));
  await settle();
  expect(log).toEqual(['a begins', 'b begins']);
  b.end();
  await settle();
  expect(log).toEqual(['a begins', 'b begins', 'b ends', 'c begins']);
  a.end();
  c.end();
  expect(await done).toEqual(['a', 'b', 'c']);
});

test('who takes all slots runs alone and is not overtaken by later ones', async () => {
  const slots = new Slots(2);
  const log: string[] = [];
  const [before, alone, after] = [piece(log, 'before'), piece(log, 'alone'), piece(log, 'after')];
  const done = Promise.all([slots.use(1, before.work), slots.use(2, alone.work), slots.use(1, after.work)]);
  for (const each of [before, alone, after]) {
    await settle();
    each.end();
  }
  await done;
  expect(log).toEqual([
    'before begins',
    'before ends',
    'alone begins',
    'alone ends',
    'after begins',
    'after ends',
  ]);
});

test('work that fails gives its slot back', async () => {
  const slots = new Slots(1);
  await expect(slots.use(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.use(1, async () => 'next')).toBe('next');
});
