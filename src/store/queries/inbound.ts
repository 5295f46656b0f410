import { query } from '../query.ts';

/** Stores an event once; no row comes back when the account already has the key. */
export const insertInbound = query(
  (
    db,
    p: {
      account: string;
      key: string;
      trace: string;
      state: 'pending' | 'declined';
      reason: string | null;
      session_key: string;
      turn: string | null;
      consumer: 'chat' | 'live';
      ready_at: number;
      body: string;
      raw: string;
      created_at: number;
    },
  ) =>
    db
      .insertInto('inbound')
      .values({
        account: p.account,
        key: p.key,
        trace: p.trace,
        state: p.state,
        reason: p.reason,
        session_key: p.session_key,
        turn: p.turn,
        consumer: p.consumer,
        ready_at: p.ready_at,
        body: p.body,
        raw: p.raw,
        created_at: p.created_at,
      })
      .onConflict((clash) => clash.columns(['account', 'key']).doNothing())
      .returning('id'),
);

export const inboundByKey = query((db, p: { account: string; key: string }) =>
  db
    .selectFrom('inbound')
    .select(['id', 'state', 'reason', 'turn', 'trace', 'session_key', 'created_at'])
    .where('account', '=', p.account)
    .where('key', '=', p.key),
);

/** The queue of one lane, oldest first. */
export const pendingOf = query((db, p: { session_key: string; limit: number }) =>
  db
    .selectFrom('inbound')
    .select(['id', 'account', 'body', 'consumer', 'ready_at', 'created_at', 'trace', 'turn'])
    .where('session_key', '=', p.session_key)
    // The condition of the partial index, word for word; without it SQLite would read the whole table.
    .where('state', 'in', ['pending', 'claimed'])
    .where('state', '=', 'pending')
    .orderBy('id')
    .limit(p.limit),
);

/** What waits in one lane behind a row, oldest first. */
export const pendingAfter = query((db, p: { session_key: string; after: number; limit: number }) =>
  db
    .selectFrom('inbound')
    .select(['id', 'account', 'body', 'trace'])
    .where('session_key', '=', p.session_key)
    .where('id', '>', p.after)
    .where('state', 'in', ['pending', 'claimed'])
    .where('state', '=', 'pending')
    .orderBy('id')
    .limit(p.limit),
);

/** What waits in one lane before a row ends without a turn. */
export const declineBefore = query((db, p: { session_key: string; before: number; reason: string }) =>
  db
    .updateTable('inbound')
    .set({ state: 'declined', reason: p.reason })
    .where('session_key', '=', p.session_key)
    .where('id', '<', p.before)
    .where('state', 'in', ['pending', 'claimed'])
    .where('state', '=', 'pending'),
);

export const rewritePending = query((db, p: { id: number; body: string; ready_at: number }) =>
  db
    .updateTable('inbound')
    .set({ body: p.body, ready_at: p.ready_at })
    .where('id', '=', p.id)
    .where('state', '=', 'pending'),
);

export const claimInbound = query((db, p: { id: number; turn: string }) =>
  db
    .updateTable('inbound')
    .set({ state: 'claimed', turn: p.turn })
    .where('id', '=', p.id)
    .where('state', '=', 'pending'),
);

/** Terminal state of every inbound a turn answered. A chat keeps its text, a request its outcome only. */
export const settleInbounds = query(
  (db, p: { turn: string; state: 'answered' | 'failed'; reason: string | null }) =>
    db
      .updateTable('inbound')
      .set((set) => ({
        state: p.state,
        reason: p.reason,
        body: set.case().when('consumer', '=', 'live').then('').else(set.ref('body')).end(),
      }))
      .where('turn', '=', p.turn)
      .where('state', '=', 'claimed'),
);

/** For events that end without a turn: commands, refusals. */
export const settleInbound = query(
  (db, p: { id: number; state: 'answered' | 'declined' | 'failed'; reason: string | null }) =>
    db
      .updateTable('inbound')
      .set({ state: p.state, reason: p.reason })
      .where('id', '=', p.id)
      .where('state', 'in', ['pending', 'claimed']),
);

/** The source may send the event again: nothing came of it. */
export const forgetInbound = query((db, p: { account: string; key: string }) =>
  db.deleteFrom('inbound').where('account', '=', p.account).where('key', '=', p.key),
);

/** A live request that ended without an answer may be asked again under the same key. */
export const reopenInbound = query(
  (db, p: { id: number; session_key: string; trace: string; body: string; turn: string; ready_at: number }) =>
    db
      .updateTable('inbound')
      .set({
        state: 'pending',
        reason: null,
        session_key: p.session_key,
        trace: p.trace,
        body: p.body,
        turn: p.turn,
        ready_at: p.ready_at,
      })
      .where('id', '=', p.id)
      .where('state', '=', 'failed'),
);

export const inboundsOfTurn = query((db, p: { turn: string }) =>
  db
    .selectFrom('inbound')
    .select(['id', 'account', 'state', 'session_key', 'body', 'consumer', 'trace', 'created_at'])
    .where('turn', '=', p.turn)
    .orderBy('id'),
);

/** Lanes with work left by an earlier process, those that waited longest first. */
export const openLanes = query((db, _: Record<never, never>) =>
  db
    .selectFrom('inbound')
    .select((select) => ['session_key', select.fn.min<number>('id').as('first')])
    .where('state', 'in', ['pending', 'claimed'])
    .groupBy('session_key')
    .orderBy('first'),
);

export const oldestUnanswered = query((db, _: Record<never, never>) =>
  db
    .selectFrom('inbound')
    .select((select) => [
      select.fn.min<number | null>('created_at').as('created_at'),
      select.fn.countAll<number>().as('open'),
    ])
    .where('state', 'in', ['pending', 'claimed']),
);

/** Live requests have nobody waiting after a restart. */
export const failLiveLeftovers = query((db, p: { reason: string }) =>
  db
    .updateTable('inbound')
    .set({ state: 'failed', reason: p.reason, body: '' })
    .where('consumer', '=', 'live')
    .where('state', 'in', ['pending', 'claimed']),
);

/** Ended rows older than their source can redeliver, at most `limit` of them. */
export const forgetInbounds = query((db, p: { account: string; before: number; limit: number }) =>
  db
    .deleteFrom('inbound')
    .where(
      'id',
      'in',
      db
        .selectFrom('inbound')
        .select('id')
        .where('account', '=', p.account)
        .where('created_at', '<', p.before)
        .where('state', 'in', ['answered', 'declined', 'failed'])
        .orderBy('created_at')
        .limit(p.limit),
    ),
);
