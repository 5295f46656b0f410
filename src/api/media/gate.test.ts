import { expect, it } from 'vitest';
import { openGate } from './gate.ts';

const forever = new AbortController().signal;
const full = () => new Error('full');

it('lets so many in, the next ones in their order, and refuses what is too much', async () => {
  const gate = openGate(1, 2, full);
  const leave = await gate.enter(forever);
  const order: string[] = [];
  const next = async (name: string) => {
    const out = await gate.enter(forever);
    order.push(name);
    return out;
  };
  const [second, third] = [next('second'), next('third')];
  await expect(gate.enter(forever)).rejects.toThrow('full');
  leave();
  (await second)();
  (await third)();
  expect(order).toEqual(['second', 'third']);
  (await gate.enter(forever))();
});

it('gives a place back once, however often it is left', async () => {
  const gate = openGate(1, 2, full);
  const leave = await gate.enter(forever);
  const waiting = [gate.enter(forever), gate.enter(forever)];
  leave();
  leave();
  const out = await waiting[0]!;
  let isIn = false;
  void waiting[1]!.then(() => {
    isIn = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIn).toBe(false);
  out();
  (await waiting[1]!)();
});

it('forgets who goes away while waiting', async () => {
  const gate = openGate(1, 1, full);
  const leave = await gate.enter(forever);
  const gone = new AbortController();
  const waiting = gate.enter(gone.signal);
  gone.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  await expect(gate.enter(gone.signal)).rejects.toThrow('left');
  const next = gate.enter(forever);
  leave();
  (await next)();
});
