import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../../testkit/postgres.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { inDialect, migrations } from '../migrations/list.ts';
import type { Query, Value } from '../query.ts';
import { openPostgres } from './open.ts';

type AnyQuery = Query<Record<string, Value>, unknown>;

/** Every query of the product, by file and name. */
async function allQueries(): Promise<[string, AnyQuery][]> {
  const folder = new URL('../queries/', import.meta.url);
  const found: [string, AnyQuery][] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.includes('.test.'))) {
    const exported: Record<string, unknown> = await import(new URL(file, folder).href);
    for (const [name, value] of Object.entries(exported)) {
      if (isQuery(value)) found.push([`${file} ${name}`, value]);
    }
  }
  return found;
}

const isQuery = (value: unknown): value is AnyQuery =>
  typeof value === 'object' && value !== null && 'compiled' in value;

test('both databases understand every query of the product', async () => {
  const queries = await allQueries();
  expect(queries.length).toBeGreaterThan(20);
  const sqlite = new DatabaseSync(':memory:');
  sqlite.exec('create table meta (key text primary key, value text not null)');
  for (const each of migrations.flatMap((step) => step.statements)) sqlite.exec(inDialect(each, 'sqlite'));
  const server = await startPostgres();
  try {
    const url = await server.database();
    await (await openPostgres({ url, clock: systemClock, log: silentLog })).close();
    const postgres = new Client(url);
    await postgres.connect();
    const refused: string[] = [];
    for (const [index, [name, query]] of queries.entries()) {
      const said = (error: unknown) => refused.push(`${name}: ${error}`);
      try {
        sqlite.prepare(query.compiled('sqlite').sql);
      } catch (error) {
        said(error);
      }
      await postgres.query(`prepare q${index} as ${query.compiled('postgres').sql}`).catch(said);
    }
    await postgres.end();
    expect(refused).toEqual([]);
  } finally {
    sqlite.close();
    await server.stop();
  }
});
