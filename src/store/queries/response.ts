import { query } from '../query.ts';

export const insertResponse = query(
  (
    db,
    p: {
      id: string;
      scope: string;
      turn_key: string;
      conversation: string | null;
      body: string;
      accessed_at: number;
    },
  ) =>
    db.insertInto('response').values({
      id: p.id,
      scope: p.scope,
      state: 'open',
      turn_key: p.turn_key,
      conversation: p.conversation,
      body: p.body,
      accessed_at: p.accessed_at,
    }),
);

/** Changes no row when the response has ended before or was deleted. */
export const endResponse = query((db, p: { id: string; body: string; accessed_at: number }) =>
  db
    .updateTable('response')
    .set({ state: 'ended', body: p.body, accessed_at: p.accessed_at })
    .where('id', '=', p.id)
    .where('state', '=', 'open'),
);

export const getResponse = query((db, p: { id: string; scope: string }) =>
  db
    .selectFrom('response')
    .select(['id', 'state', 'turn_key', 'conversation', 'body'])
    .where('id', '=', p.id)
    .where('scope', '=', p.scope),
);

export const touchResponse = query((db, p: { id: string; accessed_at: number }) =>
  db.updateTable('response').set({ accessed_at: p.accessed_at }).where('id', '=', p.id),
);

export const newestAccess = query((db, _: Record<never, never>) =>
  db.selectFrom('response').select((select) => select.fn.max('accessed_at').as('at')),
);

export const openResponses = query((db, _: Record<never, never>) =>
  db
    .selectFrom('response')
    .select(['id', 'scope', 'state', 'turn_key', 'conversation', 'body'])
    .where('state', '=', 'open')
    .orderBy('id'),
);

/** Those of one caller that exceed the limit. An open one stays: its end is still to be written. */
export const surplusResponses = query((db, p: { scope: string; keep: number }) =>
  db
    .selectFrom('response')
    .select(['id', 'state'])
    .where('scope', '=', p.scope)
    .orderBy('accessed_at', 'desc')
    .limit(1_000)
    .offset(p.keep),
);

export const deleteResponse = query((db, p: { id: string; scope: string }) =>
  db.deleteFrom('response').where('id', '=', p.id).where('scope', '=', p.scope),
);

export const dropResponse = query((db, p: { id: string }) =>
  db.deleteFrom('response').where('id', '=', p.id),
);

export const getConversation = query((db, p: { scope: string; name: string }) =>
  db.selectFrom('conversation').select('response').where('scope', '=', p.scope).where('name', '=', p.name),
);

export const putConversation = query((db, p: { scope: string; name: string; response: string }) =>
  db
    .insertInto('conversation')
    .values({ scope: p.scope, name: p.name, response: p.response })
    .onConflict((clash) => clash.columns(['scope', 'name']).doUpdateSet({ response: p.response })),
);

export const dropConversationsTo = query((db, p: { response: string }) =>
  db.deleteFrom('conversation').where('response', '=', p.response),
);

/** A request that never started gives the name back to the response before it. */
export const returnConversation = query((db, p: { response: string; previous: string }) =>
  db.updateTable('conversation').set({ response: p.previous }).where('response', '=', p.response),
);
