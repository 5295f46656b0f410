/** How every connection to PostgreSQL is set up. */
import type { ClientBase, ClientConfig } from 'pg';

/** Advisory locks of this product: (`family`, one of the members). Session locks, per database. */
const family = 0x48_47_57_01;
const ownerLock = 1;
const writersLock = 2;

const connectWithinMs = 5_000;
const statementWithinMs = 30_000;
/** After the server's own limit, for a server that does not answer at all. */
const answerWithinMs = statementWithinMs + 5_000;

type Parser = (text: string) => unknown;
type Types = NonNullable<ClientConfig['types']>;

export function sessionConfig(url: string, types: Types): ClientConfig {
  return {
    connectionString: url,
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        parserOf(oid) ?? types.getTypeParser(oid, format)) as Types['getTypeParser'],
    },
    connectionTimeoutMillis: connectWithinMs,
    statement_timeout: statementWithinMs,
    query_timeout: answerWithinMs,
    // A gateway that hangs between two statements must not hold its row locks for ever.
    idle_in_transaction_session_timeout: statementWithinMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    fallback_application_name: 'hermes-gateway',
  };
}

const int8 = 20;
const numeric = 1700;

/** Our columns hold whole numbers up to 2^53-1; counts and sums come as int8 and numeric. */
function parserOf(oid: number): Parser | undefined {
  if (oid !== int8 && oid !== numeric) return undefined;
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is not a whole number up to 2^53-1`);
    return value;
  };
}

/**
 * The server notices within half a minute that our machine is gone, so that the locks do not outlive it, and an
 * acknowledged commit is on its disk whatever the database's default says.
 */
const settings = `
  set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4;
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

/**
 * For the connections of the pool: shares the writers' lock, which a new owner has to take alone once. So no
 * connection of a former owner can still write when the next one begins.
 */
export async function joinWriters(session: ClientBase): Promise<void> {
  await session.query(settings);
  const text = `select pg_try_advisory_lock_shared(${family}, ${writersLock}) as joined`;
  const { rows } = await session.query<{ joined: boolean }>({ text });
  if (rows[0]?.joined !== true) throw new Error('another gateway is taking over the database');
}

/**
 * Takes the owner's lock for the life of this connection; waits `waitMs` for a predecessor that is just ending.
 * `first` also waits until none of its other connections is left. Throws 55P03 when somebody else stays.
 */
export async function becomeOwner(session: ClientBase, waitMs: number, first: boolean): Promise<void> {
  await session.query(settings);
  await session.query(`set lock_timeout = ${waitMs}`);
  await session.query(`select pg_advisory_lock(${family}, ${ownerLock})`);
  if (first) {
    await session.query(`select pg_advisory_lock(${family}, ${writersLock})`);
    await session.query(`select pg_advisory_unlock(${family}, ${writersLock})`);
  }
  await session.query('set lock_timeout = 0');
}
