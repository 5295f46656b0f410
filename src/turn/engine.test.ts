import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Agent, AgentRun } from '../agent/contract.ts';
import type { Settings } from '../config/settings.ts';
import type { TurnResult } from '../core/agent-event.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import {
  brand,
  type ChatId,
  type EventKey,
  type MessageId,
  type SenderId,
  type SessionKey,
} from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { silentLog } from '../core/log.ts';
import { noUsage } from '../core/message.ts';
import { type AccountRoute, accept, accountId } from '../intake/accept.ts';
import { draftParts } from '../outbox/draft.ts';
import { getCursor } from '../store/queries/account.ts';
import { headPart } from '../store/queries/part.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { plainDialect } from '../text/plain.ts';
import type { TurnRequest } from './contract.ts';
import { TurnEngine } from './engine.ts';

const allInbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['key', 'state', 'reason', 'turn', 'consumer', 'body']).orderBy('id'),
);
const allParts = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select(['key', 'class', 'op', 'chat', 'state']).orderBy('id'),
);
const allMessages = query((db, _: Record<never, never>) =>
  db.selectFrom('message').select(['body', 'session_id']).orderBy('id'),
);
const allSteps = query((db, _: Record<never, never>) => db.selectFrom('step').selectAll());

interface Run {
  readonly run: AgentRun;
  finish(result?: Partial<TurnResult>): void;
}

const settings = (busyMode: 'interrupt' | 'queue' | 'steer') =>
  ({
    access: { allowedUsers: ['7', '8'], allowAll: false },
    sessions: { groupPerUser: true, threadPerUser: false, reset: { mode: 'none', atHour: 4, idleMs: 1 } },
    display: { busyMode, busyAck: true },
    agent: { maxIterations: 90, inactivityMs: 1_800_000 },
  }) as unknown as Settings;

const route: AccountRoute = {
  account: accountId('telegram', '1'),
  manifest: { name: 'telegram' },
  batch: { textMs: 0, splitMs: 40, splitAt: 4_000, mediaMs: 0 },
  block: { access: { allowedUsers: [], allowAll: false, groupAllowedUsers: [], groupAllowedChats: [] } },
};

let folder = '';
let store: Store;
let sequence = 0;
const closing: (() => Promise<void>)[] = [];

const message = (text: string, more: Partial<Inbound> = {}): Inbound => {
  sequence += 1;
  return {
    key: brand<EventKey>(`e${sequence}`),
    at: { chat: brand<ChatId>('7') },
    kind: 'message',
    scope: 'dm',
    from: { id: brand<SenderId>('7'), name: 'Ann', isBot: false, isSelf: false },
    message: brand<MessageId>(`m${sequence}`),
    text,
    raw: '{}',
    ...more,
  };
};

/** An agent whose turns end when the test says so. */
function scriptedAgent() {
  const runs: Run[] = [];
  const waiting: ((run: Run) => void)[] = [];
  const agent: Agent = {
    model: { name: 'm', provider: 'p', isDemo: false },
    close: async () => {},
    run: (run) =>
      new Promise((resolve) => {
        const result = (more: Partial<TurnResult>): TurnResult => ({
          status: 'completed',
          text: 'answer',
          messages: [
            { role: 'user', content: run.input },
            { role: 'assistant', content: more.text ?? 'answer' },
          ],
          usage: noUsage,
          model: 'm',
          provider: 'p',
          modelCalls: 1,
          exit: 'text_response',
          ...more,
        });
        const each: Run = { run, finish: (more = {}) => resolve(result(more)) };
        run.signal.addEventListener('abort', () =>
          resolve(
            result({ status: 'interrupted', text: '', messages: [{ role: 'user', content: run.input }] }),
          ),
        );
        runs.push(each);
        waiting.shift()?.(each);
      }),
  };
  return {
    agent,
    runs,
    next: () => new Promise<Run>((resolve) => void waiting.push(resolve)),
  };
}

function gateway(busyMode: 'interrupt' | 'queue' | 'steer' = 'interrupt', clock: Clock = systemClock) {
  const script = scriptedAgent();
  const woken: string[] = [];
  const engine = new TurnEngine({
    store,
    clock,
    log: silentLog,
    settings: settings(busyMode),
    agent: script.agent,
    outlet: {
      draft: (markdown, to, kind, prefix) =>
        draftParts(
          markdown,
          {
            account: to.account,
            at: to.at,
            dialect: plainDialect,
            text: { max: 100, unit: 'utf16', counts: 'source' },
            replyToMode: 'off',
          },
          kind,
          prefix,
        ),
      wake: (_, chat) => woken.push(chat),
      typing: () => () => {},
      resolve: ({ platform, chat = 'home' }) => ({
        account: `${platform}:1`,
        at: { chat: brand<ChatId>(chat) },
      }),
    },
    toolsFor: () => new Set(['todo', 'terminal']),
    contextFor: () => undefined,
  });
  closing.push(() => engine.drain(0));
  const send = (...events: Inbound[]) =>
    accept(
      { store, clock, log: silentLog, settings: settings(busyMode), wake: (key) => engine.wake(key) },
      route,
      events,
      undefined,
    );
  return { engine, send, woken, ...script };
}

async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  throw new Error('it did not happen within 2 s');
}

const states = async () => (await store.read.all(allInbounds, {})).map((row) => row.state);
const allEnded = () =>
  until(async () => (await states()).every((state) => !['pending', 'claimed'].includes(state)));
const replies = async () =>
  (await store.read.all(allParts, {}))
    .filter((part) => part.class === 'reply')
    .map((part) => JSON.parse(part.op).body.text as string);

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

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engine-'));
  store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a chat message', () => {
  it('is answered in one commit: outcome, transcript, parts and the state of the event', async () => {
    const { send, next, woken } = gateway();
    const started = next();
    await send(message('hi'));
    (await started).finish({ text: 'hello there' });
    await allEnded();
    expect(await states()).toEqual(['answered']);
    expect(await replies()).toEqual(['hello there']);
    expect((await store.read.all(allMessages, {})).map((row) => JSON.parse(row.body).role)).toEqual([
      'user',
      'assistant',
    ]);
    expect(woken).toEqual(['7']);
  });

  it('starts one turn however often the platform repeats it', async () => {
    const { send, next, runs } = gateway();
    const started = next();
    const event = message('hi');
    await send(event, event);
    await send(event);
    (await started).finish();
    await allEnded();
    await send(event);
    expect(runs).toHaveLength(1);
    expect(await replies()).toHaveLength(1);
  });

  it('is stored with the cursor or not at all', async () => {
    const { engine } = gateway();
    const deps = {
      store,
      clock: systemClock,
      log: silentLog,
      settings: settings('queue'),
      wake: () => engine.wake,
    };
    await accept(deps, route, [message('hi')], brand('42'));
    expect(await store.read.get(getCursor, { id: route.account })).toMatchObject({ cursor: '42' });
    await store.close();
    await expect(accept(deps, route, [message('lost')], brand('43'))).rejects.toMatchObject({
      code: 'STORE_CLOSED',
    });
    store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
    expect(await states()).toHaveLength(1);
    expect(await store.read.get(getCursor, { id: route.account })).toMatchObject({ cursor: '42' });
  });

  it('of a stranger, a bot or the bot itself is declined with a reason and without its text', async () => {
    const { send, runs } = gateway();
    const from = (more: Partial<Inbound['from']>) => ({
      id: brand<SenderId>('99'),
      name: 'Eve',
      isBot: false,
      isSelf: false,
      ...more,
    });
    await send(
      message('let me in', { from: from({}) }),
      message('beep', { from: from({ id: brand<SenderId>('7'), isBot: true }) }),
      message('echo', { from: from({ isSelf: true }) }),
    );
    const rows = await store.read.all(allInbounds, {});
    expect(rows.map((row) => [row.state, row.reason, row.body])).toEqual([
      ['declined', 'unauthorized', ''],
      ['declined', 'bot-message', ''],
      ['declined', 'own-message', ''],
    ]);
    expect(runs).toHaveLength(0);
  });

  it('sent in two pieces by the client becomes one turn', async () => {
    const { send, next } = gateway('queue');
    const started = next();
    await send(message('x'.repeat(4_000)));
    await send(message('rest'));
    const { run, finish } = await started;
    expect(run.input).toBe(`${'x'.repeat(4_000)}\nrest`);
    finish();
    await allEnded();
    expect(await replies()).toHaveLength(1);
  });

  it('edited while it waits is answered in its new form, a later edit starts nothing', async () => {
    const { send, next, runs } = gateway();
    const started = next();
    const event = message('y'.repeat(4_000));
    await send(event);
    await send({ ...event, key: brand<EventKey>('edit1'), kind: 'edit', text: 'better' });
    const { run, finish } = await started;
    expect(run.input).toBe('better');
    finish();
    await allEnded();
    await send({ ...event, key: brand<EventKey>('edit2'), kind: 'edit', text: 'too late' });
    expect((await store.read.all(allInbounds, {})).map((row) => row.reason)).toEqual([
      null,
      'edit-applied',
      'late-edit',
    ]);
    expect(runs).toHaveLength(1);
  });

  it('never delays another chat', async () => {
    const { send, next, runs } = gateway();
    const first = next();
    await send(message('slow'));
    await first;
    const second = next();
    const other = { chat: brand<ChatId>('8') };
    await send(
      message('quick', {
        at: other,
        from: { id: brand<SenderId>('8'), name: 'Bob', isBot: false, isSelf: false },
      }),
    );
    (await second).finish();
    await until(async () => (await replies()).length === 1);
    expect(runs).toHaveLength(2);
    runs[0]!.finish();
  });
});

describe('a process end', () => {
  it('in a turn of a chat is survived: the turn goes on with its finished steps and is answered once', async () => {
    const before = gateway();
    const started = before.next();
    await before.send(message('do it'));
    const { run } = await started;
    const call = { id: 'call_1', name: 'write_file', arguments: '{}' };
    await run.journal.model({ role: 'assistant', content: '', toolCalls: [call] }, noUsage);
    await run.journal.toolStarted(call);
    await run.journal.toolDone(call, '{"ok":true}');
    const flying = { id: 'call_2', name: 'terminal', arguments: '{}' };
    await run.journal.toolStarted(flying);

    const after = gateway();
    const resumed = after.next();
    await after.engine.recover();
    const again = await resumed;
    expect(again.run.turn).toBe(run.turn);
    expect(again.run.input).toBe('do it');
    expect(again.run.journal.past).toEqual([
      { kind: 'model', message: { role: 'assistant', content: '', toolCalls: [call] }, usage: noUsage },
      { kind: 'tool', call, result: '{"ok":true}' },
      { kind: 'tool', call: flying },
    ]);
    // The predecessor still runs somewhere: nothing it does counts any more.
    await expect(run.journal.toolDone(flying, '{}')).rejects.toMatchObject({ code: 'FENCED' });
    before.runs[0]!.finish({ text: 'stale answer' });
    again.finish({ text: 'fresh answer' });
    await allEnded();
    expect(await replies()).toEqual(['fresh answer']);
    expect(await store.read.all(allSteps, {})).toEqual([]);
  });

  it('that keeps happening in one turn fails the turn with a notice', async () => {
    const first = gateway();
    const started = first.next();
    await first.send(message('poison'));
    await started;
    for (let restart = 0; restart < 9; restart += 1) {
      const again = gateway();
      const resumed = again.next();
      await again.engine.recover();
      await resumed;
    }
    const last = gateway();
    await last.engine.recover();
    await allEnded();
    expect(last.runs).toHaveLength(0);
    expect((await replies()).join('')).toContain('The request failed');
  });

  it('leaves a live request failed, and the same key runs it again', async () => {
    const before = gateway();
    const started = before.next();
    await before.engine.submit(request('k1'));
    await started;
    const after = gateway();
    await after.engine.recover();
    expect(await states()).toEqual(['failed']);
    const again = after.next();
    // A client without a session gets a lane per request: the second one has another key.
    const handle = await after.engine.submit(request('k1', { sessionKey: brand<SessionKey>('api:other') }));
    (await again).finish({ text: 'second try' });
    expect(await handle.result).toMatchObject({ status: 'completed', text: 'second try' });
    expect(await states()).toEqual(['answered']);
  });
});

describe('a message for a busy conversation', () => {
  const later = () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, monotonic: () => performance.now() + offset };
    return {
      clock,
      pass: (ms: number) => {
        offset += ms;
      },
    };
  };

  it('interrupts the turn: the old answer is not sent, the new turn reads the text', async () => {
    const { clock, pass } = later();
    const { send, next } = gateway('interrupt', clock);
    const first = next();
    await send(message('one'));
    await first;
    pass(5_000);
    const second = next();
    await send(message('two'));
    const { run, finish } = await second;
    expect(run.input).toBe('two');
    expect(run.history).toEqual([{ role: 'user', content: 'one' }]);
    finish({ text: 'about two' });
    await allEnded();
    expect(await replies()).toEqual(['about two']);
    const notices = (await store.read.all(allParts, {})).filter((part) => part.class === 'notice');
    expect(notices.map((part) => JSON.parse(part.op).body.text as string).join('')).toContain(
      'Interrupting current task',
    );
  });

  it('waits when it comes right after the start', async () => {
    const { send, next, runs } = gateway('interrupt');
    const first = next();
    await send(message('one'));
    const { run, finish } = await first;
    await send(message('and one more thing'));
    expect(run.signal.aborted).toBe(false);
    const second = next();
    finish();
    (await second).finish();
    await allEnded();
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'and one more thing']);
  });

  it('is answered by its own turn in queue mode', async () => {
    const { send, next, runs } = gateway('queue');
    const first = next();
    await send(message('one'));
    await first;
    await send(message('two'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await send(message('three'));
    for (let index = 0; index < 3; index += 1) {
      await until(() => runs[index]);
      runs[index]!.finish({ text: `answer ${index}` });
    }
    await allEnded();
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'two', 'three']);
    expect(await replies()).toEqual(['answer 0', 'answer 1', 'answer 2']);
  });

  it('is read by the running turn in steer mode, and by the next one when it comes too late', async () => {
    const { send, next, runs } = gateway('steer');
    const first = next();
    await send(message('one'));
    const { run, finish } = await first;
    await send(message('use pnpm'));
    expect(await until(() => run.takeSteering())).toBe('use pnpm');
    await send(message('and yarn'));
    const second = next();
    finish();
    (await second).finish();
    await allEnded();
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'and yarn']);
    expect(await replies()).toHaveLength(2);
  });

  it('that says /stop ends the turn at once and drops what waits behind it', async () => {
    const { send, next, runs, woken } = gateway('queue');
    const first = next();
    await send(message('one'));
    const { run } = await first;
    await send(message('two'));
    await send(message('/stop'));
    await until(() => run.signal.aborted);
    await allEnded();
    expect(runs).toHaveLength(1);
    expect(await states()).toEqual(['answered', 'declined', 'answered']);
    expect(woken).toContain('7');
    expect(await replies()).toEqual([]);
  });
});

describe('commands', () => {
  it('never reach the model; unknown ones are answered', async () => {
    const { send, runs } = gateway();
    await send(message('/frobnicate'));
    await allEnded();
    expect(runs).toHaveLength(0);
    const head = await store.read.get(headPart, { account: route.account, chat: '7' });
    expect(head!.op).toContain('Unknown command /frobnicate');
  });

  it('/new makes the next message start without history', async () => {
    const { send, next, runs } = gateway();
    const first = next();
    await send(message('one'));
    (await first).finish();
    await allEnded();
    await send(message('/new'));
    await allEnded();
    const second = next();
    await send(message('two'));
    (await second).finish();
    await allEnded();
    expect(runs[1]!.run.history).toEqual([]);
    expect(runs[1]!.run.session).not.toBe(runs[0]!.run.session);
  });
});

describe('a request of a program', () => {
  it('shows every event to a watcher, also the ones before it came', async () => {
    const { engine, next } = gateway();
    const started = next();
    const handle = await engine.submit(request('k1'));
    const { run, finish } = await started;
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
    const { engine, next, runs } = gateway();
    const started = next();
    const first = await engine.submit(request('k1'));
    const { finish } = await started;
    const second = await engine.submit(request('k1'));
    expect(second.turn).toBe(first.turn);
    finish({ text: 'once' });
    await first.result;
    const third = await engine.submit(request('k1'));
    expect(await third.result).toMatchObject({ status: 'completed', text: 'once', model: 'm' });
    expect(runs).toHaveLength(1);
  });

  it("that ended with calls of the caller's own tools is recorded with them", async () => {
    const { engine, next } = gateway();
    const calls = [
      { id: 'server', name: 'todo', arguments: '{}' },
      { id: 'client', name: 'my_tool', arguments: '{"a":1}' },
    ];
    const messages = [
      { role: 'user' as const, content: 'hello' },
      { role: 'assistant' as const, content: 'let me see', toolCalls: calls },
      { role: 'tool' as const, toolCallId: 'server', name: 'todo', content: '{}' },
    ];
    const started = next();
    await engine.submit(request('k1'));
    (await started).finish({ text: 'let me see', messages, clientCalls: [calls[1]!], exit: 'client_tools' });
    await allEnded();
    const again = await engine.submit(request('k1'));
    expect(await again.result).toMatchObject({ text: 'let me see', clientCalls: [calls[1]] });
  });

  it('can only narrow its tools', async () => {
    const { engine, next } = gateway();
    const started = next();
    await engine.submit(request('k1', { tools: ['todo', 'shutdown_computer'] }));
    const { run, finish } = await started;
    expect([...run.tools]).toEqual(['todo']);
    finish();
  });

  it('is interrupted by its caller and leaves no text of its body behind', async () => {
    const { engine, next } = gateway();
    const started = next();
    const handle = await engine.submit(request('k1'));
    await started;
    handle.interrupt('gone');
    expect(await handle.result).toMatchObject({ status: 'interrupted' });
    const rows = await store.read.all(allInbounds, {});
    expect(rows).toMatchObject([{ state: 'failed', body: '' }]);
  });

  it('is refused while the gateway drains, and a waiting chat is kept for the next start', async () => {
    const { engine, send, next } = gateway();
    const started = next();
    await send(message('keep me'));
    await started;
    await engine.drain(0);
    await expect(engine.submit(request('k1'))).rejects.toMatchObject({ code: 'DRAINING' });
    expect(await states()).toEqual(['claimed']);
    const after = gateway();
    const resumed = after.next();
    await after.engine.recover();
    (await resumed).finish();
    await allEnded();
    expect(await replies()).toEqual(['answer']);
  });

  it('continues a stored conversation, or the given one while nothing is stored', async () => {
    const { engine, next, runs } = gateway();
    const stored = { sessionKey: brand<SessionKey>('api:s'), sessionId: 's', history: 'stored' as const };
    const given = [{ role: 'user' as const, content: 'earlier' }];
    const started = next();
    const first = await engine.submit(request('k1', { ...stored, historyIfEmpty: given }));
    (await started).finish();
    await first.result;
    const again = next();
    const second = await engine.submit(request('k2', { ...stored, historyIfEmpty: given }));
    (await again).finish();
    await second.result;
    expect(runs[0]!.run.history).toEqual(given);
    expect(runs[1]!.run.history.map((each) => each.role)).toEqual(['user', 'assistant']);
  });
});
