/**
 * What both databases promise, as one suite. Each implementation's test file calls `storeContract` with a way to make
 * places for databases; nothing in here knows which one it tests.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Settings } from '../config/settings.ts';
import { type Migration, migrations, newest } from './migrations/list.ts';
import { getMeta, putMeta } from './queries/meta.ts';
import { query } from './query.ts';
import type { Store, Tx } from './store.ts';

/** Somewhere a database can be, empty at first. */
export interface Place {
  readonly settings: Settings['store'];
  open(list?: readonly Migration[]): Promise<Store>;
  remove(): Promise<void>;
}

const insertMeta = query((db, p: { key: string; value: string }) =>
  db.insertInto('meta').values({ key: p.key, value: p.value }),
);
const insertOnce = query((db, p: { key: string; value: string }) =>
  db
    .insertInto('meta')
    .values({ key: p.key, value: p.value })
    .onConflict((clash) => clash.column('key').doNothing())
    .returning('key'),
);
const metaFrom = query((db, p: { from: string; to: string }) =>
  db
    .selectFrom('meta')
    .select(['key', 'value'])
    .where('key', '>=', p.from)
    .where('key', '<', p.to)
    .orderBy('key'),
);
const countFrom = query((db, p: { from: string; to: string }) =>
  db
    .selectFrom('meta')
    .select((select) => select.fn.countAll<number>().as('n'))
    .where('key', '>=', p.from)
    .where('key', '<', p.to),
);
const setCursorTime = query((db, p: { id: string; at: number }) =>
  db
    .insertInto('account')
    .values({ id: p.id, cursor: null, cursor_at: p.at })
    .onConflict((clash) => clash.column('id').doUpdateSet({ cursor_at: p.at })),
);
const accountsInOrder = query((db, _: Record<never, never>) =>
  db.selectFrom('account').select('id').orderBy('id'),
);
const cursorTime = query((db, p: { id: string }) =>
  db.selectFrom('account').select('cursor_at').where('id', '=', p.id),
);

const put =
  (key: string, value = 'v') =>
  (tx: Tx) =>
    tx.run(putMeta, { key, value });
const readValue = async (store: Store, key: string) => (await store.read.get(getMeta, { key }))?.value;
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'opened',
    (error: { code?: string }) => error.code ?? String(error),
  );

const nextSchema: Migration = {
  number: newest(migrations) + 1,
  name: 'a note',
  statements: ['alter table meta add column note $text'],
};

export function storeContract(name: string, prepare: () => Promise<Place>): void {
  describe(name, () => {
    let place: Place;
    let store: Store;

    beforeEach(async () => {
      place = await prepare();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const reopen = async (list?: readonly Migration[]) => {
      await store.close();
      store = await place.open(list);
      return store;
    };

    describe('units', () => {
      test('a unit that throws leaves nothing, its neighbours of the same moment are saved', async () => {
        const results = await Promise.allSettled([
          store.write(put('n:first')),
          store.write(async (tx) => {
            await tx.run(putMeta, { key: 'n:undone', value: 'v' });
            throw new Error('changed my mind');
          }),
          store.write(put('n:last')),
        ]);
        expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(results[1]).toMatchObject({ reason: { message: 'changed my mind' } });
        await reopen();
        const rows = await store.read.all(metaFrom, { from: 'n:', to: 'n;' });
        expect(rows.map((row) => row.key)).toEqual(['n:first', 'n:last']);
      });

      test('a unit that throws alone leaves nothing and the next one works', async () => {
        const undone = store.write(async (tx) => {
          await tx.run(putMeta, { key: 'alone', value: 'v' });
          throw new Error('no');
        });
        await expect(undone).rejects.toThrow('no');
        await store.write(put('after'));
        expect(await readValue(store, 'alone')).toBeUndefined();
        expect(await readValue(store, 'after')).toBe('v');
      });

      test('a failed statement dooms its unit even when the unit catches it', async () => {
        await store.write(put('taken'));
        const careless = async (tx: Tx) => {
          await tx.run(putMeta, { key: 'before', value: 'v' });
          await tx.run(insertMeta, { key: 'taken', value: 'other' }).catch(() => {});
          return 'all good';
        };
        const results = await Promise.allSettled([store.write(careless), store.write(put('neighbour'))]);
        expect(results.map((each) => each.status)).toEqual(['rejected', 'fulfilled']);
        await expect(store.write(careless)).rejects.toThrow();
        expect(await readValue(store, 'before')).toBeUndefined();
        expect(await readValue(store, 'taken')).toBe('v');
        expect(store.health()).toEqual({ writable: true });
      });

      test('a transaction cannot be used after its unit', async () => {
        let kept: Tx | undefined;
        await store.write(async (tx) => {
          kept = tx;
        });
        await expect(kept!.run(putMeta, { key: 'late', value: 'v' })).rejects.toThrow('over');
        expect(await readValue(store, 'late')).toBeUndefined();
      });

      test('statements of one unit may be started together', async () => {
        const sum = await store.write(async (tx) => {
          const changed = await Promise.all(['p:1', 'p:2', 'p:3'].map((key) => put(key)(tx)));
          return changed.reduce((a, b) => a + b);
        });
        expect(sum).toBe(3);
        expect(await store.read.get(countFrom, { from: 'p:', to: 'p;' })).toEqual({ n: 3 });
      });

      test('units started together act as if they ran one after another', async () => {
        const increase = async (tx: Tx) => {
          const before = await tx.get(getMeta, { key: 'counter' });
          await tx.run(putMeta, { key: 'counter', value: String(Number(before?.value ?? 0) + 1) });
        };
        await Promise.all(Array.from({ length: 40 }, () => store.write(increase)));
        expect(await readValue(store, 'counter')).toBe('40');
      });

      test('two units that each look before they write do not both find the place free', async () => {
        const claim = (mine: string) => async (tx: Tx) => {
          const { n } = (await tx.get(countFrom, { from: 'claim:', to: 'claim;' }))!;
          if (n === 0) await tx.run(putMeta, { key: `claim:${mine}`, value: 'v' });
        };
        await Promise.all(['a', 'b', 'c', 'd'].map((each) => store.write(claim(each))));
        expect(await store.read.get(countFrom, { from: 'claim:', to: 'claim;' })).toEqual({ n: 1 });
      });

      test('a later unit sees what resolved before it', async () => {
        for (let round = 0; round < 20; round += 1) {
          await store.write(put('round', String(round)));
          const seen = await store.write((tx) => tx.get(getMeta, { key: 'round' }));
          expect(seen).toEqual({ value: String(round) });
        }
      });

      test('a unique key is taken once, however many ask at the same moment', async () => {
        const ask = (value: number) =>
          store.write((tx) => tx.get(insertOnce, { key: 'one', value: String(value) }));
        const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index)));
        expect(answers.filter((row) => row !== undefined)).toEqual([{ key: 'one' }]);
        expect(await ask(99)).toBeUndefined();
      });

      test('two thousand units at once are all there after the database was opened again', async () => {
        const keys = Array.from({ length: 2_000 }, (_, index) => `many:${index}`);
        await Promise.all(keys.map((key) => store.write(put(key))));
        await reopen();
        expect(await store.read.get(countFrom, { from: 'many:', to: 'many;' })).toEqual({ n: 2_000 });
      });
    });

    describe('reads', () => {
      test('see committed data only, also while a commit is in progress', async () => {
        let during: Promise<unknown> | undefined;
        const undone = store.write(async (tx) => {
          await tx.run(putMeta, { key: 'unborn', value: 'v' });
          during = readValue(store, 'unborn');
          await tx.get(getMeta, { key: 'unborn' });
          throw new Error('undone');
        });
        await expect(undone).rejects.toThrow('undone');
        expect(await during).toBeUndefined();
      });

      test('see a unit as soon as it resolved', async () => {
        for (let round = 0; round < 20; round += 1) {
          await store.write(put(`seen:${round}`));
          expect(await readValue(store, `seen:${round}`)).toBe('v');
        }
      });

      test('cannot change anything', async () => {
        await expect(store.read.run(putMeta, { key: 'sneaky', value: 'v' })).rejects.toThrow('store.write');
        expect(await readValue(store, 'sneaky')).toBeUndefined();
      });
    });

    describe('values', () => {
      test('every text comes back, with U+FFFD for what UTF-8 or PostgreSQL cannot hold', async () => {
        const special = [
          '',
          'plain',
          '😀👩‍👩‍👧',
          'e\u0301',
          'a\0b',
          '\ud800',
          'x\udc00y',
          '\uffff',
          "'; drop table meta",
          '$1 ? :a',
        ];
        const random = fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { numRuns: 100, seed: 7 });
        const texts = [...special, ...random, '€'.repeat(200_000)];
        await store.write(async (tx) => {
          for (const [index, value] of texts.entries()) await tx.run(putMeta, { key: `t:${index}`, value });
        });
        for (const [index, value] of texts.entries()) {
          expect(await readValue(store, `t:${index}`)).toBe(value.toWellFormed().replaceAll('\0', '\ufffd'));
        }
      });

      test('a key is found by the same text it was stored with, also when that text cannot be held', async () => {
        await store.write(put('odd\0\ud800'));
        expect(await readValue(store, 'odd\0\ud800')).toBe('v');
      });

      test('texts sort by their bytes, in tables of every age', async () => {
        const keys = ['s:_', 's:A', 's:Z', 's:a', 's:b', 's:ä', 's:é', 's:中'];
        await store.write(async (tx) => {
          for (const key of keys.toReversed()) {
            await put(key)(tx);
            await tx.run(setCursorTime, { id: key, at: 1 });
          }
        });
        const sorted = keys.toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b)));
        const rows = await store.read.all(metaFrom, { from: 's:', to: 's;' });
        expect(rows.map((row) => row.key)).toEqual(sorted);
        const accounts = await store.read.all(accountsInOrder, {});
        expect(accounts.map((row) => row.id)).toEqual(sorted);
      });

      test('whole numbers are exact up to 2^53-1; fractions are cut, larger numbers refused', async () => {
        const cases = [
          [0, 0],
          [-1, -1],
          [2 ** 31, 2 ** 31],
          [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
          [Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
          [1_700_000_000_000.75, 1_700_000_000_000],
        ] as const;
        for (const [given, kept] of cases) {
          await store.write((tx) => tx.run(setCursorTime, { id: 'n', at: given }));
          expect(await store.read.get(cursorTime, { id: 'n' })).toEqual({ cursor_at: kept });
        }
        for (const at of [2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
          await expect(store.write((tx) => tx.run(setCursorTime, { id: 'n', at }))).rejects.toThrow(
            RangeError,
          );
        }
        expect(store.health()).toEqual({ writable: true });
      });
    });

    describe('life', () => {
      test('close waits for started units and then refuses with STORE_CLOSED', async () => {
        const started = Promise.all(Array.from({ length: 50 }, (_, index) => store.write(put(`c:${index}`))));
        const closed = Promise.all([store.close(), store.close()]);
        expect(await codeOf(store.write(put('late')))).toBe('STORE_CLOSED');
        await closed;
        await started;
        expect(await codeOf(store.write(put('later')))).toBe('STORE_CLOSED');
        expect(await codeOf(store.read.get(getMeta, { key: 'c:0' }))).toBe('STORE_CLOSED');
        store = await place.open();
        expect(await store.read.get(countFrom, { from: 'c:', to: 'c;' })).toEqual({ n: 50 });
      });

      test('a second opener is refused with HOME_LOCKED, in this and in another process', async () => {
        const others = [codeOf(place.open()), openElsewhere(place.settings)];
        expect(await Promise.all(others)).toEqual(['HOME_LOCKED', 'HOME_LOCKED']);
        expect(await openElsewhere(place.settings)).toBe('HOME_LOCKED');
        await store.write(put('still'));
        await store.close();
        expect(await openElsewhere(place.settings)).toBe('opened');
        store = await place.open();
        expect(await readValue(store, 'still')).toBe('v');
      });

      test('kill -9 in the middle of thousands of writes loses nothing that was acknowledged', async () => {
        await store.close();
        const acknowledged = await writeUntilKilled(place.settings, 1_000);
        store = await place.open();
        const rows = await store.read.all(metaFrom, { from: 'kill:', to: 'kill;' });
        const found = new Set(rows.map((row) => row.key));
        expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
      });
    });

    describe('schema', () => {
      test('opening again changes nothing', async () => {
        await store.write(put('kept'));
        await reopen();
        expect(await readValue(store, 'kept')).toBe('v');
        expect(await readValue(store, 'schema')).toBe(String(newest(migrations)));
      });

      test('a newer version moves the schema on and keeps the data', async () => {
        await store.write(put('old'));
        await reopen([...migrations, nextSchema]);
        expect(await readValue(store, 'schema')).toBe(String(nextSchema.number));
        expect(await readValue(store, 'old')).toBe('v');
      });

      test('an older version refuses with STORE_NEWER and changes nothing', async () => {
        await reopen([...migrations, nextSchema]);
        await store.write(put('new'));
        await store.close();
        expect(await codeOf(place.open())).toBe('STORE_NEWER');
        store = await place.open([...migrations, nextSchema]);
        expect(await readValue(store, 'new')).toBe('v');
      });

      test('a migration that fails in the middle leaves the schema as it was', async () => {
        await store.write(put('safe'));
        await store.close();
        const broken: Migration = {
          ...nextSchema,
          statements: ['create table half (id $id)', 'insert into nowhere values (1)'],
        };
        await expect(place.open([...migrations, broken])).rejects.toThrow('nowhere');
        store = await place.open([
          ...migrations,
          { ...nextSchema, statements: ['create table half (id $id)'] },
        ]);
        expect(await readValue(store, 'safe')).toBe('v');
      });
    });
  });
}

const inChild = `
  import { openStore } from '${new URL('./open.ts', import.meta.url).href}';
  import { putMeta } from '${new URL('./queries/meta.ts', import.meta.url).href}';
  import { systemClock } from '${new URL('../core/clock.ts', import.meta.url).href}';
  const open = () => openStore({ store: JSON.parse(process.argv[1]), clock: systemClock, log() {} });`;

function child(settings: Settings['store'], script: string) {
  const args = ['--input-type=module', '-e', inChild + script, JSON.stringify(settings)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Opens the same database in another process; answers the error's code or `opened`. */
async function openElsewhere(settings: Settings['store']): Promise<string> {
  const other = child(
    settings,
    `try { await (await open()).close(); console.log('opened'); } catch (error) { console.log(error.code); }`,
  );
  return (await text(other.stdout)).trim();
}

/** Lets another process write without end, kills it after `count` acknowledged keys, and answers all it printed. */
async function writeUntilKilled(settings: Settings['store'], count: number): Promise<string[]> {
  const writer = child(
    settings,
    `const store = await open();
     let next = 0;
     const write = async () => {
       for (;;) {
         const key = 'kill:' + next++;
         await store.write((tx) => tx.run(putMeta, { key, value: 'v' }));
         process.stdout.write(key + '\\n');
       }
     };
     for (let each = 0; each < 64; each++) write();`,
  );
  const gone = once(writer, 'exit');
  let rest = '';
  const keys: string[] = [];
  for await (const chunk of writer.stdout.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    keys.push(...lines);
    if (keys.length >= count) writer.kill('SIGKILL');
  }
  await gone;
  return keys;
}
