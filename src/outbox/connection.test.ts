import { expect, it, vi } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { type AccountId, brand, type ChatId, type MessageId } from '../core/ids.ts';
import { silentLog } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Part } from '../platforms/contract.ts';
import { partByKey } from '../store/queries/part.ts';
import { testStore } from '../store/testing.ts';
import { plainDialect } from '../text/plain.ts';
import { storeDrafts } from './draft.ts';
import { Outbox } from './outbox.ts';

const id = brand<AccountId>('socket:1');

async function opened(deliversOver: 'connection' | undefined) {
  const store = testStore();
  const outbox = new Outbox({ store, clock: systemClock, log: silentLog, secrets: [] });
  const seen: Part[] = [];
  const manifest = {
    name: 'socket',
    title: 'Socket',
    limits: [],
    idempotency: { kind: 'none' },
    capabilities: { text: { max: 100, unit: 'utf16', counts: 'source' }, typing: false },
    env: { enabledBy: [] },
    ...(deliversOver === undefined ? {} : { deliversOver }),
  } as unknown as Manifest;
  await outbox.open({
    id,
    manifest,
    dialect: plainDialect,
    block: { replyToMode: 'off', onUnknown: 'repeat', home: undefined },
    adapter: {
      deliver: async (part) => {
        seen.push(part);
        return { kind: 'sent', id: brand<MessageId>('m') };
      },
    },
  });
  const say = async (text: string) => {
    const drafts = outbox.draft(text, { account: id, at: { chat: brand<ChatId>('7') } }, 'reply', text);
    await store.write((tx) => storeDrafts(tx, drafts, { turn: null, trace: 't', now: systemClock.now() }));
    outbox.wake(id, '7');
  };
  return { store, outbox, seen, say };
}

it('answers that leave over a connection wait for it without a failed attempt, and again after it broke', async () => {
  const { store, outbox, seen, say } = await opened('connection');
  await say('one');
  await new Promise((resolve) => setImmediate(resolve));
  expect(await store.read.get(partByKey, { key: 'one:0' })).toMatchObject({ state: 'queued', attempt: 0 });
  outbox.connection(id, true);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  outbox.connection(id, false);
  await say('two');
  // A stop does not wait for what cannot leave.
  await outbox.flush(60_000);
  expect(await store.read.get(partByKey, { key: 'two:0' })).toMatchObject({ state: 'queued', attempt: 0 });
  outbox.connection(id, true);
  await vi.waitFor(() =>
    expect(seen.map(({ key, attempt }) => [key, attempt])).toEqual([
      ['one:0', 1],
      ['two:0', 1],
    ]),
  );
  await outbox.close();
});

it('where answers leave on their own, a lost connection for events holds up nothing', async () => {
  const { outbox, seen, say } = await opened(undefined);
  outbox.connection(id, false);
  await say('one');
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  await outbox.close();
});
