import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { TurnResult } from '../core/agent-event.ts';
import { noUsage } from '../core/message.ts';
import { fingerprintOf, memoryIdempotency } from './idempotency.ts';

const result = (text: string, status: TurnResult['status'] = 'completed'): TurnResult => ({
  status,
  text,
  messages: [],
  usage: noUsage,
  model: 'm',
  provider: 'p',
  modelCalls: 1,
  exit: 'text_response',
});
const scope = { credential: 'c', endpoint: '/e', key: 'k', fingerprint: 'f' };

function open(capacity?: number) {
  const clock = virtualClock();
  const keys: string[] = [];
  const idempotency = memoryIdempotency(clock, capacity);
  let status: TurnResult['status'] = 'completed';
  return {
    clock,
    keys,
    turnKey: idempotency.turnKey,
    endWith: (next: TurnResult['status']) => {
      status = next;
    },
    ask: async (change: Partial<typeof scope> = {}) => {
      const shared = idempotency.join({ ...scope, ...change }, async (key) => {
        keys.push(key);
        return result(`answer ${keys.length}`, status);
      });
      return { replayed: shared.replayed, text: (await shared.result).text };
    },
  };
}

test('81. an equal request gets the first one’s answer', async () => {
  const { ask, keys } = open();
  const [one, two] = await Promise.all([ask(), ask()]);
  expect([one, two, await ask()]).toEqual([
    { replayed: false, text: 'answer 1' },
    { replayed: true, text: 'answer 1' },
    { replayed: true, text: 'answer 1' },
  ]);
  expect(keys).toHaveLength(1);
});

test('82. another body under the same key runs anew and takes its place', async () => {
  const { ask, keys } = open();
  await ask();
  expect(await ask({ fingerprint: 'g' })).toEqual({ replayed: false, text: 'answer 2' });
  expect((await ask({ fingerprint: 'g' })).replayed).toBe(true);
  expect(new Set(keys).size).toBe(2);
});

test('neither another credential nor another endpoint can reach an answer', async () => {
  const { ask, keys } = open();
  await ask();
  expect((await ask({ credential: 'd' })).replayed).toBe(false);
  expect((await ask({ endpoint: '/f' })).replayed).toBe(false);
  expect(new Set(keys).size).toBe(3);
});

describe('84. an answer is kept', () => {
  test('for 300 seconds after it was given, then the request runs again under a new turn key', async () => {
    const { ask, clock, keys } = open();
    await ask();
    await clock.advance(299_999);
    expect((await ask()).replayed).toBe(true);
    await clock.advance(1);
    expect((await ask()).replayed).toBe(false);
    expect((await ask()).replayed).toBe(true);
    expect(new Set(keys).size).toBe(2);
  });

  test('until 1,000 newer ones came', async () => {
    const { ask } = open();
    await ask({ key: 'first' });
    for (let i = 0; i < 999; i += 1) await ask({ key: `k${i}` });
    expect((await ask({ key: 'first' })).replayed).toBe(true);
    await ask({ key: 'the 1,001st' });
    expect((await ask({ key: 'first' })).replayed).toBe(false);
  });
});

test.each(['failed', 'interrupted'] as const)(
  'a turn that %s is not replayed, but run again under its key',
  async (status) => {
    const { ask, endWith, keys } = open();
    endWith(status);
    await ask();
    endWith('completed');
    expect((await ask()).replayed).toBe(false);
    expect((await ask()).replayed).toBe(true);
    expect(new Set(keys).size).toBe(1);
  },
);

test('a refused start leaves nothing behind', async () => {
  const idempotency = memoryIdempotency(virtualClock());
  const refused = idempotency.join(scope, async () => {
    throw new Error('at the cap');
  });
  await expect(refused.result).rejects.toThrow('at the cap');
  const retry = idempotency.join(scope, async () => result('now'));
  expect([retry.replayed, (await retry.result).text]).toEqual([false, 'now']);
});

test('the turn key is the same after a restart and tells nothing about the header', async () => {
  const [before, after] = [open(), open()];
  await before.ask();
  await after.ask();
  expect(before.keys).toEqual(after.keys);
  expect(before.turnKey(scope)).toBe(before.keys[0]);
  expect(before.keys[0]).toMatch(/^idem:[0-9a-f]{64}$/);
});

test('the fingerprint covers the named fields and nothing else', () => {
  const body = { model: 'm', messages: [1], seed: 1 };
  const print = (value: object, extra = 's') =>
    fingerprintOf(value as Record<string, unknown>, ['model', 'messages'], extra);
  expect(print({ ...body, seed: 2 })).toBe(print(body));
  expect(print({ ...body, messages: [2] })).not.toBe(print(body));
  expect(print(body, 'other session')).not.toBe(print(body));
});
