import { query } from '../query.ts';

/** No row comes back when the scope has the key already. */
export const insertRun = query(
  (
    db,
    p: {
      id: string;
      scope: string;
      key: string | null;
      fingerprint: string | null;
      body: string;
      now: number;
    },
  ) =>
    db
      .insertInto('run')
      .values({
        id: p.id,
        scope: p.scope,
        state: 'open',
        key: p.key,
        fingerprint: p.fingerprint,
        body: p.body,
        updated_at: p.now,
      })
      .onConflict((clash) => clash.columns(['scope', 'key']).doNothing())
      .returning('id'),
);

export const getRun = query((db, p: { id: string; scope: string }) =>
  db
    .selectFrom('run')
    .select(['id', 'scope', 'state', 'key', 'fingerprint', 'body', 'updated_at'])
    .where('id', '=', p.id)
    .where('scope', '=', p.scope),
);

export const getRunByKey = query((db, p: { scope: string; key: string }) =>
  db
    .selectFrom('run')
    .select(['id', 'scope', 'state', 'key', 'fingerprint', 'body', 'updated_at'])
    .where('scope', '=', p.scope)
    .where('key', '=', p.key),
);

export const openRuns = query((db, _: Record<never, never>) =>
  db
    .selectFrom('run')
    .select(['id', 'scope', 'state', 'key', 'fingerprint', 'body', 'updated_at'])
    .where('state', '=', 'open')
    .orderBy('id'),
);

/** Changes no row when the run has ended. */
export const noteRun = query((db, p: { id: string; body: string; now: number }) =>
  db
    .updateTable('run')
    .set({ body: p.body, updated_at: p.now })
    .where('id', '=', p.id)
    .where('state', '=', 'open'),
);

/** Changes no row when the run has ended before. */
export const endRun = query((db, p: { id: string; body: string; now: number }) =>
  db
    .updateTable('run')
    .set({ state: 'ended', body: p.body, updated_at: p.now })
    .where('id', '=', p.id)
    .where('state', '=', 'open'),
);

export const dropRun = query((db, p: { id: string }) => db.deleteFrom('run').where('id', '=', p.id));

/** Runs that nobody can ask for any more: ended, and without a key or with one that is too old. */
export const forgottenRuns = query((db, p: { ended: number; keyed: number; limit: number }) =>
  db
    .selectFrom('run')
    .select('id')
    .where('state', '=', 'ended')
    .where('updated_at', '<', p.ended)
    .where((where) => where.or([where('key', 'is', null), where('updated_at', '<', p.keyed)]))
    .orderBy('updated_at')
    .limit(p.limit),
);

/** Runs that are kept for their key only and still have events. */
export const mutedRuns = query((db, p: { ended: number; limit: number }) =>
  db
    .selectFrom('run')
    .innerJoin('run_event', 'run_event.run', 'run.id')
    .select('run.id')
    .distinct()
    .where('run.state', '=', 'ended')
    .where('run.updated_at', '<', p.ended)
    .limit(p.limit),
);

export const insertRunEvents = query((db, p: { run: string; first: number; body: string }) =>
  db.insertInto('run_event').values({ run: p.run, first: p.first, body: p.body }),
);

export const runEvents = query((db, p: { run: string }) =>
  db.selectFrom('run_event').select(['first', 'body']).where('run', '=', p.run).orderBy('first'),
);

export const dropRunEvents = query((db, p: { run: string; before: number }) =>
  db.deleteFrom('run_event').where('run', '=', p.run).where('first', '<', p.before),
);

export const getRunSession = query((db, p: { scope: string; name: string }) =>
  db.selectFrom('run_session').select('session').where('scope', '=', p.scope).where('name', '=', p.name),
);

export const putRunSession = query((db, p: { scope: string; name: string; session: string }) =>
  db
    .insertInto('run_session')
    .values({ scope: p.scope, name: p.name, session: p.session })
    .onConflict((clash) => clash.columns(['scope', 'name']).doUpdateSet({ session: p.session })),
);
