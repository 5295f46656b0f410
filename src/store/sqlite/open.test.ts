import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { type Migration, migrations, newest } from '../migrations/list.ts';
import { getMeta, putMeta } from '../queries/meta.ts';
import type { Store } from '../store.ts';
import { openSqlite } from './open.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-sqlite-'));
  file = join(folder, 'home', 'gateway.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (list?: readonly Migration[]) =>
  openSqlite({ file, clock: systemClock, log: silentLog, ...(list && { migrations: list }) });
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

async function withRows(store: Store, count: number): Promise<void> {
  await store.write(async (tx) => {
    for (let n = 0; n < count; n += 1) await tx.run(putMeta, { key: `k${n}`, value: 'x'.repeat(500) });
  });
}

describe('the lock', () => {
  test('keeps out even a reader, in this process and in another one', async () => {
    const store = open();
    await withRows(store, 10);
    const look = () => new DatabaseSync(file, { readOnly: true }).prepare('select * from meta').all();
    expect(look).toThrow('locked');
    const script = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).prepare('select * from meta').all()`;
    const other = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' });
    expect(other.stderr).toContain('database is locked');
    await withRows(store, 20);
    await store.close();
    expect(look().length).toBe(21);
  });

  test('is given back when opening fails', async () => {
    await open([...migrations, { number: newest(migrations) + 1, name: 'next', statements: [] }]).close();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'STORE_NEWER' }));
    await open([...migrations, { number: newest(migrations) + 1, name: 'next', statements: [] }]).close();
  });
});

test('the database, its WAL and its folder can be read by their owner only', async () => {
  const store = open();
  await withRows(store, 1);
  expect([mode(join(folder, 'home')), mode(file), mode(`${file}-wal`)]).toEqual(['700', '600', '600']);
  await store.close();
});

test('a backup is a consistent, complete copy and can be opened', async () => {
  const store = open();
  await withRows(store, 100);
  const copy = join(folder, 'copy.db');
  await store.backup?.(copy);
  await withRows(store, 200);
  await store.close();
  file = copy;
  const restored = open();
  expect(await restored.read.get(getMeta, { key: 'k99' })).toEqual({ value: 'x'.repeat(500) });
  expect(await restored.read.get(getMeta, { key: 'k100' })).toBeUndefined();
  await restored.close();
});

describe('migrations', () => {
  const note: Migration = {
    number: newest(migrations) + 1,
    name: 'note',
    statements: ['alter table meta add column note $text'],
  };

  test('copy the database as it was before they change it, once', async () => {
    const older = open();
    await withRows(older, 5);
    await older.close();
    await open([...migrations, note]).close();
    await open([...migrations, note]).close();
    const backups = readdirSync(join(folder, 'home', 'backups'));
    expect(backups).toHaveLength(1);
    file = join(folder, 'home', 'backups', backups[0]!);
    expect(mode(file)).toBe('600');
    const restored = open();
    expect(await restored.read.get(getMeta, { key: 'k4' })).toEqual({ value: 'x'.repeat(500) });
    expect(await restored.read.get(getMeta, { key: 'schema' })).toEqual({
      value: String(newest(migrations)),
    });
    await restored.close();
  });

  test('of a new database need no copy', async () => {
    await open().close();
    expect(readdirSync(join(folder, 'home'))).toEqual(['gateway.db']);
  });
});

describe('a damaged file is refused with STORE_CORRUPT and not touched:', () => {
  let good: Buffer;

  beforeEach(async () => {
    const store = open();
    await withRows(store, 200);
    await store.close();
    good = readFileSync(file);
  });

  const attempt = async (bytes: Buffer): Promise<'opened' | 'refused'> => {
    writeFileSync(file, bytes);
    try {
      await open().close();
      return 'opened';
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(file) });
      expect(error).toMatchObject({ fix: expect.stringContaining(join(folder, 'home', 'backups')) });
      expect(readFileSync(file).equals(bytes)).toBe(true);
      return 'refused';
    }
  };

  test('no database at all', async () => {
    expect(await attempt(Buffer.from('these are not the bytes\n'.repeat(512)))).toBe('refused');
    expect(await attempt(Buffer.alloc(8_192))).toBe('refused');
  });

  test('cut off anywhere', async () => {
    for (const length of [
      1,
      100,
      512,
      4_096,
      4_097,
      8_192,
      good.length >> 1,
      good.length - 4_096,
      good.length - 1,
    ]) {
      expect([length, await attempt(good.subarray(0, length))]).toEqual([length, 'refused']);
    }
  });

  test('a bit of the header flipped (those that SQLite ignores lose nothing)', async () => {
    // Format, page size, length, free pages, schema format (sqlite.org/fileformat.html §1.3).
    const decisive = [0, 15, 16, 17, 18, 21, 22, 23, 28, 29, 30, 31, 32, 36, 39, 47];
    for (let at = 0; at < 100; at += 1) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 8;
      const result = await attempt(bytes);
      if (decisive.includes(at)) expect([at, result]).toEqual([at, 'refused']);
      if (result === 'refused') continue;
      const store = open();
      for (const n of [0, 99, 199]) {
        expect(await store.read.get(getMeta, { key: `k${n}` })).toEqual({ value: 'x'.repeat(500) });
      }
      await store.close();
    }
  });

  test('a tree inside pointing outside of the file', async () => {
    const inner = new DatabaseSync(file);
    const root = Number(
      inner.prepare("select rootpage from sqlite_schema where name = 'meta'").get()?.['rootpage'],
    );
    inner.close();
    const bytes = Buffer.from(good);
    // The right-most child of the table's root page (§1.6).
    bytes.writeUInt32BE(0x7fffffff, (root - 1) * 4_096 + 8);
    expect(await attempt(bytes)).toBe('refused');
  });
});

test('a folder that cannot be written is said in the words of the catalogue', () => {
  const blocked = join(folder, 'blocked');
  writeFileSync(blocked, '');
  file = join(blocked, 'home', 'gateway.db');
  expect(() => open()).toThrow(
    expect.objectContaining({ code: 'STORE_FULL', message: expect.stringContaining('ENOTDIR') }),
  );
});
