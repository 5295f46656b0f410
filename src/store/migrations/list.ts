import type { DialectName } from '../query.ts';
import { start } from './0001-start.ts';
import { responses } from './0002-responses.ts';
import { forgetting } from './0003-forgetting.ts';
import { runs } from './0004-runs.ts';
import { responsesByCaller } from './0005-responses-by-caller.ts';

/**
 * One forward step of the schema. Released migrations are never edited; a new one is appended to the list.
 * Statements run in one transaction together with the new schema number.
 */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [start, responses, forgetting, runs, responsesByCaller];

/** The schema number a database has after `list`. */
export const newest = (list: readonly Migration[]): number => list.at(-1)?.number ?? 0;

/**
 * `$id` is a growing integer key. `$text` compares and sorts by bytes, as SQLite does: on PostgreSQL this also keeps
 * the indexes valid when the operating system's collation rules change.
 */
const words: Readonly<Record<string, Record<DialectName, string>>> = {
  id: {
    sqlite: 'integer primary key autoincrement',
    postgres: 'bigint generated always as identity primary key',
  },
  text: { sqlite: 'text', postgres: 'text collate "C"' },
};

/** The statement in the words of one dialect. */
export function inDialect(statement: string, dialect: DialectName): string {
  return statement.replace(/\$([a-z]+)\b/g, (_, word: string) => {
    const known = words[word];
    if (known === undefined) throw new Error(`migrations do not know the word $${word}`);
    return known[dialect];
  });
}
