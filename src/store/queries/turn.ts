import { query } from '../query.ts';
import type { TurnState } from '../tables.ts';

/** Takes the lane: the fencing number grows with every claim. */
export const raiseFence = query((db, p: { session_key: string; session_id: string }) =>
  db
    .insertInto('lane')
    .values({ session_key: p.session_key, fence: 1, session_id: p.session_id })
    .onConflict((clash) =>
      clash.column('session_key').doUpdateSet((set) => ({
        fence: set('lane.fence', '+', 1),
        session_id: p.session_id,
      })),
    )
    .returning('fence'),
);

export const getLane = query((db, p: { session_key: string }) =>
  db.selectFrom('lane').select(['fence', 'session_id']).where('session_key', '=', p.session_key),
);

export const insertTurn = query(
  (
    db,
    p: {
      id: string;
      session_key: string;
      session_id: string;
      fence: number;
      consumer: 'chat' | 'live';
      trace: string;
      started_at: number;
    },
  ) =>
    db.insertInto('turn').values({
      id: p.id,
      session_key: p.session_key,
      session_id: p.session_id,
      fence: p.fence,
      state: 'running',
      consumer: p.consumer,
      trace: p.trace,
      attempts: 1,
      model: null,
      provider: null,
      usage: null,
      error: null,
      started_at: p.started_at,
      ended_at: null,
    }),
);

export const runningTurnOf = query((db, p: { session_key: string }) =>
  db
    .selectFrom('turn')
    .select(['id', 'session_id', 'fence', 'consumer', 'trace', 'attempts', 'error'])
    .where('session_key', '=', p.session_key)
    .where('state', '=', 'running'),
);

/** The running turn of a lane is not to be resumed: its process ends it, or whoever takes it over. */
export const stopTurn = query((db, p: { session_key: string; error: string }) =>
  db
    .updateTable('turn')
    .set({ error: p.error })
    .where('session_key', '=', p.session_key)
    .where('state', '=', 'running'),
);

/** The new process takes over a turn that its predecessor left running; no row when another was faster. */
export const takeOverTurn = query((db, p: { id: string; from: number; fence: number }) =>
  db
    .updateTable('turn')
    .set((set) => ({ fence: p.fence, attempts: set('attempts', '+', 1) }))
    .where('id', '=', p.id)
    .where('fence', '=', p.from)
    .where('state', '=', 'running'),
);

/** Ends a turn; changes no row when the turn was claimed again or is already over. */
export const endTurn = query(
  (
    db,
    p: {
      id: string;
      fence: number;
      state: TurnState;
      model: string | null;
      provider: string | null;
      usage: string | null;
      error: string | null;
      ended_at: number;
    },
  ) =>
    db
      .updateTable('turn')
      .set({
        state: p.state,
        model: p.model,
        provider: p.provider,
        usage: p.usage,
        error: p.error,
        ended_at: p.ended_at,
      })
      .where('id', '=', p.id)
      .where('fence', '=', p.fence)
      .where('state', '=', 'running'),
);

export const getTurn = query((db, p: { id: string }) =>
  db
    .selectFrom('turn')
    .select(['id', 'state', 'session_id', 'trace', 'model', 'provider', 'usage', 'error'])
    .where('id', '=', p.id),
);

/** Live turns of the previous process: nobody waits for them any more. */
export const endLiveLeftovers = query((db, p: { ended_at: number; error: string }) =>
  db
    .updateTable('turn')
    .set({ state: 'interrupted', ended_at: p.ended_at, error: p.error })
    .where('consumer', '=', 'live')
    .where('state', '=', 'running'),
);

export const turnIsFenced = query((db, p: { id: string; fence: number }) =>
  db
    .selectFrom('turn')
    .select('id')
    .where('id', '=', p.id)
    .where('fence', '=', p.fence)
    .where('state', '=', 'running'),
);

export const putStep = query(
  (
    db,
    p: {
      turn: string;
      n: number;
      kind: 'model' | 'tool';
      state: 'started' | 'done';
      body: string;
      created_at: number;
    },
  ) =>
    db
      .insertInto('step')
      .values({ turn: p.turn, n: p.n, kind: p.kind, state: p.state, body: p.body, created_at: p.created_at })
      .onConflict((clash) => clash.columns(['turn', 'n']).doUpdateSet({ state: p.state, body: p.body })),
);

export const stepsOf = query((db, p: { turn: string }) =>
  db.selectFrom('step').select(['n', 'kind', 'state', 'body']).where('turn', '=', p.turn).orderBy('n'),
);

export const dropSteps = query((db, p: { turn: string }) => db.deleteFrom('step').where('turn', '=', p.turn));

export const forgetTurns = query((db, p: { before: number; limit: number }) =>
  db
    .deleteFrom('turn')
    .where(
      'id',
      'in',
      db
        .selectFrom('turn')
        .select('id')
        .where('started_at', '<', p.before)
        .where('state', '!=', 'running')
        .orderBy('started_at')
        .limit(p.limit),
    ),
);
