import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../testkit/postgres.ts';
import { memoryRuns } from '../api/runs/memory-store.ts';
import type { RunStore } from '../api/runs/store.ts';
import type { Settings } from '../config/settings.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import { openStore } from './open.ts';
import { openRuns } from './runs.ts';
import type { Store } from './store.ts';

let server: PostgresServer;
let folder: string;
let store: Store | undefined;
let now = 0;
const clock: Clock = { ...systemClock, now: () => now };

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-runs-'));
  now = 1_000_000;
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function inDatabase(settings: Settings['store']): Promise<RunStore> {
  store = await openStore({ store: settings, clock: systemClock, log: silentLog });
  return openRuns(store, clock);
}

const kinds: Readonly<Record<string, () => Promise<RunStore>>> = {
  'in SQLite': () => inDatabase({ kind: 'sqlite', file: join(folder, 'gateway.db') }),
  'in PostgreSQL': async () => inDatabase({ kind: 'postgres', url: await server.database() }),
  'in memory': async () => memoryRuns(clock),
};

const row = (id: string, more: Partial<Parameters<RunStore['create']>[0]> = {}) => ({
  id,
  scope: 'me',
  key: undefined,
  fingerprint: undefined,
  session: undefined,
  body: `body ${id}`,
  ...more,
});

const none = { first: 1, events: [] };

describe.each(Object.entries(kinds))('runs %s', (_, make) => {
  let runs: RunStore;
  beforeEach(async () => {
    runs = await make();
  });

  test('are open until their one and only end, which comes with the last events', async () => {
    expect(await runs.create(row('a'))).toBeUndefined();
    expect(await runs.create(row('b'))).toBeUndefined();
    now += 1;
    expect(await runs.note('a', 'noted')).toBe(true);
    expect(await runs.get('me', 'a')).toEqual({
      id: 'a',
      scope: 'me',
      state: 'open',
      key: undefined,
      fingerprint: undefined,
      body: 'noted',
      updatedAt: 1_000_001,
    });
    expect((await runs.open()).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await runs.end('a', 'done', { first: 1, events: ['{"last":1}'] })).toBe(true);
    expect(await runs.end('a', 'later', { first: 2, events: ['{}'] })).toBe(false);
    expect(await runs.note('a', 'later')).toBe(false);
    expect(await runs.get('me', 'a')).toMatchObject({ state: 'ended', body: 'done' });
    expect(await runs.events('a')).toEqual([{ first: 1, events: ['{"last":1}'] }]);
    expect((await runs.open()).map(({ id }) => id)).toEqual(['b']);
  });

  test('are seen by their owner only, whose keys are its own', async () => {
    await runs.create(row('a', { key: 'k', fingerprint: 'f' }));
    expect(await runs.get('you', 'a')).toBeUndefined();
    expect(await runs.byKey('you', 'k')).toBeUndefined();
    expect(await runs.create(row('b', { scope: 'you', key: 'k' }))).toBeUndefined();
    expect(await runs.byKey('me', 'k')).toMatchObject({ id: 'a', key: 'k', fingerprint: 'f' });
  });

  test('with one key are one run; a discarded one frees its key', async () => {
    const made = await Promise.all([
      runs.create(row('a', { key: 'k' })),
      runs.create(row('b', { key: 'k' })),
    ]);
    expect(made.filter((known) => known === undefined)).toHaveLength(1);
    const first = (await runs.byKey('me', 'k'))!;
    expect(made.find((known) => known !== undefined)?.id).toBe(first.id);
    await runs.discard(first.id);
    expect(await runs.byKey('me', 'k')).toBeUndefined();
    expect(await runs.create(row('c', { key: 'k' }))).toBeUndefined();
  });

  test('keep their events in order, as many as there is room for', async () => {
    await runs.create(row('a'));
    await runs.append('a', { first: 1, events: ['1', '2'] }, 1);
    await runs.append('a', { first: 3, events: ['3'] }, 1);
    expect(await runs.events('a')).toEqual([
      { first: 1, events: ['1', '2'] },
      { first: 3, events: ['3'] },
    ]);
    await runs.append('a', { first: 4, events: ['4'] }, 3);
    expect((await runs.events('a')).map(({ first }) => first)).toEqual([3, 4]);
    expect(await runs.events('b')).toEqual([]);
  });

  test('name the session of a session key, the newest one counts', async () => {
    await runs.create(row('a', { session: { name: 'ann', id: 's1' } }));
    await runs.create(row('b', { session: { name: 'ann', id: 's2' } }));
    expect([await runs.session('me', 'ann'), await runs.session('you', 'ann')]).toEqual(['s2', undefined]);
  });

  test('are forgotten an hour after their end, with a key after a day, their events always after the hour', async () => {
    for (const id of ['open', 'plain', 'keyed']) {
      await runs.create(row(id, id === 'keyed' ? { key: 'k' } : {}));
      await runs.append(id, { first: 1, events: ['1'] }, 1);
    }
    await runs.end('plain', 'done', none);
    await runs.end('keyed', 'done', none);
    now += 3_600_000;
    await runs.sweep();
    expect(await runs.get('me', 'plain')).toBeDefined();
    now += 1;
    await runs.sweep();
    expect(await runs.get('me', 'plain')).toBeUndefined();
    expect(await runs.byKey('me', 'k')).toMatchObject({ state: 'ended' });
    expect([await runs.events('plain'), await runs.events('keyed')]).toEqual([[], []]);
    now += 86_400_000;
    await runs.sweep();
    expect(await runs.byKey('me', 'k')).toBeUndefined();
    expect(await runs.get('me', 'open')).toMatchObject({ state: 'open' });
    expect(await runs.events('open')).toHaveLength(1);
  });

  test('whose turn was never stored say so', async () => {
    expect(await runs.turn('api_server', 'a')).toEqual({ kind: 'unknown' });
  });
});
