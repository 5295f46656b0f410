/** What comes from a chat, message by message. */
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { brand, type ChatId, type EventKey, type SenderId } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { accountId } from '../intake/accept.ts';
import { getCursor } from '../store/queries/account.ts';
import { headPart } from '../store/queries/part.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { testFolder, testStore } from '../store/testing.ts';
import {
  allEnded,
  type EngineOptions,
  endings,
  engineOn,
  intakeOn,
  message,
  textsOf,
  until,
} from './testing.ts';

const inbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['state', 'reason', 'body']).orderBy('id'),
);
const messages = query((db, _: Record<never, never>) =>
  db.selectFrom('message').select('body').orderBy('id'),
);

const account = accountId('telegram', '1');
/** Texts of a client that splits at 4,000 characters wait for the rest. */
const batch = { textMs: 0, splitMs: 40, splitAt: 4_000, mediaMs: 0 };

let folder: string;
let store: Store;
beforeEach(() => {
  folder = testFolder();
  store = testStore(systemClock, folder);
});
const gateway = (options?: EngineOptions) => engineOn(store, { batch, ...options });

describe('a chat message', () => {
  it('is answered in one commit: outcome, transcript, parts and the state of the event', async () => {
    const { send, runs, woken } = gateway();
    await send(message('hi'));
    (await until(() => runs[0])).finish({ text: 'hello there' });
    await allEnded(store);
    expect(await endings(store)).toEqual(['answered']);
    expect(await textsOf(store, 'reply')).toEqual(['hello there']);
    const roles = (await store.read.all(messages, {})).map((row) => JSON.parse(row.body).role);
    expect(roles).toEqual(['user', 'assistant']);
    expect(woken).toEqual(['7']);
  });

  it('starts one turn however often the platform repeats it', async () => {
    const { send, runs } = gateway();
    const event = message('hi');
    await send(event, event);
    await send(event);
    (await until(() => runs[0])).finish();
    await allEnded(store);
    await send(event);
    expect(runs).toHaveLength(1);
    expect(await textsOf(store, 'reply')).toHaveLength(1);
  });

  it('is stored with the cursor or not at all', async () => {
    const give = intakeOn(store);
    await give([message('hi')], brand('42'));
    expect(await store.read.get(getCursor, { id: account })).toMatchObject({ cursor: '42' });
    await store.close();
    await expect(give([message('lost')], brand('43'))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    store = testStore(systemClock, folder);
    expect(await endings(store)).toHaveLength(1);
    expect(await store.read.get(getCursor, { id: account })).toMatchObject({ cursor: '42' });
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
    const rows = await store.read.all(inbounds, {});
    expect(rows.map((row) => [row.state, row.reason, row.body])).toEqual([
      ['declined', 'unauthorized', ''],
      ['declined', 'bot-message', ''],
      ['declined', 'own-message', ''],
    ]);
    expect(runs).toHaveLength(0);
  });

  it('sent in two pieces by the client becomes one turn', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('x'.repeat(4_000)));
    await send(message('rest'));
    const { run, finish } = await until(() => runs[0]);
    expect(run.input).toBe(`${'x'.repeat(4_000)}\nrest`);
    finish();
    await allEnded(store);
    expect(await textsOf(store, 'reply')).toHaveLength(1);
  });

  it('edited while it waits is answered in its new form, a later edit starts nothing', async () => {
    const { send, runs } = gateway();
    const event = message('y'.repeat(4_000));
    await send(event);
    await send({ ...event, key: brand<EventKey>('edit1'), kind: 'edit', text: 'better' });
    const { run, finish } = await until(() => runs[0]);
    expect(run.input).toBe('better');
    finish();
    await allEnded(store);
    await send({ ...event, key: brand<EventKey>('edit2'), kind: 'edit', text: 'too late' });
    const reasons = (await store.read.all(inbounds, {})).map((row) => row.reason);
    expect(reasons).toEqual([null, 'edit-applied', 'late-edit']);
    expect(runs).toHaveLength(1);
  });

  it('never delays another chat', async () => {
    const { send, runs } = gateway();
    await send(message('slow'));
    await until(() => runs[0]);
    const from = { id: brand<SenderId>('8'), name: 'Bob', isBot: false, isSelf: false };
    await send(message('quick', { at: { chat: brand<ChatId>('8') }, from }));
    (await until(() => runs[1])).finish();
    await until(async () => (await textsOf(store, 'reply')).length === 1);
    expect(runs).toHaveLength(2);
    runs[0]!.finish();
  });
});

describe('commands', () => {
  it('never reach the model; unknown ones are answered', async () => {
    const { send, runs } = gateway();
    await send(message('/frobnicate'));
    await allEnded(store);
    expect(runs).toHaveLength(0);
    const head = await store.read.get(headPart, { account, chat: '7' });
    expect(head!.op).toContain('Unknown command /frobnicate');
  });

  it('/new makes the next message start without history', async () => {
    const { send, runs } = gateway();
    await send(message('one'));
    (await until(() => runs[0])).finish();
    await allEnded(store);
    await send(message('/new'));
    await allEnded(store);
    await send(message('two'));
    (await until(() => runs[1])).finish();
    await allEnded(store);
    expect(runs[1]!.run.history).toEqual([]);
    expect(runs[1]!.run.session).not.toBe(runs[0]!.run.session);
  });
});
