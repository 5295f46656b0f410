import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { engineOn, message, until } from './testing.ts';

const events = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['key', 'state', 'reason', 'turn']).orderBy('id'),
);

let folder = '';
let store: Store;
const closing: (() => Promise<void>)[] = [];

const gateway = (...options: Parameters<typeof engineOn> extends [Store, ...infer R] ? R : never) => {
  const all = engineOn(store, ...options);
  closing.push(() => all.engine.drain(0));
  return all;
};
const endings = async () =>
  (await store.read.all(events, {})).map(({ state, reason }) => (reason ? `${state}: ${reason}` : state));
const allEnded = () =>
  until(async () => (await endings()).every((state) => !/^(pending|claimed)/.test(state)));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'races-'));
  store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('/stop', () => {
  it('acts at once when it came in together with the message it stops', async () => {
    const { send, runs } = gateway();
    await send(message('one'), message('/stop'));
    await until(() => runs[0]?.run.signal.aborted);
    await allEnded();
    expect(await endings()).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('acts at once when it waited behind a turn that goes on after a restart', async () => {
    const before = gateway();
    await before.send(message('one'));
    await until(() => before.runs[0]);
    await before.engine.drain(0);
    await before.send(message('/stop'));
    const after = gateway();
    await after.engine.recover();
    await allEnded();
    expect(await endings()).toEqual(['answered: interrupted', 'answered: command']);
  });

  it('is seen behind any number of waiting messages', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(...Array.from({ length: 100 }, (_, index) => message(`more ${index}`)));
    await send(message('/stop'));
    await until(() => runs[0]!.run.signal.aborted);
    await allEnded();
    expect(runs).toHaveLength(1);
    expect(new Set((await endings()).slice(1, -1))).toEqual(new Set(['declined: stopped']));
  });

  it('leaves alone what was said after it', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(message('two'), message('/stop'), message('/new'), message('three'));
    await until(() => runs[1]);
    runs[1]!.finish();
    await allEnded();
    expect(runs.map(({ run }) => run.input)).toEqual(['one', 'three']);
    expect(await endings()).toEqual([
      'answered: interrupted',
      'declined: stopped',
      'answered: command',
      'answered: command',
      'answered',
    ]);
  });
});
