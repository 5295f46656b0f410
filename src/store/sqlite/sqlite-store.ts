import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import { fail, GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { probe } from '../probe.ts';
import { type Compiled, fill, type Query, type Value } from '../query.ts';
import type { Durability, Store, StoreHealth, Tx } from '../store.ts';
import { isDamaged, isUnwritable, reasonOf } from './failures.ts';

interface Waiting {
  readonly durability: Durability;
  run(tx: Tx): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Settled = { readonly value: unknown } | { readonly error: unknown };
type Params = Readonly<Record<string, Value>>;

/** Executes statements on the one connection. */
interface Statements {
  all<P extends Params, R>(query: Query<P, R>, params: P): R[];
  run<P extends Params, R>(query: Query<P, R>, params: P): number;
}

/** Units of one commit; bounds how long the event loop is held and how much one failure takes with it. */
const largestCommit = 512;
/** Pause between two attempts to find out whether a full disk takes writes again. */
const probeEveryMs = 1_000;

/**
 * What one unit sees. As on PostgreSQL a failed statement dooms the whole unit, even when the unit catches the error:
 * after some failures SQLite has already undone the transaction, and the rest would be saved without the beginning.
 */
class UnitTx implements Tx {
  readonly #statements: Statements;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  async all<P extends Params, R>(query: Query<P, R>, params: P): Promise<R[]> {
    return this.#guarded(() => this.#statements.all(query, params));
  }

  async get<P extends Params, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return this.#guarded(() => this.#statements.all(query, params)[0]);
  }

  async run<P extends Params, R>(query: Query<P, R>, params: P): Promise<number> {
    return this.#guarded(() => this.#statements.run(query, params));
  }

  /** From now on every use is refused. Answers the failure of a statement, if there was one. */
  end(): { readonly error: unknown } | undefined {
    this.#ended = true;
    return this.#failure;
  }

  #guarded<T>(statement: () => T): T {
    if (this.#ended) throw new Error('the unit is over; its transaction cannot be used any more');
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return statement();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

export class SqliteStore implements Store {
  readonly dialect = 'sqlite';
  readonly read: Tx;
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #statements: Statements = {
    all: (query, params) => this.#all(query, params),
    run: (query, params) => this.#run(query, params),
  };
  /** As many as the program has queries. */
  readonly #prepared = new Map<Compiled, StatementSync>();
  /** Bounded by the callers: each of them waits for its own unit. */
  readonly #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;
  #scheduled = false;
  /** What the connection is set to. */
  #durability: Durability = 'synced';
  #closing: Promise<void> | undefined;
  #health: StoreHealth = { writable: true };
  #cancelProbe = () => {};

  constructor(db: DatabaseSync, deps: { readonly clock: Clock; readonly log: Log }) {
    this.#db = db;
    this.#clock = deps.clock;
    this.#log = deps.log;
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

  write<T>(unit: (tx: Tx) => Promise<T>, durability: Durability = 'synced'): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new GatewayError('STORE_CLOSED', {}));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ durability, run: unit, resolve: (value) => resolve(value as T), reject });
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

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelProbe();
    while (this.#waiting.length > 0 || this.#committing !== undefined) {
      await (this.#committing ?? new Promise((resolve) => setImmediate(resolve)));
    }
    this.#cancelProbe();
    this.#prepared.clear();
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
      const before = this.#health.writable ? 0 : this.#changes();
      this.#syncWith(batch);
      this.#db.exec('begin immediate');
      for (const unit of batch) settled.push(await this.#runUnit(unit, batch.length > 1));
      this.#db.exec('commit');
      // Only a commit that really wrote something shows that the disk takes writes again.
      if (!this.#health.writable && this.#changes() > before) {
        this.#health = { writable: true };
        this.#log('info', 'store.writable');
      }
    } catch (error) {
      this.#undo();
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

  /** One unit that must survive a loss of power makes the whole commit do so. */
  #syncWith(batch: readonly Waiting[]): void {
    const wanted = batch.every(({ durability }) => durability === 'ordered') ? 'ordered' : 'synced';
    if (wanted === this.#durability) return;
    this.#db.exec(`pragma synchronous = ${wanted === 'synced' ? 'full' : 'normal'}`);
    this.#durability = wanted;
  }

  /** A unit's own failure undoes only the unit; a failing disk throws and undoes the whole commit. */
  async #runUnit(unit: Waiting, shared: boolean): Promise<Settled> {
    if (shared) this.#db.exec('savepoint unit');
    const outcome = await runToEnd(unit, this.#statements);
    if ('value' in outcome) {
      if (shared) this.#db.exec('release unit');
      return outcome;
    }
    if (!this.#db.isTransaction) throw outcome.error;
    this.#db.exec(shared ? 'rollback to unit; release unit' : 'rollback; begin immediate');
    return outcome;
  }

  /** A rollback that fails too leaves nothing to save: SQLite undoes the rest when it next opens the file. */
  #undo(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('rollback');
    } catch (error) {
      this.#log('error', 'store.rollback_failed', { why: reasonOf(error) });
    }
  }

  #failed(error: unknown): void {
    const why = reasonOf(error);
    if (this.#health.writable) this.#log('error', 'store.unwritable', { why });
    this.#health = { writable: false, why };
    this.#cancelProbe();
    if (this.#closing !== undefined) return;
    // Nobody else may write while health says no, so the store itself finds out when it is over.
    this.#cancelProbe = this.#clock.after(probeEveryMs, () => {
      if (!this.#health.writable && this.#closing === undefined) this.write(probe).catch(() => {});
    });
  }

  #changes(): number {
    return Number(this.#db.prepare('select total_changes() as n').get()?.['n']);
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
    let statement = this.#prepared.get(compiled);
    if (statement === undefined) {
      statement = this.#db.prepare(compiled.sql);
      this.#prepared.set(compiled, statement);
    }
    return statement;
  }
}

/** The unit's own outcome, unless a statement failed in it. Throws when the disk or the file is the reason. */
async function runToEnd(unit: Waiting, statements: Statements): Promise<Settled> {
  const tx = new UnitTx(statements);
  let outcome: Settled;
  try {
    outcome = { value: await unit.run(tx) };
  } catch (error) {
    outcome = { error };
  }
  const failure = tx.end();
  if (failure === undefined) return outcome;
  if (isUnwritable(failure.error) || isDamaged(failure.error)) throw failure.error;
  return 'error' in outcome ? outcome : failure;
}
