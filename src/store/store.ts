import type { DialectName, Query, Value } from './query.ts';

type Params = Readonly<Record<string, Value>>;

/** Runs queries, inside a transaction (`Store.write`) or on committed data (`Store.read`). */
export interface Tx {
  all<P extends Params, R>(query: Query<P, R>, params: P): Promise<R[]>;
  get<P extends Params, R>(query: Query<P, R>, params: P): Promise<R | undefined>;
  /** For statements without rows; answers how many rows changed. */
  run<P extends Params, R>(query: Query<P, R>, params: P): Promise<number>;
}

export interface StoreHealth {
  readonly writable: boolean;
  readonly why?: string;
}

/**
 * `synced` (default): survives a loss of power. `ordered`: survives the end of the process and is seen by everything
 * after it, but a loss of power may undo it until the next synced unit; for what the next start finds out again. A
 * store may always do more.
 */
export type Durability = 'synced' | 'ordered';

/** The one database of a gateway. Two implementations, `sqlite/` and `postgres/`, pass the suite of `contract.ts`. */
export interface Store {
  readonly dialect: DialectName;
  /**
   * Runs `unit` in a transaction and resolves once it is durable (synced). Units started in one event-loop turn
   * share a commit. A unit that throws loses only its own changes and rejects; a failing commit rejects
   * every unit of it with STORE_FULL and changes nothing. A unit must await nothing but `tx`, and must not
   * start work outside that could not be undone: do that after `write` resolved. It may run more than once (conflicts
   * are repeated), so it resets what it sets outside. A statement that failed dooms its unit, caught or not.
   */
  write<T>(unit: (tx: Tx) => Promise<T>, durability?: Durability): Promise<T>;
  /** Committed data only. */
  readonly read: Tx;
  health(): StoreHealth;
  /** Writes a consistent copy into a new file. SQLite only; PostgreSQL has its own tools. */
  backup?(file: string): Promise<void>;
  /** Waits for started units, refuses new ones, releases the lock. */
  close(): Promise<void>;
}
