import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { fail, GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type Compiled, fill, type Query, type Value } from '../query.ts';
import type { Store, StoreHealth, Tx } from '../store.ts';
import { isDamaged, isUnwritable, reasonOf } from './failures.ts';

interface Waiting {
  run(tx: Tx): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Settled = { readonly value: unknown } | { readonly error: unknown };
type Params = Readonly<Record<string, Value>>;

/** Units of one commit; bounds how long the event loop is held and how much one failure takes with it. */
const largestCommit = 512;

export class SqliteStore implements Store {
  readonly dialect = 'sqlite';
  readonly read: Tx;
  readonly #db: DatabaseSync;
  readonly #log: Log;
  readonly #tx: Tx;
  readonly #statements = new Map<Compiled, StatementSync>();
  readonly #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;
  #scheduled = false;
  #closed = false;
  #health: StoreHealth = { writable: true };

  constructor(db: DatabaseSync, log: Log) {
    this.#db = db;
    this.#log = log;
    this.#tx = {
      all: async (query, params) => this.#all(query, params),
      get: async (query, params) => this.#all(query, params)[0],
      run: async (query, params) => this.#run(query, params),
    };
    // A commit in progress has changes that may still be undone: reads wait for its end.
    this.read = {
      all: async (query, params) => {
        await this.#settled();
        return this.#all(query, params);
      },
      get: async (query, params) => {
        await this.#settled();
        return this.#all(query, params)[0];
      },
      run: async () => {
        throw new Error('store.read cannot change anything; use store.write');
      },
    };
  }

  write<T>(unit: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new GatewayError('STORE_CLOSED', {}));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: unit, resolve: (value) => resolve(value as T), reject });
      this.#schedule();
    });
  }

  health(): StoreHealth {
    return this.#health;
  }

  async backup(file: string): Promise<void> {
    await this.#settled();
    this.#db.prepare('vacuum into ?').run(file);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#waiting.length > 0 || this.#committing !== undefined) {
      await (this.#committing ?? new Promise((resolve) => setImmediate(resolve)));
    }
    this.#statements.clear();
    this.#db.close();
  }

  async #settled(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    if (!this.#db.isOpen) fail('STORE_CLOSED');
  }

  /** One commit per event-loop turn: all units that came in meanwhile share its sync. */
  #schedule(): void {
    if (this.#scheduled || this.#committing !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#committing = this.#commit().finally(() => {
        this.#committing = undefined;
        if (this.#waiting.length > 0) this.#schedule();
      });
    });
  }

  async #commit(): Promise<void> {
    const batch = this.#waiting.splice(0, largestCommit);
    const settled: Settled[] = [];
    try {
      this.#db.exec('begin immediate');
      for (const unit of batch) settled.push(await this.#runUnit(unit, batch.length > 1));
      this.#db.exec('commit');
      if (!this.#health.writable) this.#log('info', 'store.writable');
      this.#health = { writable: true };
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('rollback');
      this.#failed(error);
      for (const unit of batch) unit.reject(new GatewayError('STORE_FULL', { why: reasonOf(error) }, error));
      return;
    }
    for (const [index, unit] of batch.entries()) {
      const outcome = settled[index]!;
      if ('value' in outcome) unit.resolve(outcome.value);
      else unit.reject(outcome.error);
    }
  }

  /** A unit's own failure undoes only the unit; a failing disk throws and undoes the whole commit. */
  async #runUnit(unit: Waiting, shared: boolean): Promise<Settled> {
    if (!shared) {
      try {
        return { value: await unit.run(this.#tx) };
      } catch (error) {
        if (isUnwritable(error) || isDamaged(error)) throw error;
        if (this.#db.isTransaction) this.#db.exec('rollback');
        this.#db.exec('begin immediate');
        return { error };
      }
    }
    this.#db.exec('savepoint unit');
    try {
      const value = await unit.run(this.#tx);
      this.#db.exec('release unit');
      return { value };
    } catch (error) {
      if (isUnwritable(error) || isDamaged(error) || !this.#db.isTransaction) throw error;
      this.#db.exec('rollback to unit; release unit');
      return { error };
    }
  }

  #failed(error: unknown): void {
    const why = reasonOf(error);
    if (this.#health.writable) this.#log('error', 'store.unwritable', { why });
    this.#health = { writable: false, why };
  }

  #all<P extends Params, R>(query: Query<P, R>, params: P): R[] {
    const compiled = query.compiled('sqlite');
    return this.#statement(compiled).all(...fill(compiled, params)) as R[];
  }

  #run<P extends Params, R>(query: Query<P, R>, params: P): number {
    const compiled = query.compiled('sqlite');
    return Number(this.#statement(compiled).run(...fill(compiled, params)).changes);
  }

  #statement(compiled: Compiled): StatementSync {
    let statement = this.#statements.get(compiled);
    if (statement === undefined) {
      statement = this.#db.prepare(compiled.sql);
      this.#statements.set(compiled, statement);
    }
    return statement;
  }
}
