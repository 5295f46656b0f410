/**
 * SQLite store on `node:sqlite`: WAL, `synchronous=FULL`, one connection that owns the file by an OS lock held
 * for life (`locking_mode=EXCLUSIVE`: a second opener, even a reading one, is refused, so nobody can disturb
 * the WAL of a running gateway).
 */
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import { fail } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { inDialect, type Migration, migrations, newest } from '../migrations/list.ts';
import type { Store } from '../store.ts';
import { isBusy, isDamaged, reasonOf } from './failures.ts';
import { SqliteStore } from './sqlite-store.ts';

export interface SqliteOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Upper limit of the file in pages of 4 KiB; the tests of a full disk use it. */
  readonly maxPages?: number;
  /** The schema's history; the tests of upgrades use a shorter or longer one. */
  readonly migrations?: readonly Migration[];
}

/**
 * Opens, locks and migrates. Throws HOME_LOCKED when another process has the file, STORE_CORRUPT when it is damaged and
 * STORE_NEWER when a newer version wrote it; in all three cases the file is left as it was.
 */
export function openSqlite(options: SqliteOptions): Store {
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
  const backups = join(dirname(options.file), 'backups');
  let db: DatabaseSync | undefined;
  try {
    makePrivate(options.file);
    db = new DatabaseSync(options.file);
    lock(db);
    db.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = off; pragma temp_store = memory',
    );
    migrate(db, options, backups);
    if (options.maxPages !== undefined) db.exec(`pragma max_page_count = ${options.maxPages}`);
    return new SqliteStore(db, options);
  } catch (error) {
    db?.close();
    if (isBusy(error)) fail('HOME_LOCKED', { file: options.file }, error);
    if (isDamaged(error)) fail('STORE_CORRUPT', { file: options.file, why: reasonOf(error), backups }, error);
    throw error;
  }
}

/**
 * Makes the file, if it is new, readable by its owner only; SQLite gives its WAL the same rights. A file that exists must
 * not be opened here: closing it would drop every lock that this process has on it (POSIX, fcntl locks).
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Takes the write lock at once; in exclusive mode it is only given back when the connection closes. */
function lock(db: DatabaseSync): void {
  db.exec('pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive');
  db.exec('create table if not exists meta (key text primary key, value text not null); commit');
}

function migrate(db: DatabaseSync, options: SqliteOptions, backups: string): void {
  const list = options.migrations ?? migrations;
  const row = db.prepare("select value from meta where key = 'schema'").get();
  const found = Number(row?.['value'] ?? 0);
  const known = newest(list);
  if (found > known) fail('STORE_NEWER', { file: options.file, found, known, backups });
  if (found === known) return;
  if (found > 0) copyBefore(db, options, backups, found);
  for (const migration of list.filter((each) => each.number > found)) {
    db.exec('begin immediate');
    try {
      for (const statement of migration.statements) db.exec(inDialect(statement, 'sqlite'));
      db.prepare(
        "insert into meta (key, value) values ('schema', ?) on conflict (key) do update set value = excluded.value",
      ).run(String(migration.number));
      db.exec('commit');
    } catch (error) {
      if (db.isTransaction) db.exec('rollback');
      throw error;
    }
    options.log('info', 'store.migrated', { to: migration.number, name: migration.name });
  }
}

/** The automatic backup before a migration: a consistent copy under `backups/`. */
function copyBefore(db: DatabaseSync, options: SqliteOptions, backups: string, found: number): void {
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  const file = join(backups, `gateway-schema${found}-${options.clock.now()}.db`);
  makePrivate(file);
  db.prepare('vacuum into ?').run(file);
  options.log('info', 'store.backup', { file, bytes: statSync(file).size });
}
