/**
 * SQLite store on `node:sqlite`: WAL, `synchronous=FULL`, one connection that owns the file by an OS lock held
 * for life (`locking_mode=EXCLUSIVE`: a second opener, even a reading one, is refused, so nobody can disturb
 * the WAL of a running gateway).
 */
import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import { fail, GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { inDialect, type Migration, migrations, newest } from '../migrations/list.ts';
import type { Store } from '../store.ts';
import { isBusy, isDamaged, isReadOnly, isRefused, isUnwritable, reasonOf } from './failures.ts';
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

/** Databases up to this size are checked whole at every start; it costs about half a millisecond per MiB. */
const checkedBytes = 64 * 1024 * 1024;
const smallestPage = 512;

/**
 * Opens, locks, checks and migrates. Throws HOME_LOCKED when another process has the file, STORE_CORRUPT when it is
 * damaged, STORE_NEWER when a newer version wrote it and STORE_FULL when the disk or the rights do not allow
 * writing; the data stays as it was.
 */
export function openSqlite(options: SqliteOptions): Store {
  const backups = join(dirname(options.file), 'backups');
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
    makePrivate(options.file);
    checkLength(options.file, backups);
    db = new DatabaseSync(options.file);
    lock(db, options.file, backups);
    check(db, options.file, backups);
    db.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = off; pragma temp_store = memory',
    );
    migrate(db, options, backups);
    if (options.maxPages !== undefined) db.exec(`pragma max_page_count = ${options.maxPages}`);
    return new SqliteStore(db, options);
  } catch (error) {
    db?.close();
    throw explained(error, options.file, backups);
  }
}

function explained(error: unknown, file: string, backups: string): unknown {
  if (error instanceof GatewayError) return error;
  const why = reasonOf(error);
  if (isBusy(error)) return new GatewayError('HOME_LOCKED', { file }, error);
  if (isDamaged(error)) return new GatewayError('STORE_CORRUPT', { file, why, backups }, error);
  const refused = error instanceof Error && 'syscall' in error;
  return isUnwritable(error) || refused ? new GatewayError('STORE_FULL', { why }, error) : error;
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

/** SQLite takes a file of a few bytes for a new one, and does not miss the end of the last page. */
function checkLength(file: string, backups: string): void {
  // With a WAL the last write may have been interrupted half-way; SQLite then completes the file from the WAL.
  const wal = statSync(`${file}-wal`, { throwIfNoEntry: false });
  const { size } = statSync(file);
  if (size % smallestPage === 0 || (wal?.size ?? 0) > 0) return;
  fail('STORE_CORRUPT', { file, why: `its end is missing (${size} bytes)`, backups });
}

/** Takes the write lock at once; in exclusive mode it is only given back when the connection closes. */
function lock(db: DatabaseSync, file: string, backups: string): void {
  try {
    db.exec('pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive');
    db.exec('create table if not exists meta (key text primary key, value text not null); commit');
  } catch (error) {
    if (isRefused(error) || (isReadOnly(error) && mayWrite(file))) {
      fail('STORE_CORRUPT', { file, why: reasonOf(error), backups }, error);
    }
    throw error;
  }
}

function mayWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function check(db: DatabaseSync, file: string, backups: string): void {
  if (statSync(file).size > checkedBytes) return;
  const found = db.prepare('pragma quick_check(1)').get()?.['quick_check'];
  if (found === 'ok') return;
  const why = String(found).replace(/^\*{3}[^\n]*\n/, '');
  fail('STORE_CORRUPT', { file, why, backups });
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
