import { query } from '../query.ts';

export const getMeta = query((db, p: { key: string }) =>
  db.selectFrom('meta').select('value').where('key', '=', p.key),
);

export const putMeta = query((db, p: { key: string; value: string }) =>
  db
    .insertInto('meta')
    .values({ key: p.key, value: p.value })
    .onConflict((clash) => clash.column('key').doUpdateSet({ value: p.value })),
);
