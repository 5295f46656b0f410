/** Requests of programs: what their callers see of them, and what is kept for whom. */
import { beforeEach, describe, expect, it } from 'vitest';
import { brand, type SessionKey } from '../core/ids.ts';
import type { Message } from '../core/message.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { testStore } from '../store/testing.ts';
import {
  allEnded,
  type EngineOptions,
  endings,
  engineOn,
  message,
  request,
  textsOf,
  until,
} from './testing.ts';

const turns = query((db, _: Record<never, never>) =>
  db.selectFrom('turn').select(['id', 'state']).orderBy('id'),
);
const bodies = query((db, _: Record<never, never>) => db.selectFrom('inbound').select(['state', 'body']));

let store: Store;
beforeEach(() => {
  store = testStore();
});
const gateway = (options?: EngineOptions) => engineOn(store, options);

describe('a request of a program', () => {
  it('shows every event to a watcher, also the ones before it came', async () => {
    const { engine, runs } = gateway();
    const handle = await engine.submit(request('k1'));
    const { run, finish } = await until(() => runs[0]);
    run.emit({ type: 'text.delta', text: 'a' });
    run.emit({ type: 'text.delta', text: 'b' });
    const seen: string[] = [];
    handle.watch((event) => seen.push(event.type === 'text.delta' ? event.text : event.type));
    run.emit({ type: 'text.delta', text: 'c' });
    finish();
    await handle.result;
    expect(seen).toEqual(['ab', 'c', 'turn.ended']);
  });

  it('with a known key joins the running turn and later gets the recorded answer', async () => {
    const { engine, runs } = gateway();
    const first = await engine.submit(request('k1'));
    const { finish } = await until(() => runs[0]);
    const second = await engine.submit(request('k1'));
    expect(second.turn).toBe(first.turn);
    finish({ text: 'once' });
    await first.result;
    const third = await engine.submit(request('k1'));
    expect(await third.result).toMatchObject({ status: 'completed', text: 'once', model: 'm' });
    expect(runs).toHaveLength(1);
  });

  it("that ended with calls of the caller's own tools is recorded with them", async () => {
    const { engine, runs } = gateway();
    const calls = [
      { id: 'server', name: 'todo', arguments: '{}' },
      { id: 'client', name: 'my_tool', arguments: '{"a":1}' },
    ];
    const messages = [
      { role: 'user' as const, content: 'hello' },
      { role: 'assistant' as const, content: 'let me see', toolCalls: calls },
      { role: 'tool' as const, toolCallId: 'server', name: 'todo', content: '{}' },
    ];
    await engine.submit(request('k1'));
    const { finish } = await until(() => runs[0]);
    finish({ text: 'let me see', messages, clientCalls: [calls[1]!], exit: 'client_tools' });
    await allEnded(store);
    const again = await engine.submit(request('k1'));
    expect(await again.result).toMatchObject({ text: 'let me see', clientCalls: [calls[1]] });
  });

  it('can only narrow its tools', async () => {
    const { engine, runs } = gateway();
    await engine.submit(request('k1', { tools: ['todo', 'shutdown_computer'] }));
    const { run, finish } = await until(() => runs[0]);
    expect([...run.tools]).toEqual(['todo']);
    finish();
  });

  it('is interrupted by its caller and leaves no text of its body behind', async () => {
    const { engine, runs } = gateway();
    const handle = await engine.submit(request('k1'));
    await until(() => runs[0]);
    handle.interrupt('gone');
    expect(await handle.result).toMatchObject({ status: 'interrupted' });
    expect(await store.read.all(bodies, {})).toMatchObject([{ state: 'failed', body: '' }]);
  });

  it('is refused while the gateway drains, and a waiting chat is kept for the next start', async () => {
    const { engine, send, runs } = gateway();
    await send(message('keep me'));
    await until(() => runs[0]);
    await engine.drain(0);
    await expect(engine.submit(request('k1'))).rejects.toMatchObject({ code: 'DRAINING' });
    expect(await endings(store)).toEqual(['claimed']);
    const after = gateway();
    await after.engine.recover();
    (await until(() => after.runs[0])).finish();
    await allEnded(store);
    expect(await textsOf(store, 'reply')).toEqual(['answer']);
  });

  it('continues a stored conversation, or the given one while nothing is stored', async () => {
    const { engine, runs } = gateway();
    const stored = { sessionKey: brand<SessionKey>('api:s'), sessionId: 's', history: 'stored' as const };
    const given = [{ role: 'user' as const, content: 'earlier' }];
    for (const [index, key] of ['k1', 'k2'].entries()) {
      const handle = await engine.submit(request(key, { ...stored, historyIfEmpty: given }));
      (await until(() => runs[index])).finish();
      await handle.result;
    }
    expect(runs[0]!.run.history).toEqual(given);
    expect(runs[1]!.run.history.map((each) => each.role)).toEqual(['user', 'assistant']);
  });
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
