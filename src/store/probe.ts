/** A small write that proves the database takes writes again: it needs new pages and leaves nothing behind. */
import { query } from './query.ts';
import type { Tx } from './store.ts';

const put = query((db, p: { value: string }) =>
  db
    .insertInto('meta')
    .values({ key: 'probe', value: p.value })
    .onConflict((clash) => clash.column('key').doUpdateSet({ value: p.value })),
);

const drop = query((db, _: Record<never, never>) => db.deleteFrom('meta').where('key', '=', 'probe'));

/** More than one page of either database. */
const padding = '.'.repeat(16 * 1024);

export async function probe(tx: Tx): Promise<void> {
  await tx.run(put, { value: padding });
  await tx.run(drop, {});
}
