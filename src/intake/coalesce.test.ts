/** Events that wait for the newest of their chat, in a real database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { type AccountId, brand, type SessionKey } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { silentLog } from '../core/log.ts';
import { claimInbound } from '../store/queries/inbound.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { type AcceptDeps, accept } from './accept.ts';
import { readEnvelope } from './envelope.ts';

const inbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['id', 'key', 'state', 'reason', 'body', 'ready_at']).orderBy('id'),
);

let folder: string;
let store: Store;
let now: number;
let woken: SessionKey[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coalesce-'));
  now = 1_780_000_000_000;
  woken = [];
  store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const give = (
  key: string,
  text: string,
  over: Partial<Inbound> = {},
  wait: Pick<Inbound, 'coalesce'> = { coalesce: { waitMs: 30_000 } },
) => {
  const settings = {
    access: { allowedUsers: [], allowAll: false },
    sessions: { groupPerUser: true, threadPerUser: false },
  } as unknown as AcceptDeps['settings'];
  const clock = { ...systemClock, now: () => now };
  const event: Inbound = {
    key: brand(key),
    at: { chat: brand('webhook:r:first') },
    kind: 'message',
    scope: 'dm',
    from: { id: brand('webhook:r'), name: 'r', isBot: false, isSelf: false },
    text,
    ...wait,
    raw: text,
    ...over,
  };
  return accept(
    { store, clock, log: silentLog, settings, wake: (lane) => void woken.push(lane) },
    {
      account: brand<AccountId>('webhook:main'),
      manifest: { name: 'webhook', authenticates: true },
      batch: undefined,
      block: { access: { allowedUsers: [], allowAll: false, groupAllowedUsers: [], groupAllowedChats: [] } },
    },
    [event],
    undefined,
  );
};
const rows = async () =>
  (await store.read.all(inbounds, {})).map(({ key, state, reason, body, ready_at }) => {
    const envelope = body === '' ? undefined : readEnvelope(body);
    const text = envelope?.type === 'chat' ? envelope.event.text : undefined;
    return { key, state, reason, text, waits: ready_at - now };
  });

it('the newest takes the place of the one that waits, with its own text and wait, and both keys are kept', async () => {
  expect(await give('a', 'opened')).toEqual({ fresh: 1 });
  now += 10_000;
  expect(await give('b', 'closed', { coalesce: { waitMs: 5_000 } })).toEqual({ fresh: 1 });
  expect(await rows()).toEqual([
    { key: 'a', state: 'pending', reason: null, text: 'closed', waits: 5_000 },
    { key: 'b', state: 'declined', reason: 'coalesced', text: undefined, waits: 0 },
  ]);
  expect(woken).toHaveLength(1);
});

it('one that is given again changes nothing, whichever it is', async () => {
  await give('a', 'opened');
  await give('b', 'closed');
  for (const [key, text] of [
    ['a', 'opened'],
    ['b', 'closed'],
  ] as const)
    expect(await give(key, text)).toEqual({ fresh: 0 });
  expect((await rows()).map(({ text }) => text)).toEqual(['closed', undefined]);
});

it('what a turn has taken already is not changed: the next one waits for itself', async () => {
  await give('a', 'opened');
  const [first] = await store.read.all(inbounds, {});
  await store.write((tx) => tx.run(claimInbound, { id: first!.id, turn: 'turn_1' }));
  await give('b', 'closed');
  expect((await rows()).map(({ state, text }) => [state, text])).toEqual([
    ['claimed', 'opened'],
    ['pending', 'closed'],
  ]);
});

it('another chat, and an event that waits for nobody, keep their own', async () => {
  await give('a', 'opened');
  await give('b', 'other chat', { at: { chat: brand('webhook:r:second') } });
  await give('c', 'at once', {}, {});
  expect((await rows()).map(({ state, text }) => [state, text])).toEqual([
    ['pending', 'opened'],
    ['pending', 'other chat'],
    ['pending', 'at once'],
  ]);
});
