import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryStore } from '../api/responses/memory-store.ts';
import type { ResponseStore } from '../api/responses/store.ts';
import { systemClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import { openStore } from './open.ts';
import { insertInbound } from './queries/inbound.ts';
import { insertMessage } from './queries/session.ts';
import { endTurn, insertTurn } from './queries/turn.ts';
import { openResponses } from './responses.ts';
import type { Store } from './store.ts';

let folder: string;
let store: Store;
const open = () =>
  openStore({
    store: { kind: 'sqlite', file: join(folder, 'gateway.db') },
    clock: systemClock,
    log: silentLog,
  });
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-responses-'));
  store = await open();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const row = (id: string, conversation?: string) => ({
  id,
  scope: 'me',
  turnKey: `key ${id}`,
  conversation,
  body: `body ${id}`,
});

const kinds: Readonly<Record<string, () => ResponseStore>> = {
  'in the database': () => openResponses(store, systemClock),
  'in memory': memoryStore,
};

describe.each(Object.entries(kinds))('responses %s', (_, make) => {
  let responses: ResponseStore;
  beforeEach(() => {
    responses = make();
  });

  test('are open until their one and only end', async () => {
    await responses.create(row('a'));
    expect(await responses.get('me', 'a')).toMatchObject({ state: 'open', body: 'body a', turnKey: 'key a' });
    expect((await responses.open()).map(({ id }) => id)).toEqual(['a']);
    expect(await responses.end('a', 'done')).toBe(true);
    expect(await responses.end('a', 'later')).toBe(false);
    expect(await responses.get('me', 'a')).toMatchObject({ state: 'ended', body: 'done' });
    expect(await responses.open()).toEqual([]);
  });

  test('are seen by their owner only', async () => {
    await responses.create(row('a', 'talk'));
    expect(await responses.get('you', 'a')).toBeUndefined();
    expect(await responses.newest('you', 'talk')).toBeUndefined();
    expect(await responses.delete('you', 'a')).toBe(false);
    expect(await responses.delete('me', 'a')).toBe(true);
    expect(await responses.delete('me', 'a')).toBe(false);
    expect(await responses.newest('me', 'talk')).toBeUndefined();
    expect(await responses.end('a', 'late')).toBe(false);
  });

  test('are at most a hundred: the longest unread one goes, with its conversation', async () => {
    for (let n = 0; n < 100; n += 1) {
      await responses.create(row(`r${n}`, n < 2 ? `talk ${n}` : undefined));
      await responses.end(`r${n}`, 'done');
    }
    await responses.get('me', 'r0');
    await responses.create(row('r100'));
    expect(await responses.get('me', 'r0')).toBeDefined();
    expect(await responses.get('me', 'r1')).toBeUndefined();
    expect(await responses.newest('me', 'talk 0')).toBe('r0');
    expect(await responses.newest('me', 'talk 1')).toBeUndefined();
  });

  test('of one caller do not crowd out those of another one', async () => {
    await responses.create(row('mine', 'talk'));
    await responses.end('mine', 'done');
    for (let n = 0; n < 101; n += 1) {
      await responses.create({ ...row(`r${n}`), scope: 'you' });
      await responses.end(`r${n}`, 'done');
    }
    expect(await responses.newest('me', 'talk')).toBe('mine');
    expect(await responses.get('me', 'mine')).toBeDefined();
    expect(await responses.get('you', 'r0')).toBeUndefined();
    expect(await responses.get('you', 'r1')).toBeDefined();
  });

  test('that still run are not forgotten', async () => {
    await responses.create(row('running'));
    for (let n = 0; n < 101; n += 1) {
      await responses.create(row(`r${n}`));
      await responses.end(`r${n}`, 'done');
    }
    expect(await responses.end('running', 'done')).toBe(true);
  });

  test('that never began give the conversation back', async () => {
    await responses.create(row('a', 'talk'));
    await responses.create(row('b', 'talk'));
    expect(await responses.newest('me', 'talk')).toBe('b');
    await responses.discard('b', 'a');
    expect(await responses.newest('me', 'talk')).toBe('a');
    await responses.create(row('c', 'new'));
    await responses.discard('c', undefined);
    expect(await responses.newest('me', 'new')).toBeUndefined();
    expect(await responses.get('me', 'c')).toBeUndefined();
  });

  test('have one secret', async () => {
    const secret = await responses.secret();
    expect(secret).toHaveLength(32);
    expect(await responses.secret()).toEqual(secret);
  });
});

test('responses, their order and the secret outlive the process', async () => {
  const first = openResponses(store, systemClock);
  for (let n = 0; n < 100; n += 1) {
    await first.create(row(`r${n}`));
    await first.end(`r${n}`, 'done');
  }
  const secret = await first.secret();
  await store.close();
  store = await open();
  const second = openResponses(store, { ...systemClock, now: () => 0 });
  expect(await second.secret()).toEqual(secret);
  await second.get('me', 'r0');
  await second.create(row('r100'));
  expect(await second.get('me', 'r0')).toBeDefined();
  expect(await second.get('me', 'r1')).toBeUndefined();
});

test('what became of a turn is told from its rows', async () => {
  const responses = openResponses(store, systemClock);
  expect(await responses.turn('api_server', 'k')).toEqual({ kind: 'unknown' });
  const turn = { id: 't', session_key: 's', session_id: 's', fence: 1, trace: 'x' };
  await store.write(async (tx) => {
    await tx.run(insertInbound, {
      account: 'api_server',
      key: 'k',
      trace: 'x',
      state: 'pending',
      reason: null,
      session_key: 's',
      turn: 't',
      consumer: 'chat',
      ready_at: 0,
      body: '{}',
      raw: '',
      created_at: 0,
    });
  });
  expect(await responses.turn('api_server', 'k')).toEqual({ kind: 'open', turn: 't' });
  const calls = [
    { id: 'here', name: 'terminal', arguments: '{}' },
    { id: 'theirs', name: 'get_weather', arguments: '{}' },
  ];
  const messages = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: 'Let me see.', toolCalls: calls },
    { role: 'tool', toolCallId: 'here', name: 'terminal', content: 'ok' },
  ];
  await store.write(async (tx) => {
    await tx.run(insertTurn, { ...turn, consumer: 'chat', started_at: 0 });
    for (const message of messages) {
      await tx.run(insertMessage, {
        session_id: 's',
        turn: 't',
        body: JSON.stringify(message),
        created_at: 0,
      });
    }
  });
  expect(await responses.turn('api_server', 'k')).toEqual({ kind: 'open', turn: 't' });
  await store.write((tx) =>
    tx.run(endTurn, {
      id: 't',
      fence: 1,
      state: 'completed',
      model: 'm',
      provider: 'p',
      usage: null,
      error: null,
      ended_at: 1,
    }),
  );
  expect(await responses.turn('api_server', 'k')).toMatchObject({
    kind: 'ended',
    result: { status: 'completed', text: 'Let me see.', messages, clientCalls: [calls[1]], model: 'm' },
  });
});
