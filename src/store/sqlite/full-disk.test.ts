import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { getMeta, putMeta } from '../queries/meta.ts';
import { query } from '../query.ts';
import type { Store, Tx } from '../store.ts';
import { openSqlite } from './open.ts';
import { SqliteStore } from './sqlite-store.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-full-'));
  file = join(folder, 'gateway.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Looks again after 5 ms instead of a second. */
const fastClock: Clock = { ...systemClock, after: (_ms, run) => systemClock.after(5, run) };
const dropAll = query((db, _: Record<never, never>) => db.deleteFrom('meta').where('key', 'like', 'fill:%'));
const big = (key: string) => (tx: Tx) => tx.run(putMeta, { key, value: key.padEnd(8_000, '.') });

/** Writes until the disk is full; answers the keys that were acknowledged. */
async function fill(store: Store): Promise<string[]> {
  const saved: string[] = [];
  for (let n = 0; n < 10_000; n += 1) {
    try {
      await store.write(big(`fill:${n}`));
      saved.push(`fill:${n}`);
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_FULL', status: 503 });
      return saved;
    }
  }
  throw new Error('the disk never became full');
}

async function expectAll(store: Store, keys: readonly string[]): Promise<void> {
  for (const key of keys)
    expect(await store.read.get(getMeta, { key })).toEqual({ value: key.padEnd(8_000, '.') });
}

const writableAgain = (store: Store) =>
  expect.poll(() => store.health(), { interval: 5, timeout: 5_000 }).toEqual({ writable: true });

test('a full database refuses with STORE_FULL, says so in its health, and goes on reading', async () => {
  const store = openSqlite({ file, clock: systemClock, log: silentLog, maxPages: 80 });
  const saved = await fill(store);
  expect(saved.length).toBeGreaterThan(3);
  expect(store.health()).toEqual({ writable: false, why: 'database or disk is full' });
  await expectAll(store, saved);
  // Deleting needs no space, and makes some.
  await store.write((tx) => tx.run(dropAll, {}));
  await store.write(big('fill:after'));
  expect(store.health()).toEqual({ writable: true });
  await store.close();
});

test('nothing is half-written: all units of a commit that failed are undone, even one that hides the failure', async () => {
  const store = openSqlite({ file, clock: systemClock, log: silentLog, maxPages: 80 });
  await fill(store);
  const results = await Promise.allSettled([
    store.write((tx) => tx.run(putMeta, { key: 'small', value: 'v' })),
    store.write(async (tx) => {
      await tx.run(putMeta, { key: 'first half', value: 'v' });
      await big('second half')(tx).catch(() => {});
      await tx.run(putMeta, { key: 'third half', value: 'v' });
    }),
    store.write(async () => 'nothing to save'),
  ]);
  expect(results.map((each) => each.status)).toEqual(['rejected', 'rejected', 'rejected']);
  for (const key of ['small', 'first half', 'second half', 'third half']) {
    expect(await store.read.get(getMeta, { key })).toBeUndefined();
  }
  await store.close();
});

test('a unit that changes nothing does not make a full database look writable', async () => {
  const store = openSqlite({ file, clock: systemClock, log: silentLog, maxPages: 80 });
  await fill(store);
  expect(await store.write((tx) => tx.get(getMeta, { key: 'fill:0' }))).toBeDefined();
  expect(store.health().writable).toBe(false);
  await store.close();
});

test('it becomes writable by itself when space returns, without anybody writing', async () => {
  await openSqlite({ file, clock: systemClock, log: silentLog }).close();
  const db = new DatabaseSync(file);
  db.exec('pragma locking_mode = exclusive; pragma synchronous = full; pragma max_page_count = 80');
  const events: string[] = [];
  const store = new SqliteStore(db, { clock: fastClock, log: (_level, event) => events.push(event) });
  const saved = await fill(store);
  await systemClock.sleep(30);
  expect(store.health().writable).toBe(false);
  db.exec('pragma max_page_count = 10000');
  await writableAgain(store);
  await store.write(big('fill:after'));
  await expectAll(store, [...saved, 'fill:after']);
  expect(events).toEqual(['store.unwritable', 'store.writable']);
  await store.close();
});

test('a really full file system loses nothing that was acknowledged, and recovers by itself', async (context) => {
  if (!mountSmall(folder)) context.skip('needs the right to mount a small file system');
  try {
    const store = openSqlite({ file, clock: fastClock, log: silentLog });
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(256 * 1024));
    const saved = await fill(store);
    expect(store.health().writable).toBe(false);
    await expectAll(store, saved);
    rmSync(join(folder, 'ballast'));
    await writableAgain(store);
    await store.write(big('fill:after'));
    await store.close();
    const again = openSqlite({ file, clock: systemClock, log: silentLog });
    await expectAll(again, [...saved, 'fill:after']);
    await again.close();
  } finally {
    // Lazily, so that a failed test that left the file open leaves nothing mounted.
    execFileSync('umount', ['--lazy', folder]);
  }
});

function mountSmall(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
