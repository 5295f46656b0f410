/**
 * Queries are written once with Kysely and compiled once per dialect. `query()` runs the builder a single
 * time with placeholders in place of the parameters; calling the query later only fills the values in, so the
 * builder costs nothing per call.
 *
 *     const byId = query((db, p: { id: string }) => db.selectFrom('turn').selectAll().where('id', '=', p.id));
 *     const turn = await tx.get(byId, { id });
 */
import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteQueryCompiler,
} from 'kysely';
import type { Tables } from './tables.ts';

export type DialectName = 'sqlite' | 'postgres';
export type Value = string | number | null;

class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  /** A builder that computes with a parameter would freeze its first value into the query for ever. */
  [Symbol.toPrimitive](): never {
    throw new Error(`query parameter ${this.name} can only be passed on, not computed with`);
  }
}

export interface Compiled {
  readonly sql: string;
  /** For each placeholder the parameter's name. */
  readonly slots: readonly Slot[];
}

export interface Query<P, R> {
  compiled(dialect: DialectName): Compiled;
  /** Only carries the types. */
  readonly types?: (params: P) => R;
}

/**
 * Constants of a query are written into its text, only parameters are bound: a database uses a partial index
 * (`where state in (…)`) only when it sees the constant while it plans.
 */
class SqliteCompiler extends SqliteQueryCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Slot) super.appendValue(value);
    else this.appendImmediateValue(value);
  }
}

class PostgresCompiler extends PostgresQueryCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Slot) super.appendValue(value);
    else this.appendImmediateValue(value);
  }
}

const builders: Record<DialectName, Kysely<Tables>> = {
  sqlite: builder(SqliteAdapter, SqliteCompiler),
  postgres: builder(PostgresAdapter, PostgresCompiler),
};

function builder(
  Adapter: typeof SqliteAdapter | typeof PostgresAdapter,
  Compiler: typeof SqliteCompiler | typeof PostgresCompiler,
): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: () => {
        throw new Error('queries are only compiled here');
      },
      createQueryCompiler: () => new Compiler(),
    },
  });
}

const placeholders = new Proxy(
  {},
  {
    get: (_, name) => new Slot(String(name)),
    ownKeys: () => {
      throw new Error('query parameters are named one by one, not spread: their names are unknown here');
    },
  },
);

/** Defines a query. `P` may only hold strings, numbers and null, and no parameter may decide the query's shape. */
export function query<P extends Readonly<Record<string, Value>>, R>(
  build: (db: Kysely<Tables>, params: P) => Compilable<R>,
): Query<P, R> {
  const cache: Partial<Record<DialectName, Compiled>> = {};
  return {
    compiled(dialect) {
      cache[dialect] ??= compile(build(builders[dialect], placeholders as P).compile());
      return cache[dialect];
    },
  };
}

function compile(done: { readonly sql: string; readonly parameters: readonly unknown[] }): Compiled {
  return { sql: done.sql, slots: done.parameters as readonly Slot[] };
}

/**
 * The values of one call, in the order of the placeholders. Both dialects get the same: text that UTF-8 or PostgreSQL
 * cannot hold (NUL, lone surrogates) becomes U+FFFD, fractions of a millisecond are cut, and numbers that a
 * double cannot hold exactly are refused.
 */
export function fill(compiled: Compiled, params: Readonly<Record<string, Value>>): Value[] {
  return compiled.slots.map((slot) => {
    const value = params[slot.name];
    if (value === undefined) throw new Error(`query parameter ${slot.name} is missing`);
    if (typeof value === 'string') return storable(value);
    return value === null ? null : whole(slot.name, value);
  });
}

function storable(text: string): string {
  const formed = text.isWellFormed() ? text : text.toWellFormed();
  return formed.includes('\0') ? formed.replaceAll('\0', '\uFFFD') : formed;
}

function whole(name: string, value: number): number {
  const cut = Math.trunc(value);
  if (!Number.isSafeInteger(cut)) throw new RangeError(`query parameter ${name} cannot be stored: ${value}`);
  return cut;
}
