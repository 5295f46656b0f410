import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { brand, type SessionKey } from '../core/ids.ts';
import { silentLog } from '../core/log.ts';
import type { Message } from '../core/message.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import type { TurnRequest } from './contract.ts';
import { type EngineOptions, engineOn, until } from './testing.ts';

const turns = query((db, _: Record<never, never>) =>
  db.selectFrom('turn').select(['id', 'state']).orderBy('id'),
);

const request = (key: string, more: Partial<TurnRequest> = {}): TurnRequest => ({
  source: 'api_server',
  key,
  sessionKey: brand<SessionKey>(`api:${key}`),
  sessionId: `api-${key}`,
  input: 'hello',
  history: [],
  consumer: 'live',
  ...more,
});

let folder = '';
let store: Store;
const closing: (() => Promise<void>)[] = [];

function gateway(options: EngineOptions = {}) {
  const all = engineOn(store, options);
  closing.push(() => all.engine.drain(0));
  return all;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'requests-'));
  store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a request with a durable consumer', () => {
  it('is suspended by a stop, told so, and goes on after the next start', async () => {
    const { engine, runs } = gateway();
    const handle = await engine.submit(request('k', { consumer: 'chat' }));
    await until(() => runs[0]);
    await engine.drain(0);
    expect(await handle.result).toMatchObject({ status: 'interrupted', exit: 'suspended' });
    expect(await store.read.all(turns, {})).toMatchObject([{ id: handle.turn, state: 'running' }]);
    const next = gateway();
    await next.engine.recover();
    (await until(() => next.runs[0])).finish({ text: 'resumed' });
    await until(async () => (await store.read.all(turns, {})).every(({ state }) => state === 'completed'));
    const again = await next.engine.submit(request('k', { consumer: 'chat' }));
    expect(await again.result).toMatchObject({ text: 'resumed', exit: 'recorded' });
  });

  it('that was never begun is suspended as well, one of a live connection is over', async () => {
    const { engine, runs } = gateway();
    const lane = { sessionKey: brand<SessionKey>('api:one-lane') };
    await engine.submit(request('first', lane));
    await until(() => runs[0]);
    const waiting = await engine.submit(request('waits', { ...lane, consumer: 'chat' }));
    const live = await engine.submit(request('dies', lane));
    await engine.drain(0);
    expect((await waiting.result).exit).toBe('suspended');
    expect((await live.result).exit).toBe('draining');
    const next = gateway();
    await next.engine.recover();
    (await until(() => next.runs[0])).finish();
    await until(async () => (await store.read.all(turns, {})).some(({ state }) => state === 'completed'));
    expect(next.runs).toHaveLength(1);
  });
});

describe('the tools of a request', () => {
  it('are the usual ones unless it names some, and then only of those its source may have at all', async () => {
    const { engine, runs } = gateway({ widest: ['todo', 'terminal', 'memory'] });
    await engine.submit(request('k1'));
    await engine.submit(request('k2', { tools: ['memory', 'todo', 'shutdown_computer'] }));
    await until(() => runs[1]);
    const tools = runs.map(({ run }) => [...run.tools].join());
    expect(tools.toSorted()).toEqual(['memory,todo', 'todo,terminal']);
    for (const { finish } of runs) finish();
  });

  it('and its persona are still those after a restart', async () => {
    const persona = { text: 'You are Beta.', isPublic: true };
    const { engine, runs } = gateway();
    await engine.submit(request('k', { consumer: 'chat', persona, tools: ['todo'] }));
    await until(() => runs[0]);
    await engine.drain(0);
    const next = gateway();
    await next.engine.recover();
    const { run, finish } = await until(() => next.runs[0]);
    expect([run.persona, [...run.tools]]).toEqual([persona, ['todo']]);
    finish();
  });
});

describe('results for a stored conversation', () => {
  const stored = { sessionKey: brand<SessionKey>('api:s'), sessionId: 's', history: 'stored' as const };
  const calls = [{ id: 'a', name: 'get_weather', arguments: '{}' }];
  const given = { role: 'tool' as const, toolCallId: 'a', name: 'unknown', content: '30 °C' };

  it('continue the turn whose calls they answer', async () => {
    const { engine, runs } = gateway();
    const asked = await engine.submit(request('k1', stored));
    const messages: Message[] = [
      { role: 'user', content: 'weather?' },
      { role: 'assistant', content: '', toolCalls: calls },
    ];
    (await until(() => runs[0])).finish({ text: '', messages, clientCalls: calls });
    await asked.result;
    const answered = await engine.submit(request('k2', { ...stored, input: '', results: [given] }));
    const { run, finish } = await until(() => runs[1]);
    finish();
    await answered.result;
    expect(run.input).toBe('');
    expect(run.history).toEqual([...messages, { ...given, name: 'get_weather' }]);
  });

  it('that nobody waits for reach the model as words', async () => {
    const { engine, runs } = gateway();
    const answered = await engine.submit(request('k', { ...stored, input: '', results: [given] }));
    const { run, finish } = await until(() => runs[0]);
    finish();
    await answered.result;
    expect(run.history).toEqual([]);
    expect(run.input).toContain('unknown (a): 30 °C');
  });
});
