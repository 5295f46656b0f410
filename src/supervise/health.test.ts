import { beforeEach, expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { insertPart, settlePart } from '../store/queries/part.ts';
import type { Store } from '../store/store.ts';
import { testFolder, testStore } from '../store/testing.ts';
import type { AccountStatus } from './account.ts';
import { type HealthParts, readHealth } from './health.ts';

const hour = 3_600_000;
const clock = virtualClock();
let folder = '';
let store: Store;
beforeEach(() => {
  folder = testFolder();
  store = testStore(clock, folder);
});

const read = (more: Partial<HealthParts> = {}) =>
  readHealth({
    store,
    clock,
    home: folder,
    model: { isDemo: false },
    problems: 0,
    startedAt: 0,
    activeTurns: () => 0,
    state: () => 'running',
    accounts: () => [],
    ...more,
  });

type End = Pick<Parameters<typeof settle>[1], 'state' | 'mark'>;
const settle = (id: number, end: { state: 'sent' | 'dead'; mark: 'maybe_doubled' | 'maybe_lost' | null }) =>
  store.write((tx) => tx.run(settlePart, { id, message: null, why: null, now: clock.now(), ...end }));

/** Stores parts of that age; the first `ends.length` of them have ended. */
async function put(ageMs: number, count: number, ends: readonly End[]): Promise<void> {
  const now = clock.now() - ageMs;
  const shared = {
    account: 'a',
    chat: 'c',
    thread: null,
    turn: null,
    trace: 't',
    class: 'reply',
    op: '',
  } as const;
  await store.write(async (tx) => {
    for (let n = 0; n < count; n += 1) await tx.run(insertPart, { ...shared, key: `${ageMs}:${n}`, now });
  });
  for (const [index, end] of ends.entries()) await settle(index + 1, end);
}

it('counts what became of the deliveries of the last day', async () => {
  await put(hour, 5, [
    { state: 'sent', mark: null },
    { state: 'sent', mark: 'maybe_doubled' },
    { state: 'dead', mark: 'maybe_lost' },
    { state: 'dead', mark: null },
  ]);
  await put(25 * hour, 1, []);
  const health = await read();
  expect(health.deliveries).toEqual({ sent: 2, dead: 2, maybeDoubled: 1, maybeLost: 1 });
  expect(health.checks['background_queues']?.numbers).toMatchObject({ undelivered: 2 });
  expect(health.oldestUndeliveredPartMs).toBe(25 * hour);
});

it('says how many problems the configuration has, and not which', async () => {
  expect((await read()).checks['config']).toEqual({ status: 'ok' });
  expect((await read({ problems: 3 })).checks['config']).toEqual({
    status: 'degraded',
    detail: 'problems',
    numbers: { problems: 3 },
  });
});

it('is degraded by a platform that is not connected, and says why without its words', async () => {
  const account: AccountStatus = {
    platform: 'telegram',
    account: 'telegram:1',
    state: 'retrying',
    code: 'network',
    message: 'connect ECONNREFUSED 10.0.0.1:443',
    since: 0,
  };
  const health = await read({ accounts: () => [account] });
  expect(health.platforms).toEqual({ telegram: { state: 'retrying', code: 'network' } });
  expect(health.checks['gateway']).toEqual({ status: 'degraded' });
  expect(JSON.stringify(health)).not.toContain('ECONNREFUSED');
});
