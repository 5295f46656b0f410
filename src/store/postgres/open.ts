/** PostgreSQL store on `pg`: a bounded pool for units and reads, and one connection that owns the database. */
import type { Client } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { fail } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type Migration, migrations } from '../migrations/list.ts';
import type { Store } from '../store.ts';
import { isDatabaseError, isLockTimeout, kindOf, reasonOf, StoreUnreachable } from './failures.ts';
import { migrate } from './migrate.ts';
import { PostgresStore, poolSize } from './postgres-store.ts';
import { becomeOwner, joinWriters, sessionConfig } from './session.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`, as libpq takes it. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The schema's history; the tests of upgrades use a shorter or longer one. */
  readonly migrations?: readonly Migration[];
}

/** A predecessor that was killed is still known to the server for a moment. */
const predecessorMs = 2_000;

/**
 * Connects, locks and migrates. Throws HOME_LOCKED when another gateway uses the database, STORE_NEWER when a newer
 * version wrote it, CONFIG_UNREADABLE for an unusable URL or database, StoreUnreachable when there is no
 * connection. No error or log line holds the URL, whose password is a secret.
 */
export async function openPostgres(options: PostgresOptions): Promise<Store> {
  const { default: pg } = await import('pg');
  const config = sessionConfig(options.url, pg.types);
  const database = nameOf(options.url, () => new pg.Client(config));
  const connectOwner = async (waitMs: number, first: boolean): Promise<Client> => {
    const client = new pg.Client(config);
    // Without a listener a connection that breaks between two statements would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      await becomeOwner(client, waitMs, first);
      return client;
    } catch (error) {
      client.end().catch(() => {});
      if (isLockTimeout(error)) fail('HOME_LOCKED', { file: database }, error);
      throw new StoreUnreachable(database, error);
    }
  };
  const owner = await connectOwner(predecessorMs, true);
  try {
    await migrate(owner, database, options.migrations ?? migrations, options.log);
  } catch (error) {
    await owner.end();
    if (isDatabaseError(error) && kindOf(error) === 'lost') throw new StoreUnreachable(database, error);
    throw error;
  }
  const pool = new pg.Pool({ ...config, max: poolSize, onConnect: joinWriters });
  const { clock, log } = options;
  return new PostgresStore({ clock, log, database, pool, owner, reconnect: () => connectOwner(1, false) });
}

/** What people are told instead of the URL. */
function nameOf(url: string, parse: () => Client): string {
  const setting = 'the URL of the PostgreSQL database';
  if (!/^(postgres(ql)?|socket):/.test(url)) {
    fail('CONFIG_UNREADABLE', { file: setting, why: 'it has to begin with postgres://' });
  }
  try {
    const { host, port, database } = parse();
    return `${database ?? ''} on ${host}:${port}`;
  } catch (error) {
    // Without the cause: a URL parser's error may carry its input.
    return fail('CONFIG_UNREADABLE', { file: setting, why: reasonOf(error) });
  }
}
