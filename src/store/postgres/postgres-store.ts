import type { Client, Pool, PoolClient } from 'pg';
import type { Clock } from '../../core/clock.ts';
import { fail, GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { probe } from '../probe.ts';
import type { Query, Value } from '../query.ts';
import type { Store, StoreHealth, Tx } from '../store.ts';
import { kindOf, reasonOf, StoreUnreachable } from './failures.ts';
import { Slots } from './slots.ts';
import { type Attempt, Statements, transact } from './unit.ts';

type Params = Readonly<Record<string, Value>>;

/** Units at work at the same time, and reads beside them, so that a burst of writes does not delay a read. */
const writers = 8;
const readers = 4;
export const poolSize = writers + readers;

/** How often a unit is run when others touch the same rows. The last time it runs alone. */
const attempts = 5;
const heartbeatMs = 15_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** How long `close` waits for a server that does not say goodbye. */
const goodbyeMs = 2_000;

export interface PostgresDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Name of the database in errors and logs. */
  readonly database: string;
  readonly pool: Pool;
  /** The connection that holds the owner's lock. */
  readonly owner: Client;
  /** Takes the lock again on a new connection; throws when it cannot. */
  reconnect(): Promise<Client>;
}

/**
 * Each unit is one SERIALIZABLE transaction: units have the effect of running one after another, as with SQLite, though
 * they run side by side. PostgreSQL refuses one of two units that would break this; it is undone and run again.
 * That is why a unit must not change anything but the database: it may be run more than once.
 */
export class PostgresStore implements Store {
  readonly dialect = 'postgres';
  readonly read: Tx;
  readonly #deps: PostgresDeps;
  readonly #statements = new Statements();
  readonly #writeSlots = new Slots(writers);
  readonly #readSlots = new Slots(readers);
  readonly #atWork = new Set<Promise<unknown>>();
  readonly #watching: Promise<void>;
  /** The connection that holds the lock; undefined while it is lost: then nothing is written. */
  #owner: Client | undefined;
  #health: StoreHealth = { writable: true };
  #closing: Promise<void> | undefined;
  #wake = new AbortController();

  constructor(deps: PostgresDeps) {
    this.#deps = deps;
    // A connection may break at any time, also an idle one; the next statement finds out.
    deps.pool.on('error', (error) => deps.log('warn', 'store.connection_lost', { why: reasonOf(error) }));
    deps.pool.on('connect', (client) => client.on('error', () => {}));
    this.#own(deps.owner);
    this.read = {
      all: (query, params) => this.#read(query, params),
      get: async (query, params) => (await this.#read(query, params))[0],
      run: async () => {
        throw new Error('store.read cannot change anything; use store.write');
      },
    };
    this.#watching = this.#watch();
  }

  write<T>(unit: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#start(() => this.#write(unit));
  }

  health(): StoreHealth {
    return this.#health;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // First out of the caller's turn, so that `#closing` is set before anything else happens.
    await Promise.resolve();
    this.#wake.abort();
    await Promise.allSettled(this.#atWork);
    await this.#watching;
    await this.#within(goodbyeMs, this.#deps.pool.end());
    if (this.#owner !== undefined) await this.#within(goodbyeMs, this.#owner.end());
  }

  #start<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new GatewayError('STORE_CLOSED', {}));
    const running = work();
    const forget = () => this.#atWork.delete(running);
    this.#atWork.add(running);
    running.then(forget, forget);
    return running;
  }

  #read<P extends Params, R>(query: Query<P, R>, params: P): Promise<R[]> {
    const statement = this.#statements.of(query, params);
    return this.#start(() =>
      this.#readSlots.use(1, async () => {
        try {
          return (await this.#deps.pool.query(statement)).rows as R[];
        } catch (error) {
          if (kindOf(error) !== 'lost') throw error;
          this.#failed(error);
          throw new StoreUnreachable(this.#deps.database, error);
        }
      }),
    );
  }

  async #write<T>(unit: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const alone = attempt === attempts;
      const outcome = await this.#writeSlots.use(alone ? writers : 1, () => this.#attempt(unit));
      if (outcome.kind === 'done') return outcome.value;
      if (outcome.kind === 'own') throw outcome.error;
      if (outcome.kind === 'conflict' && !alone) continue;
      if (outcome.kind !== 'conflict') this.#failed(outcome.error);
      fail('STORE_FULL', { why: reasonOf(outcome.error) }, outcome.error);
    }
  }

  async #attempt<T>(unit: (tx: Tx) => Promise<T>): Promise<Attempt<T>> {
    if (this.#owner === undefined) {
      return { kind: 'unwritable', error: new Error(this.#health.why ?? 'the lock on the database is lost') };
    }
    let client: PoolClient;
    try {
      client = await this.#deps.pool.connect();
    } catch (error) {
      return { kind: 'lost', error };
    }
    const { outcome, reusable } = await transact(client, this.#statements, unit);
    client.release(!reusable);
    return outcome;
  }

  #own(client: Client): void {
    this.#owner = client;
    client.once('end', () => {
      if (this.#owner !== client || this.#closing !== undefined) return;
      this.#owner = undefined;
      this.#failed(new Error('the connection that holds the lock on the database was lost'));
    });
  }

  #failed(error: unknown): void {
    const why = reasonOf(error);
    const first = this.#health.writable;
    this.#health = { writable: false, why };
    if (!first) return;
    this.#deps.log('error', 'store.unwritable', { why });
    this.#wake.abort();
  }

  /** Looks at the owner's connection now and then; after a failure at once, then with growing pauses. */
  async #watch(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (this.#closing === undefined) {
      this.#wake = new AbortController();
      if (this.#health.writable) pauseMs = firstPauseMs;
      await this.#deps.clock.sleep(this.#health.writable ? heartbeatMs : pauseMs, this.#wake.signal);
      if (this.#closing !== undefined) return;
      await this.#look();
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  /** After a failure the database counts as writable again when the lock is held and a small write succeeds. */
  async #look(): Promise<void> {
    const healthy = this.#health.writable;
    try {
      if (this.#owner === undefined) this.#own(await this.#deps.reconnect());
    } catch (error) {
      this.#failed(error);
      return;
    }
    const owner = this.#owner;
    const { outcome, reusable } = await transact(owner!, this.#statements, healthy ? nothing : probe);
    if (!reusable) {
      this.#owner = undefined;
      owner!.end().catch(() => {});
    }
    if (outcome.kind !== 'done') {
      this.#failed(outcome.error);
    } else if (!healthy && this.#owner === owner) {
      this.#health = { writable: true };
      this.#deps.log('info', 'store.writable');
    }
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    const done = work.catch(() => {}).finally(() => enough.abort());
    await Promise.race([done, this.#deps.clock.sleep(ms, enough.signal)]);
  }
}

const nothing = async () => {};
