import { query } from '../query.ts';

export const getCursor = query((db, p: { id: string }) =>
  db.selectFrom('account').select(['cursor', 'cursor_at']).where('id', '=', p.id),
);

export const putCursor = query((db, p: { id: string; cursor: string; cursor_at: number }) =>
  db
    .insertInto('account')
    .values({ id: p.id, cursor: p.cursor, cursor_at: p.cursor_at })
    .onConflict((clash) => clash.column('id').doUpdateSet({ cursor: p.cursor, cursor_at: p.cursor_at })),
);
