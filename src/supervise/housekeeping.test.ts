import { beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { silentLog } from '../core/log.ts';
import { insertPart } from '../store/queries/part.ts';
import { getSession, insertMessage, insertSession, touchSession } from '../store/queries/session.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { putInbound, testStore } from '../store/testing.ts';
import { Housekeeping } from './housekeeping.ts';

const day = 24 * 60 * 60 * 1000;
const keys = query((db, _: Record<never, never>) => db.selectFrom('inbound').select('key').orderBy('id'));

let store: Store;
const clock = virtualClock();
beforeEach(() => {
  store = testStore(clock);
});

const put = (account: string, key: string, ageMs: number, hasEnded = true) =>
  putInbound(store, { account, key, createdAt: clock.now() - ageMs }, hasEnded ? 'answered' : undefined);

describe('housekeeping', () => {
  it('keeps keys as long as the source can repeat them, and everything that has not ended', async () => {
    await put('telegram:1', 'old', 40 * day);
    await put('telegram:1', 'open', 40 * day, false);
    await put('telegram:1', 'recent', 2 * day);
    await put('slow:1', 'may come again', 40 * day);
    await put('api_server', 'yesterday', 2 * day);
    await put('api_server', 'today', day / 2);
    await new Housekeeping(store, clock, silentLog, [
      { account: 'telegram:1', redeliveryMs: day },
      { account: 'slow:1', redeliveryMs: 60 * day },
      { account: 'api_server', redeliveryMs: 'never' },
    ]).clean();
    expect((await store.read.all(keys, {})).map(({ key }) => key)).toEqual([
      'open',
      'recent',
      'may come again',
      'today',
    ]);
  });

  it('forgets the transcripts that nothing continues, in steps, and no other', async () => {
    await store.write(async (tx) => {
      const session = async (id: string, transient: 0 | 1, ageMs: number) => {
        const now = clock.now() - ageMs;
        await tx.run(insertSession, {
          id,
          session_key: id,
          source: 'api_server',
          origin: '{}',
          transient,
          now,
        });
        await tx.run(insertMessage, { session_id: id, turn: 't', body: '{}', created_at: now });
      };
      for (let index = 0; index < 1_100; index += 1) await session(`old ${index}`, 1, 40 * day);
      await session('recent', 1, 2 * day);
      await session('conversation', 0, 40 * day);
      await session('used again', 1, 40 * day);
      await tx.run(touchSession, { id: 'used again', now: clock.now() });
      await session('continued', 1, 40 * day);
      await session('continued', 0, 39 * day);
      await session('continued', 1, 38 * day);
    });
    const cleaned = new Housekeeping(store, clock, silentLog, []).clean();
    for (let step = 0; step < 5; step += 1) await clock.advance(100);
    await cleaned;
    const left = query((db, _: Record<never, never>) =>
      db.selectFrom('message').select('session_id').distinct().orderBy('session_id'),
    );
    expect((await store.read.all(left, {})).map((row) => row.session_id)).toEqual([
      'continued',
      'conversation',
      'recent',
      'used again',
    ]);
    for (const id of ['continued', 'conversation', 'recent', 'used again'])
      expect(await store.read.get(getSession, { id })).toBeDefined();
    expect(await store.read.get(getSession, { id: 'old 7' })).toBeUndefined();
  });

  it('ends what waits for an account that is no longer configured, after a week', async () => {
    await store.write(async (tx) => {
      const part = (key: string, account: string, ageMs: number) =>
        tx.run(insertPart, {
          key,
          account,
          chat: '1',
          thread: null,
          turn: null,
          trace: 't',
          class: 'reply',
          op: '{}',
          now: clock.now() - ageMs,
        });
      await part('gone', 'telegram:old', 8 * day);
      await part('may return', 'telegram:old', 6 * day);
      await part('waits', 'telegram:1', 8 * day);
    });
    await new Housekeeping(store, clock, silentLog, [{ account: 'telegram:1', redeliveryMs: day }]).clean();
    const states = query((db, _: Record<never, never>) =>
      db.selectFrom('part').select(['key', 'state']).orderBy('id'),
    );
    expect(await store.read.all(states, {})).toEqual([
      { key: 'gone', state: 'dead' },
      { key: 'may return', state: 'queued' },
      { key: 'waits', state: 'queued' },
    ]);
  });

  it('runs by itself every hour until it is stopped', async () => {
    const keeper = new Housekeeping(store, clock, silentLog, [{ account: 'telegram:1', redeliveryMs: day }]);
    keeper.start();
    await put('telegram:1', 'one', 40 * day);
    await clock.advance(61_000);
    expect(await store.read.all(keys, {})).toEqual([]);
    await put('telegram:1', 'two', 40 * day);
    keeper.stop();
    await clock.advance(2 * 60 * 60 * 1000);
    expect(await store.read.all(keys, {})).toHaveLength(1);
  });
});
