/** Keeps the runs of `POST /v1/runs` and what they said (api-server §9). Bodies are opaque texts here. */
import type { Clock } from '../core/clock.ts';
import * as rows from './queries/run.ts';
import { type RequestedTurn, requestedTurn } from './requested-turn.ts';
import type { Store, Tx } from './store.ts';

/** How long a run without an idempotency key is kept after its end, and one with a key. */
const endedMs = 3_600_000;
const keyedMs = 86_400_000;
/** Runs forgotten in one transaction. */
const atOnce = 200;

/** Neighbouring events, as they are stored. */
interface Batch {
  /** Number of the first one. */
  readonly first: number;
  /** JSON texts. */
  readonly events: readonly string[];
}

/** What the API's run store asks for; the two meet in the composition root, where the types are compared. */
export function openRuns(store: Store, clock: Clock) {
  const add = async (tx: Tx, run: string, { first, events }: Batch) => {
    if (events.length > 0) await tx.run(rows.insertRunEvents, { run, first, body: events.join('\n') });
  };
  const forget = async (tx: Tx, id: string) => {
    await tx.run(rows.dropRunEvents, { run: id, before: Number.MAX_SAFE_INTEGER });
    await tx.run(rows.dropRun, { id });
  };

  return {
    /** The run that has the key already; undefined = stored. */
    create: (row: {
      readonly id: string;
      readonly scope: string;
      readonly key: string | undefined;
      readonly fingerprint: string | undefined;
      readonly session: { readonly name: string; readonly id: string } | undefined;
      readonly body: string;
    }) =>
      store.write(async (tx) => {
        const { id, scope, key, fingerprint, session, body } = row;
        const stored = await tx.get(rows.insertRun, {
          id,
          scope,
          key: key ?? null,
          fingerprint: fingerprint ?? null,
          body,
          now: clock.now(),
        });
        if (stored === undefined) return runOf(await tx.get(rows.getRunByKey, { scope, key: key ?? '' }));
        if (session !== undefined) {
          await tx.run(rows.putRunSession, { scope, name: session.name, session: session.id });
        }
        return undefined;
      }),

    discard: (id: string): Promise<void> => store.write((tx) => forget(tx, id)),

    get: async (scope: string, id: string) => runOf(await store.read.get(rows.getRun, { scope, id })),

    byKey: async (scope: string, key: string) =>
      runOf(await store.read.get(rows.getRunByKey, { scope, key })),

    /** False when it has ended. */
    note: async (id: string, body: string): Promise<boolean> =>
      (await store.write((tx) => tx.run(rows.noteRun, { id, body, now: clock.now() }))) > 0,

    /** Survives the end of the process. Events before `keepFrom` are forgotten. */
    append: (id: string, batch: Batch, keepFrom: number): Promise<void> =>
      store.write(async (tx) => {
        await add(tx, id, batch);
        if (keepFrom > 1) await tx.run(rows.dropRunEvents, { run: id, before: keepFrom });
      }, 'ordered'),

    /** Writes the end once, together with the last events; false when there was one before. */
    end: (id: string, body: string, last: Batch): Promise<boolean> =>
      store.write(async (tx) => {
        if ((await tx.run(rows.endRun, { id, body, now: clock.now() })) === 0) return false;
        await add(tx, id, last);
        return true;
      }),

    async events(id: string): Promise<readonly Batch[]> {
      const found = await store.read.all(rows.runEvents, { run: id });
      return found.map(({ first, body }) => ({ first: Number(first), events: body.split('\n') }));
    },

    open: async () => (await store.read.all(rows.openRuns, {})).map(known),

    session: async (scope: string, name: string): Promise<string | undefined> =>
      (await store.read.get(rows.getRunSession, { scope, name }))?.session,

    turn: (source: string, key: string): Promise<RequestedTurn> => requestedTurn(store.read, source, key),

    /** Forgets what nobody can ask for any more. */
    async sweep(): Promise<void> {
      const ended = clock.now() - endedMs;
      const keyed = clock.now() - keyedMs;
      for (let more = true; more; ) {
        more = await store.write(async (tx) => {
          const old = await tx.all(rows.forgottenRuns, { ended, keyed, limit: atOnce });
          for (const { id } of old) await forget(tx, id);
          const mute = await tx.all(rows.mutedRuns, { ended, limit: atOnce });
          for (const { id } of mute) {
            await tx.run(rows.dropRunEvents, { run: id, before: Number.MAX_SAFE_INTEGER });
          }
          return Math.max(old.length, mute.length) === atOnce;
        }, 'ordered');
      }
    },
  };
}

interface Row {
  readonly id: string;
  readonly scope: string;
  readonly state: 'open' | 'ended';
  readonly key: string | null;
  readonly fingerprint: string | null;
  readonly body: string;
  readonly updated_at: number;
}

const known = ({ id, scope, state, key, fingerprint, body, updated_at }: Row) => ({
  id,
  scope,
  state,
  key: key ?? undefined,
  fingerprint: fingerprint ?? undefined,
  body,
  updatedAt: Number(updated_at),
});

const runOf = (row: Row | undefined) => row && known(row);
