import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { type AccountId, brand, type ChatId, type EventKey, type MessageId } from '../core/ids.ts';
import type { DeliveryTarget, Inbound } from '../core/inbound.ts';
import { silentLog } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { plainDialect } from '../text/plain.ts';
import { Outbox } from './outbox.ts';
import { openRelay, type Relay } from './relay.ts';

const inbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['key', 'state', 'reason']),
);
const parts = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select(['state', 'chat', 'thread']),
);

let folder = '';
let store: Store;
let outbox: Outbox;
let relay: Relay;
let idempotency: 'none' | 'key' = 'none';
let outcomes: (Outcome | 'hang')[] = [];
const seen: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'relay-'));
  store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
  outbox = new Outbox({ store, clock: systemClock, log: silentLog, secrets: [] });
  relay = openRelay({ store, clock: systemClock, outbox });
  outcomes = [];
  idempotency = 'none';
  seen.length = 0;
  await outbox.open({
    id: brand<AccountId>('chat:1'),
    manifest: {
      name: 'chat',
      title: 'Chat',
      limits: [],
      get idempotency() {
        return { kind: idempotency };
      },
      capabilities: { text: { max: 100, unit: 'utf16', counts: 'source' }, typing: false },
      env: { enabledBy: [], home: 'CHAT_HOME_CHANNEL' },
    } as unknown as Manifest,
    dialect: plainDialect,
    block: { replyToMode: 'off', onUnknown: 'repeat', home: { chat: 'home', name: 'Home', thread: '9' } },
    adapter: {
      deliver: async (part) => {
        if (part.op.kind === 'send') seen.push(`${part.at.chat}: ${part.op.body.text}`);
        const next = outcomes.shift() ?? { kind: 'sent', id: brand<MessageId>('m') };
        return next === 'hang' ? new Promise(() => {}) : next;
      },
    },
  });
});
afterEach(async () => {
  await outbox.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const push = (key: string, answerTo: DeliveryTarget, waitMs = 2_000) => {
  const event: Inbound = {
    key: brand<EventKey>(key),
    at: { chat: brand<ChatId>('route') },
    kind: 'message',
    scope: 'dm',
    from: { name: 'route', isBot: false, isSelf: false },
    text: 'disk full',
    answerTo,
    raw: '{}',
  };
  return relay(brand<AccountId>('webhook:1'), event, waitMs);
};
const chat = { platform: 'chat', chat: '42' };

describe('a relayed message', () => {
  it('is sent to its target, and to the home channel when it names none', async () => {
    expect(await push('a', chat)).toBe('sent');
    expect(await push('b', { platform: 'chat' })).toBe('sent');
    expect(seen).toEqual(['42: disk full', 'home: disk full']);
    expect(await store.read.all(parts, {})).toMatchObject([{ thread: null }, { thread: '9' }]);
    expect(await store.read.all(inbounds, {})).toMatchObject([
      { state: 'answered', reason: 'relayed' },
      { state: 'answered' },
    ]);
  });

  it('of a known key is not sent again', async () => {
    await push('a', chat);
    expect(await push('a', chat)).toBe('duplicate');
    expect(seen).toHaveLength(1);
  });

  it('that is refused is forgotten, so that the sender may try again', async () => {
    outcomes = [{ kind: 'rejected', code: 'gone', why: 'chat not found' }];
    expect(await push('a', chat)).toBe('failed');
    expect(await store.read.all(inbounds, {})).toEqual([]);
    expect(await push('a', chat)).toBe('sent');
  });

  it('that certainly did not leave in time is taken back', async () => {
    outcomes = [{ kind: 'retry', afterMs: 60_000, scope: 'part', why: '429' }];
    expect(await push('a', chat, 100)).toBe('failed');
    expect(await store.read.all(parts, {})).toEqual([]);
    expect(await push('a', chat)).toBe('sent');
    expect(seen).toHaveLength(2);
  });

  it('whose delivery may have happened is pending, not failed: a second try could double it', async () => {
    outcomes = ['hang'];
    expect(await push('a', chat, 100)).toBe('pending');
    expect(await push('a', chat, 100)).toBe('duplicate');
  });

  it('is not taken back where an unmarked attempt may have arrived', async () => {
    idempotency = 'key';
    outcomes = [{ kind: 'unknown', why: 'socket hang up' }, 'hang'];
    expect(await push('a', chat, 60)).toBe('pending');
    expect(await push('a', chat, 60)).toBe('duplicate');
  });

  it('asked for twice at once is never confirmed to one sender and refused to the other', async () => {
    outcomes = [{ kind: 'rejected', code: 'gone', why: 'chat not found' }];
    expect(await Promise.all([push('a', chat), push('a', chat)])).toEqual(['failed', 'failed']);
    expect(seen).toHaveLength(1);
    expect(await Promise.all([push('a', chat), push('a', chat)])).toEqual(['sent', 'duplicate']);
    expect(seen).toHaveLength(2);
  });

  it('without a reachable target is refused before anything is stored', async () => {
    await expect(push('a', { platform: 'nowhere' })).rejects.toThrow(
      'The platform nowhere is not connected.',
    );
    expect(await store.read.all(inbounds, {})).toEqual([]);
  });
});
