/** Consent, guidance and the search for a running request, as programs use them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { AgentEvent } from '../core/agent-event.ts';
import { brand, type SessionKey, type TraceId, type TurnId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import { testStore } from '../store/testing.ts';
import type { TurnHandle, TurnRequest } from './contract.ts';
import { watchInactivity } from './inactivity.ts';
import { RunningTurn } from './running.ts';
import { type EngineOptions, engineOn, message, request as requestOf, until } from './testing.ts';

/** One that can be asked, and that outlives its process. */
const request = (key: string, more: Partial<TurnRequest> = {}) =>
  requestOf(key, { consumer: 'chat', approvals: { always: true }, ...more });

const dangerous = { keys: ['recursive delete'], command: 'rm -r x', why: 'recursive delete' };

let store: Store;
beforeEach(() => {
  store = testStore();
});
const gateway = (options?: EngineOptions) => engineOn(store, options);

function eventsOf(handle: TurnHandle): AgentEvent[] {
  const events: AgentEvent[] = [];
  handle.watch((event) => events.push(event));
  return events;
}

describe('consent', () => {
  it('is asked of whoever started the request, and given to it alone', async () => {
    const { engine, runs } = gateway();
    const [one, two] = [await engine.submit(request('a')), await engine.submit(request('b'))];
    const events = eventsOf(one);
    const { run } = await until(() => runs.find((each) => each.run.turn === one.turn));
    const answer = run.approve(dangerous, run.signal);
    expect(events.at(-1)).toMatchObject({ type: 'approval.requested', question: { command: 'rm -r x' } });
    expect(two.answer('once', 'all')).toBe(0);
    expect(one.answer('once', 'oldest')).toBe(1);
    expect(await answer).toBe('allowed');
    expect(events.at(-1)).toMatchObject({ type: 'approval.answered', choice: 'once', by: 'person' });
  });

  it('is refused at once where nobody can be asked: in chats and for requests that do not listen', async () => {
    const { engine, runs, send } = gateway();
    await send(message('hi'));
    const { approvals: _none, ...deaf } = request('a');
    await engine.submit(deaf);
    await until(() => runs.length === 2);
    for (const { run } of runs) expect(await run.approve(dangerous, run.signal)).toBe('denied');
  });

  it('for ever counts in every later turn, also where nobody could be asked, if its caller may give it', async () => {
    const allowed = new Set<string>();
    const allowList = {
      has: (key: string) => allowed.has(key),
      add: (keys: readonly string[]) => void keys.map((key) => allowed.add(key)),
    };
    const { engine, runs } = gateway({ allowList });
    const mayNot = await engine.submit(request('a', { approvals: { always: false } }));
    const first = await until(() => runs[0]);
    const asked = first.run.approve(dangerous, first.run.signal);
    mayNot.answer('always', 'oldest');
    expect([await asked, allowed.size]).toEqual(['allowed', 0]);
    const may = await engine.submit(request('b'));
    const second = await until(() => runs[1]);
    const again = second.run.approve(dangerous, second.run.signal);
    may.answer('always', 'oldest');
    expect([await again, [...allowed]]).toEqual(['allowed', ['recursive delete']]);
    const { approvals: _none, ...deaf } = request('c');
    await engine.submit(deaf);
    const third = await until(() => runs[2]);
    expect(await third.run.approve(dangerous, third.run.signal)).toBe('allowed');
  });

  it('96. is refused when the turn is stopped, and does not hold up the end of the gateway', async () => {
    const { engine, runs } = gateway();
    const stopped = await engine.submit(request('a'));
    const first = await until(() => runs[0]);
    const asked = first.run.approve(dangerous, first.run.signal);
    stopped.interrupt('Stop requested via API');
    expect(await asked).toBe('denied');
    expect((await stopped.result).status).toBe('interrupted');

    const waiting = await engine.submit(request('b'));
    const second = await until(() => runs[1]);
    const open = second.run.approve(dangerous, second.run.signal);
    await engine.drain(600_000);
    expect([await open, (await waiting.result).exit]).toEqual(['denied', 'suspended']);
  });
});

it('a turn that waits for a person is not silent', async () => {
  const clock = virtualClock();
  const identity = { turn: brand<TurnId>('t'), trace: brand<TraceId>('x'), key: brand<SessionKey>('k') };
  const running = new RunningTurn(
    { ...identity, source: 'api_server', consumer: 'chat', isRequest: true },
    () => {},
  );
  const unwatch = watchInactivity(clock, 1_000, running);
  const asking = { request: dangerous, clock, timeoutMs: 60_000, allowForEver: undefined };
  const answer = running.ask(asking, running.signal);
  await clock.advance(30_000);
  expect(running.signal.aborted).toBe(false);
  running.answer('once', 'oldest');
  expect(await answer).toBe('allowed');
  await clock.advance(2_500);
  expect(running.signal.aborted).toBe(true);
  unwatch();
});

describe('guidance', () => {
  it('waits for the next model call, is told when it is read, and is refused after the end', async () => {
    const { engine, runs } = gateway();
    const handle = await engine.submit(request('a'));
    const events = eventsOf(handle);
    const { run, finish } = await until(() => runs[0]);
    expect(run.takeSteering()).toBeUndefined();
    expect([handle.steer('left'), handle.steer('then right')]).toEqual([true, true]);
    expect(run.takeSteering()).toBe('left\nthen right');
    expect(run.takeSteering()).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: 'steered', text: 'left\nthen right' });
    finish();
    await handle.result;
    expect(handle.steer('late')).toBe(false);
  });

  it('is bounded', async () => {
    const { engine, runs } = gateway();
    const handle = await engine.submit(request('a'));
    await until(() => runs[0]);
    const accepted = Array.from({ length: 200 }, (_, n) => handle.steer(`${n}`)).filter(Boolean);
    expect(accepted).toHaveLength(100);
  });
});

describe('a request', () => {
  it('is found while it waits or runs, also by a later process, with everything it has said', async () => {
    const before = gateway();
    const handle = await before.engine.submit(request('a'));
    expect(await before.engine.find(handle.turn)).toBe(handle);
    await until(() => before.runs[0]);
    await before.engine.drain(0);
    const after = gateway();
    await after.engine.recover();
    const { run, finish } = await until(() => after.runs[0]);
    run.emit({ type: 'text.delta', text: 'said before anybody looked' });
    const found = (await after.engine.find(handle.turn))!;
    expect(eventsOf(found)).toEqual([{ type: 'text.delta', text: 'said before anybody looked' }]);
    finish({ text: 'end' });
    expect((await found.result).text).toBe('end');
    await until(async () => (await after.engine.find(handle.turn)) === undefined);
  });

  it('can be stopped by a later process before it has taken it up', async () => {
    const before = gateway();
    const handle = await before.engine.submit(request('a'));
    await until(() => before.runs[0]);
    await before.engine.drain(0);
    const after = gateway();
    const found = (await after.engine.find(handle.turn))!;
    expect(await after.engine.find(handle.turn)).toBe(found);
    found.interrupt('Stop requested via API');
    await after.engine.recover();
    expect((await found.result).status).toBe('interrupted');
  });

  it('is not found when there is none, and the turn of a chat is none', async () => {
    const { engine, runs, send } = gateway();
    await send(message('hi'));
    const { run } = await until(() => runs[0]);
    await engine.drain(0);
    const after = gateway();
    expect(await after.engine.find(brand<TurnId>(run.turn))).toBeUndefined();
    expect(await after.engine.find(brand<TurnId>('turn_none'))).toBeUndefined();
    expect(after.engine.active()).toBe(0);
  });
});
