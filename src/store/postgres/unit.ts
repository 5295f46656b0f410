/** One unit in one transaction on one connection. */
import type { ClientBase } from 'pg';
import { type Compiled, fill, type Query, type Value } from '../query.ts';
import type { Tx } from '../store.ts';
import { type FailureKind, kindOf } from './failures.ts';

type Params = Readonly<Record<string, Value>>;

export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: Value[];
}

/** Gives every query a name, under which each connection prepares it once. As many as the program has queries. */
export class Statements {
  readonly #names = new Map<Compiled, string>();

  of<P extends Params, R>(query: Query<P, R>, params: P): Statement {
    const compiled = query.compiled('postgres');
    let name = this.#names.get(compiled);
    if (name === undefined) {
      name = `q${this.#names.size + 1}`;
      this.#names.set(compiled, name);
    }
    return { name, text: compiled.sql, values: fill(compiled, params) };
  }
}

export type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: FailureKind; readonly error: unknown };

export interface Transacted<T> {
  readonly outcome: Attempt<T>;
  /** False when the connection is in an unknown state: close it, then the server undoes what was not committed. */
  readonly reusable: boolean;
}

/** Runs `unit` once. Never throws. */
export async function transact<T>(
  client: ClientBase,
  statements: Statements,
  unit: (tx: Tx) => Promise<T>,
): Promise<Transacted<T>> {
  try {
    await client.query('begin isolation level serializable');
  } catch (error) {
    return { outcome: { kind: kindOf(error), error }, reusable: false };
  }
  const tx = new UnitTx(client, statements);
  let outcome: Attempt<T>;
  try {
    outcome = { kind: 'done', value: await unit(tx) };
  } catch (error) {
    outcome = { kind: 'own', error };
  }
  const failure = await tx.end();
  // The unit may have caught or wrapped it, but PostgreSQL will not save anything after a failed statement.
  if (failure !== undefined && (outcome.kind === 'done' || failure.kind !== 'own')) outcome = failure;
  if (outcome.kind === 'done') outcome = await commit(client, outcome);
  return { outcome, reusable: outcome.kind === 'done' || (await undone(client, outcome.kind)) };
}

async function commit<T>(client: ClientBase, done: Attempt<T>): Promise<Attempt<T>> {
  try {
    const { command } = await client.query('commit');
    if (command === 'COMMIT') return done;
    return { kind: 'own', error: new Error('PostgreSQL undid the transaction instead of saving it') };
  } catch (error) {
    const kind = kindOf(error);
    if (kind !== 'lost') return { kind, error };
    const why = 'the connection was lost while saving; whether it was saved is unknown';
    return { kind, error: new Error(why, { cause: error }) };
  }
}

async function undone(client: ClientBase, kind: FailureKind): Promise<boolean> {
  if (kind === 'lost') return false;
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}

type Failure = { readonly kind: FailureKind; readonly error: unknown };

/** What the unit sees. Statements run one after another; after one failed, and after the unit, all are refused. */
class UnitTx implements Tx {
  readonly #client: ClientBase;
  readonly #statements: Statements;
  #ended = false;
  #failure: Failure | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: ClientBase, statements: Statements) {
    this.#client = client;
    this.#statements = statements;
  }

  async all<P extends Params, R>(query: Query<P, R>, params: P): Promise<R[]> {
    return (await this.#execute(query, params)).rows as R[];
  }

  async get<P extends Params, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return (await this.#execute(query, params)).rows[0] as R | undefined;
  }

  async run<P extends Params, R>(query: Query<P, R>, params: P): Promise<number> {
    return (await this.#execute(query, params)).rowCount ?? 0;
  }

  /** Waits for statements that the unit did not wait for. */
  async end(): Promise<Failure | undefined> {
    this.#ended = true;
    await this.#last;
    return this.#failure;
  }

  async #execute<P extends Params, R>(query: Query<P, R>, params: P) {
    if (this.#ended) throw new Error('the unit is over; its transaction cannot be used any more');
    const before = this.#last;
    const running = before.then(() => this.#next(query, params));
    this.#last = running.catch(() => {});
    return running;
  }

  async #next<P extends Params, R>(query: Query<P, R>, params: P) {
    if (this.#failure !== undefined) throw this.#failure.error;
    let statement: Statement;
    try {
      statement = this.#statements.of(query, params);
    } catch (error) {
      this.#failure = { kind: 'own', error };
      throw error;
    }
    try {
      return await this.#client.query(statement);
    } catch (error) {
      this.#failure = { kind: kindOf(error), error };
      throw error;
    }
  }
}
