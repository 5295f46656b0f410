import { beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../core/clock.ts';
import { brand, type EventKey, type SessionKey } from '../core/ids.ts';
import { noUsage } from '../core/message.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { failingStore, testStore } from '../store/testing.ts';
import { allEnded, type EngineOptions, endings, engineOn, message, request, until } from './testing.ts';

const answers = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select('account').where('class', '=', 'reply').orderBy('id'),
);
const dropEvents = query((db, _: Record<never, never>) => db.deleteFrom('inbound'));

let store: Store;
beforeEach(() => {
  store = testStore();
});
const gateway = (options?: EngineOptions) => engineOn(store, options);

describe('a row that cannot be read', () => {
  it('ends as failed and holds up nobody behind it', async () => {
    const { send, runs, engine } = gateway({ busyMode: 'queue' });
    await send(message('first'));
    await until(() => runs[0]);
    await send(message('damaged'), message('readable'));
    const damage = query((db, p: { text: string }) =>
      db.updateTable('inbound').set({ body: '{"type":"ch' }).where('body', 'like', p.text),
    );
    await store.write((tx) => tx.run(damage, { text: '%damaged%' }));
    runs[0]!.finish();
    await until(() => runs[1]);
    runs[1]!.finish();
    await allEnded(store);
    expect(runs.map(({ run }) => run.input)).toEqual(['first', 'readable']);
    expect(await endings(store)).toEqual(['answered', 'failed: unreadable', 'answered']);
    await engine.drain(0);
  });
});

describe('/stop', () => {
  it('acts at once when it came in together with the message it stops', async () => {
    const { send, runs } = gateway();
    await send(message('one'), message('/stop'));
    await until(() => runs[0]?.run.signal.aborted);
    await allEnded(store);
    expect(await endings(store)).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('acts at once when it waited behind a turn that goes on after a restart', async () => {
    const before = gateway();
    await before.send(message('one'));
    await until(() => before.runs[0]);
    await before.engine.drain(0);
    await before.send(message('/stop'));
    const after = gateway();
    await after.engine.recover();
    await allEnded(store);
    expect(await endings(store)).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('holds once it is confirmed, also when the process ends before the turn did', async () => {
    const before = gateway();
    await before.send(message('one'));
    await until(() => before.runs[0]);
    // The agent of a killed process never ends its turn.
    await before.send(message('/stop'));
    await until(() => before.runs[0]!.run.signal.aborted);
    const after = gateway();
    await after.engine.recover();
    await allEnded(store);
    expect(after.runs).toEqual([]);
    expect(await endings(store)).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('is seen behind any number of waiting messages', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(...Array.from({ length: 100 }, (_, index) => message(`more ${index}`)));
    await send(message('/stop'));
    await until(() => runs[0]!.run.signal.aborted);
    await allEnded(store);
    expect(runs).toHaveLength(1);
    expect(new Set((await endings(store)).slice(1, -1))).toEqual(new Set(['declined: stopped']));
  });

  it('leaves alone what was said after it', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(message('two'), message('/stop'), message('/new'), message('three'));
    await until(() => runs[1]);
    runs[1]!.finish();
    await allEnded(store);
    expect(runs.map(({ run }) => run.input)).toEqual(['one', 'three']);
    expect(await endings(store)).toEqual([
      'answered: interrupted',
      'declined: stopped',
      'answered: command',
      'answered: command',
      'answered',
    ]);
  });
});

describe('a store that fails in the middle of a turn', () => {
  it('does not end a chat turn: it goes on from its last step when writing works again', async () => {
    const { send, runs } = gateway();
    await send(message('one'));
    await until(() => runs[0]);
    await runs[0]!.run.journal.model({ role: 'assistant', content: 'step' }, noUsage);
    const error = { code: 'STORE_FULL', message: 'The database cannot be written: disk full' };
    runs[0]!.finish({ status: 'failed', text: '', error });
    await until(() => runs[1]);
    expect(runs[1]!.run.turn).toBe(runs[0]!.run.turn);
    expect(runs[1]!.run.journal.past).toHaveLength(1);
    runs[1]!.finish();
    await allEnded(store);
    expect(await endings(store)).toEqual(['answered']);
  });

  it('gives the texts that were steered into the broken run to the next one', async () => {
    const { send, runs } = gateway({ busyMode: 'steer' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(message('use pnpm'));
    await until(() => runs[0]!.run.takeSteering());
    runs[0]!.finish({ status: 'failed', text: '', error: { code: 'STORE_FULL', message: 'full' } });
    await until(() => runs[1]);
    expect(await until(() => runs[1]!.run.takeSteering())).toBe('use pnpm');
    runs[1]!.finish();
    await allEnded(store);
    expect(runs).toHaveLength(2);
  });

  it('and is stopped by its user meanwhile, ends as stopped', async () => {
    const { send, runs } = gateway();
    await send(message('one'));
    await until(() => runs[0]);
    runs[0]!.finish({ status: 'failed', text: '', error: { code: 'STORE_FULL', message: 'full' } });
    await send(message('/stop'));
    await allEnded(store);
    expect(await endings(store)).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('does not keep an answer in the store that was saved after all', async () => {
    let failures = 0;
    const told = failingStore(store, () => (failures-- === 1 ? 'after' : undefined));
    const { send, runs, woken } = engineOn(told);
    await send(message('one'));
    await until(() => runs[0]);
    failures = 1;
    runs[0]!.finish();
    await until(() => woken.includes('7'));
    expect(await endings(store)).toEqual(['answered']);
  });

  it('is told to the caller of a request, whatever could not be done', async () => {
    const broken: Store = {
      ...failingStore(store, () => undefined),
      read: {
        ...store.read,
        all: () => Promise.reject(new Error('the connection was lost')),
      },
    };
    const { engine } = engineOn(broken);
    const handle = await engine.submit(request('k1', { history: 'stored' }));
    expect(await handle.result).toMatchObject({ status: 'failed', error: { code: 'INTERNAL' } });
    await engine.drain(0);
  });
});

describe('an event that was stored although the source heard otherwise', () => {
  it('is answered when the source sends it again', async () => {
    let fault: 'after' | undefined = 'after';
    const { send, runs } = engineOn(failingStore(store, () => fault));
    const event = message('one');
    await expect(send(event)).rejects.toMatchObject({ code: 'STORE_FULL' });
    fault = undefined;
    expect(await send(event)).toEqual({ fresh: 0 });
    await until(() => runs[0]);
    runs[0]!.finish();
    await allEnded(store);
    expect(runs).toHaveLength(1);
  });
});

describe('an edit', () => {
  it('that is given again does not undo a later one', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('busy'));
    await until(() => runs[0]);
    const event = message('draft');
    const edit = (key: string, text: string) => ({
      ...event,
      kind: 'edit' as const,
      key: brand<EventKey>(key),
      text,
    });
    await send(event);
    await send(edit('edit1', 'better'));
    await send(edit('edit2', 'best'));
    await send(edit('edit1', 'better'));
    runs[0]!.finish();
    await until(() => runs[1]);
    expect(runs[1]!.run.input).toBe('best');
    runs[1]!.finish();
    await allEnded(store);
  });

  it('without a message changes no other message without one', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('busy'));
    await until(() => runs[0]);
    const { message: _, ...nameless } = message('keep me');
    await send(nameless);
    await send({ ...nameless, kind: 'edit', key: brand<EventKey>('edit3'), text: 'wrong' });
    runs[0]!.finish();
    await until(() => runs[1]);
    expect(runs[1]!.run.input).toBe('keep me');
    runs[1]!.finish();
    await allEnded(store);
  });
});

describe('a lane', () => {
  it('of requests goes on when several wait in it before the first one starts', async () => {
    const { engine, runs } = gateway();
    // All places are taken, so that the lane is woken twice before it works.
    for (let index = 0; index < 256; index += 1) await engine.submit(request(`busy${index}`));
    await until(() => runs[255]);
    const lane = { sessionKey: brand<SessionKey>('api:same') };
    const waiting = [await engine.submit(request('a', lane)), await engine.submit(request('b', lane))];
    for (const run of runs.slice(0, 256)) run.finish();
    for (const index of [256, 257]) (await until(() => runs[index])).finish();
    expect((await Promise.all(waiting.map(({ result }) => result))).map(({ status }) => status)).toEqual([
      'completed',
      'completed',
    ]);
  });

  it('takes no more requests than may wait at all', async () => {
    const { engine, runs } = gateway();
    const lane = { sessionKey: brand<SessionKey>('api:same') };
    await engine.submit(request('first', lane));
    await until(() => runs[0]);
    const all = Array.from({ length: 2_001 }, (_, index) => engine.submit(request(`w${index}`, lane)));
    const ends = await Promise.allSettled(all);
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(ends.at(-1)).toMatchObject({ reason: { code: 'BUSY' } });
  });

  it('is not held by a turn whose events are gone', async () => {
    const before = gateway();
    await before.send(message('one'));
    await until(() => before.runs[0]);
    await store.write((tx) => tx.run(dropEvents, {}));
    const after = gateway();
    await after.send(message('two'));
    await until(() => after.runs[0]);
    expect(after.runs[0]!.run.input).toBe('two');
    after.runs[0]!.finish();
    await allEnded(store);
    before.runs[0]!.finish();
  });

  it('never answers events of two accounts in one turn', async () => {
    const { sendTo, runs } = gateway({ busyMode: 'interrupt' });
    await sendTo('1', message('busy'));
    await until(() => runs[0]);
    await sendTo('1', message('to the old bot'));
    await sendTo('2', message('to the new bot'));
    for (const index of [0, 1, 2]) (await until(() => runs[index])).finish();
    await allEnded(store);
    expect(runs.map(({ run }) => run.input)).toEqual(['busy', 'to the old bot', 'to the new bot']);
    const rows = await store.read.all(answers, {});
    expect(rows.map(({ account }) => account)).toEqual(['telegram:1', 'telegram:1', 'telegram:2']);
  });

  it('does not wait for a time that the clock was set back from', async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, now: () => Date.now() + offset };
    const { send, runs } = gateway({ clock, batch: { textMs: 60, splitMs: 0, splitAt: 9_999, mediaMs: 0 } });
    await send(message('one'));
    offset = -30 * 24 * 60 * 60 * 1000;
    await until(() => runs[0]);
    runs[0]!.finish();
    await allEnded(store);
  });
});
