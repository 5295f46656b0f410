import { query } from '../query.ts';
import type { PartState } from '../tables.ts';

export const insertPart = query(
  (
    db,
    p: {
      key: string;
      account: string;
      chat: string;
      thread: string | null;
      turn: string | null;
      trace: string;
      class: 'reply' | 'notice' | 'approval';
      op: string;
      now: number;
    },
  ) =>
    db
      .insertInto('part')
      .values({
        key: p.key,
        account: p.account,
        chat: p.chat,
        thread: p.thread,
        turn: p.turn,
        trace: p.trace,
        class: p.class,
        state: 'queued',
        op: p.op,
        attempt: 0,
        ready_at: p.now,
        message: null,
        why: null,
        mark: null,
        created_at: p.now,
        settled_at: null,
      })
      .onConflict((clash) => clash.column('key').doNothing()),
);

/** The next part of one chat; parts of a chat leave in the order they were written. */
export const headPart = query((db, p: { account: string; chat: string }) =>
  db
    .selectFrom('part')
    .select([
      'id',
      'key',
      'chat',
      'thread',
      'turn',
      'trace',
      'class',
      'state',
      'op',
      'attempt',
      'ready_at',
      'mark',
      'created_at',
    ])
    .where('account', '=', p.account)
    .where('chat', '=', p.chat)
    .where('state', 'in', ['queued', 'attempting'])
    .orderBy('id')
    .limit(1),
);

export const openChats = query((db, p: { account: string }) =>
  db
    .selectFrom('part')
    .select((select) => ['chat', select.fn.min<number>('id').as('first')])
    .where('account', '=', p.account)
    .where('state', 'in', ['queued', 'attempting'])
    .groupBy('chat')
    .orderBy('first'),
);

/** Written before the call leaves, so that a crash shows up as `attempting`. */
export const markAttempting = query((db, p: { id: number; attempt: number; mark: 'maybe_doubled' | null }) =>
  db
    .updateTable('part')
    .set({ state: 'attempting', attempt: p.attempt, mark: p.mark })
    .where('id', '=', p.id)
    .where('state', 'in', ['queued', 'attempting']),
);

export const requeuePart = query(
  (db, p: { id: number; ready_at: number; why: string; op: string; mark: 'maybe_doubled' | null }) =>
    db
      .updateTable('part')
      .set({ state: 'queued', ready_at: p.ready_at, why: p.why, op: p.op, mark: p.mark })
      .where('id', '=', p.id)
      .where('state', 'in', ['queued', 'attempting']),
);

export const settlePart = query(
  (
    db,
    p: {
      id: number;
      state: PartState;
      message: string | null;
      why: string | null;
      mark: 'maybe_doubled' | 'maybe_lost' | null;
      now: number;
    },
  ) =>
    db
      .updateTable('part')
      .set({ state: p.state, message: p.message, why: p.why, mark: p.mark, settled_at: p.now })
      .where('id', '=', p.id)
      .where('state', 'in', ['queued', 'attempting']),
);

/** Takes a part back that certainly was not sent. */
export const cancelPart = query((db, p: { key: string }) =>
  db.deleteFrom('part').where('key', '=', p.key).where('state', '=', 'queued').where('mark', 'is', null),
);

export const partByKey = query((db, p: { key: string }) =>
  db.selectFrom('part').select(['state', 'mark', 'attempt']).where('key', '=', p.key),
);

export const oldestUndelivered = query((db, _: Record<never, never>) =>
  db
    .selectFrom('part')
    .select((select) => [
      select.fn.min<number | null>('created_at').as('created_at'),
      select.fn.countAll<number>().as('open'),
    ])
    .where('state', 'in', ['queued', 'attempting']),
);

export const partCounts = query((db, _: Record<never, never>) =>
  db
    .selectFrom('part')
    .select((select) => ['account', 'state', 'mark', select.fn.countAll<number>().as('count')])
    .groupBy(['account', 'state', 'mark']),
);

/** What became of the newest 1,000 deliveries since `since`; a report may ask often, so it never counts all. */
export const recentParts = query((db, p: { since: number }) =>
  db
    .selectFrom((sub) =>
      sub
        .selectFrom('part')
        .select(['state', 'mark'])
        .where('created_at', '>=', p.since)
        .orderBy('created_at', 'desc')
        .limit(1_000)
        .as('recent'),
    )
    .select((select) => ['state', 'mark', select.fn.countAll<number>().as('count')])
    .groupBy(['state', 'mark']),
);

export const forgetParts = query((db, p: { before: number; limit: number }) =>
  db
    .deleteFrom('part')
    .where(
      'id',
      'in',
      db
        .selectFrom('part')
        .select('id')
        .where('created_at', '<', p.before)
        .where('state', 'in', ['sent', 'dead'])
        .orderBy('created_at')
        .limit(p.limit),
    ),
);

/** Accounts with parts that wait. */
export const openAccountIds = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select('account').distinct().where('state', 'in', ['queued', 'attempting']),
);

/** Ends what waits for an account that nobody delivers for. A part that may have left keeps its mark. */
export const abandonParts = query((db, p: { account: string; before: number; why: string; now: number }) =>
  db
    .updateTable('part')
    .set((set) => ({
      state: 'dead',
      why: p.why,
      mark: set
        .case()
        .when('state', '=', 'attempting')
        .then('maybe_lost')
        .else(set.ref('mark'))
        .end()
        .$castTo<'maybe_doubled' | 'maybe_lost' | null>(),
      settled_at: p.now,
    }))
    .where('account', '=', p.account)
    .where('created_at', '<', p.before)
    .where('state', 'in', ['queued', 'attempting']),
);
