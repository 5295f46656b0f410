import { query } from '../query.ts';

export const getSession = query((db, p: { id: string }) =>
  db
    .selectFrom('session')
    .select(['id', 'session_key', 'source', 'created_at', 'updated_at', 'ended_at'])
    .where('id', '=', p.id),
);

export const insertSession = query(
  (
    db,
    p: { id: string; session_key: string; source: string; origin: string; transient: 0 | 1; now: number },
  ) =>
    db
      .insertInto('session')
      .values({
        id: p.id,
        session_key: p.session_key,
        source: p.source,
        origin: p.origin,
        created_at: p.now,
        updated_at: p.now,
        ended_at: null,
        end_reason: null,
        transient: p.transient,
      })
      .onConflict((clash) =>
        // Once continued, always kept.
        clash.column('id').doUpdateSet((set) => ({
          updated_at: p.now,
          transient: set
            .case()
            .when('excluded.transient', '=', 0)
            .then(0)
            .else(set.ref('session.transient'))
            .end(),
        })),
      ),
);

export const touchSession = query((db, p: { id: string; now: number }) =>
  db.updateTable('session').set({ updated_at: p.now }).where('id', '=', p.id),
);

/** Sessions whose id begins with `prefix`, which has `length` characters; the newest first. */
export const newestSessions = query((db, p: { prefix: string; length: number; limit: number }) =>
  db
    .selectFrom('session')
    .select(['id', 'source', 'updated_at'])
    .where((eb) => eb(eb.fn<string>('substr', ['id', eb.lit(1), eb.val(p.length)]), '=', p.prefix))
    .orderBy('updated_at', 'desc')
    .orderBy('id')
    .limit(p.limit),
);

export const endSession = query((db, p: { id: string; now: number; reason: string }) =>
  db
    .updateTable('session')
    .set({ ended_at: p.now, end_reason: p.reason })
    .where('id', '=', p.id)
    .where('ended_at', 'is', null),
);

export const insertMessage = query(
  (db, p: { session_id: string; turn: string; body: string; created_at: number }) =>
    db
      .insertInto('message')
      .values({ session_id: p.session_id, turn: p.turn, body: p.body, created_at: p.created_at }),
);

/** The newest messages of a transcript, newest first. */
export const newestMessages = query((db, p: { session_id: string; limit: number }) =>
  db
    .selectFrom('message')
    .select(['id', 'body'])
    .where('session_id', '=', p.session_id)
    .orderBy('id', 'desc')
    .limit(p.limit),
);

export const messagesOfTurn = query((db, p: { session_id: string; turn: string }) =>
  db
    .selectFrom('message')
    .select('body')
    .where('session_id', '=', p.session_id)
    .where('turn', '=', p.turn)
    .orderBy('id'),
);

/** Transcripts that nothing continues and nobody touched since; the oldest first. */
export const staleSessions = query((db, p: { before: number; limit: number }) =>
  db
    .selectFrom('session')
    .select('id')
    .where('transient', '=', 1)
    .where('created_at', '<', p.before)
    .where('updated_at', '<', p.before)
    .orderBy('created_at')
    .limit(p.limit),
);

export const forgetMessages = query((db, p: { session_id: string }) =>
  db.deleteFrom('message').where('session_id', '=', p.session_id),
);

export const forgetSession = query((db, p: { id: string }) =>
  db.deleteFrom('session').where('id', '=', p.id),
);
