import type { ClientBase } from 'pg';
import { fail } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { inDialect, type Migration, newest } from '../migrations/list.ts';

/**
 * Brings the schema up to date; the caller holds the owner's lock, so nobody else does the same. Each migration is one
 * transaction with its number. There is no automatic backup here: a gateway cannot know where to put a copy
 * of somebody's database server. Throws STORE_NEWER and changes nothing when a newer version was here.
 */
export async function migrate(
  session: ClientBase,
  database: string,
  list: readonly Migration[],
  log: Log,
): Promise<void> {
  const encoding = await session.query<{ name: string }>("select current_setting('server_encoding') as name");
  if (encoding.rows[0]?.name !== 'UTF8') {
    const why = `its encoding is ${encoding.rows[0]?.name}; create it with encoding UTF8`;
    fail('CONFIG_UNREADABLE', { file: database, why });
  }
  await session.query(
    'create table if not exists meta (key text collate "C" primary key, value text collate "C" not null)',
  );
  const { rows } = await session.query<{ value: string }>("select value from meta where key = 'schema'");
  const found = Number(rows[0]?.value ?? 0);
  const known = newest(list);
  if (found > known) {
    fail('STORE_NEWER', { file: database, found, known, backups: 'of your PostgreSQL server' });
  }
  for (const migration of list.filter((each) => each.number > found)) {
    await session.query('begin');
    try {
      for (const statement of migration.statements) await session.query(inDialect(statement, 'postgres'));
      await session.query({
        text: "insert into meta (key, value) values ('schema', $1) on conflict (key) do update set value = excluded.value",
        values: [String(migration.number)],
      });
      await session.query('commit');
    } catch (error) {
      await session.query('rollback');
      throw error;
    }
    log('info', 'store.migrated', { to: migration.number, name: migration.name });
  }
}
