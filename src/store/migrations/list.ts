import type { DialectName } from '../query.ts';
import { start } from './0001-start.ts';

/**
 * One forward step of the schema. Released migrations are never edited; a new one is appended to the list.
 * Statements run in one transaction together with the new schema number.
 */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [start];

export const newestSchema = migrations.at(-1)!.number;

const tokens: Record<DialectName, Readonly<Record<string, string>>> = {
  sqlite: { $id: 'integer primary key autoincrement' },
  postgres: { $id: 'bigint generated always as identity primary key' },
};

/** The statement in the words of one dialect. */
export function inDialect(statement: string, dialect: DialectName): string {
  return statement.replace(/\$id\b/g, () => tokens[dialect]['$id']!);
}
