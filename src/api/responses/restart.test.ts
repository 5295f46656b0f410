import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../core/agent-event.ts';
import type { FakeTurn, Script } from '../testing/fake-turns.ts';
import { memoryStore } from './memory-store.ts';
import type { TurnState } from './store.ts';
import { eventsOf, type ResponsesServer, serve } from './testing.ts';
import { agentEvent } from './testing-events.ts';
import { judgeStates, readGrammar } from './testing-grammar.ts';
import type { Json } from './testing-schema.ts';

/** Plays its events and waits. */
function held(events: readonly AgentEvent[] = [{ type: 'text.delta', text: 'one' }]) {
  const started = Promise.withResolvers<FakeTurn>();
  const script: Script = (turn) => {
    turn.emit(...events);
    started.resolve(turn);
  };
  return { script, started: started.promise };
}

const look = async (server: ResponsesServer, id: unknown) =>
  (await (await server.get(`/${id}`)).json()) as Json;
const suspended = { status: 'interrupted', exit: 'suspended' } as const;

describe('a response in the background', () => {
  it('is left open by a graceful stop, and its reader is told that the stream has no end yet', async () => {
    const store = memoryStore();
    const { script, started } = held();
    const first = await serve({ script, store });
    const response = await first.post({ input: 'a', background: true, stream: true });
    const read = response.text().then(
      (text) => text,
      () => 'broken off',
    );
    const turn = await started;
    turn.end(suspended);
    expect(await read).toBe('broken off');
    await first[Symbol.asyncDispose]();
    expect(turn.interruptReason).toBeUndefined();
    expect(await store.open()).toMatchObject([{ state: 'open' }]);
  });

  it('is left open also when the server closes before its turn does', async () => {
    const store = memoryStore();
    const { script, started } = held();
    const first = await serve({ script, store });
    const { id } = await first.ask({ input: 'a', background: true });
    const turn = await started;
    await first[Symbol.asyncDispose]();
    expect(turn.interruptReason).toBeUndefined();
    turn.end({ text: 'too late for this process' });
    expect(await store.open()).toMatchObject([{ id, state: 'open' }]);
  });

  it('that goes on in the next process can be cancelled there, twice with one result', async () => {
    const store = memoryStore();
    const before = await serve({ ...held(), store });
    const { id } = await before.ask({ input: 'a', background: true });
    await before[Symbol.asyncDispose]();
    const { script, started } = held();
    let state: TurnState = { kind: 'open', turn: 'turn_1' };
    await using next = await serve({ script, store: { ...store, turn: async () => state } });
    const handle = await next.turns.submit({ ...before.turns.last });
    const turn = await started;
    void handle.result.then((result) => {
      state = { kind: 'ended', result };
    });
    expect((await look(next, id))['status']).toBe('in_progress');
    const cancelled = await next.ask({}, `/${id}/cancel`);
    expect(cancelled).toMatchObject({ id, status: 'cancelled' });
    expect(turn.interruptReason).toBe('Response cancelled via API');
    expect(await next.ask({}, `/${id}/cancel`)).toEqual(cancelled);
    expect(await look(next, id)).toEqual(cancelled);
  });
});

it('a stream that was begun before a restart is told anew once it has ended, and its end always', async () => {
  const store = memoryStore();
  const before = await serve({ ...held(), store });
  const begun = await before.post({ input: 'a', background: true, stream: true });
  const id = /"id":"(resp_\w+)"/.exec(
    new TextDecoder().decode((await begun.body!.getReader().read()).value),
  )![1]!;
  await before[Symbol.asyncDispose]();
  const { script, started } = held();
  let state: TurnState = { kind: 'unknown' };
  await using next = await serve({
    script,
    store: { ...store, open: async () => [], turn: async () => state },
  });
  state = { kind: 'open', turn: 'turn_nobody_knows' };
  expect((await next.get(`/${id}?stream=true`)).status).toBe(409);
  state = { kind: 'open', turn: 'turn_1' };
  const handle = await next.turns.submit({ ...before.turns.last });
  const turn = await started;
  void handle.result.then((result) => {
    state = { kind: 'ended', result };
  });
  const reading = next.get(`/${id}?stream=true`).then((response) => response.text());
  await new Promise((resolve) => setTimeout(resolve, 20));
  turn.end({ text: 'done', messages: [{ role: 'assistant', content: 'done' }] });
  const events = eventsOf(await reading);
  expect(readGrammar(events)).toMatchObject({ id, status: 'completed' });
  const late = await next.get(`/${id}?stream=true&starting_after=500`);
  expect(eventsOf(await late.text())).toEqual(events.slice(-1));
});

it('however a response ends, nothing of it stays in progress', async () => {
  const ends = ['answer', 'failure', 'disconnect', 'cancel', 'stop', 'kill'] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.array(agentEvent, { maxLength: 8 }),
      fc.constantFrom(...ends),
      async (events, end) => {
        const store = memoryStore();
        const { script, started } = held(events);
        const server = await serve({ script, store, limits: { closeGraceMs: 2_000 } });
        const background = end === 'cancel';
        const abort = new AbortController();
        const response = await server.post({ input: 'a', stream: true, background }, '', {}, abort.signal);
        const reader = response.body!.getReader();
        const id = /"id":"(resp_\w+)"/.exec(new TextDecoder().decode((await reader.read()).value))![1]!;
        const rest = (async () => {
          while (!(await reader.read()).done);
        })().catch(() => {});
        const turn = await started;
        if (end === 'answer') turn.end({ text: 'done' });
        if (end === 'failure') turn.end({ status: 'failed', error: { code: 'x', message: 'broken' } });
        if (end === 'disconnect') abort.abort();
        if (end === 'cancel') await server.ask({}, `/${id}/cancel`);
        if (end === 'stop') await server[Symbol.asyncDispose]();
        const next = end === 'stop' || end === 'kill' ? await serve({ store: { ...store } }) : server;
        await expect.poll(async () => (await look(next, id))['status']).not.toBe('in_progress');
        judgeStates(await look(next, id));
        expect(next.faults).toEqual([]);
        abort.abort();
        await rest;
        await server[Symbol.asyncDispose]();
        if (next !== server) await next[Symbol.asyncDispose]();
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
