/** Keeps the objects of `POST /v1/responses` (api-server §7.4). Bodies are opaque texts here. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { getMeta, putMeta } from './queries/meta.ts';
import * as rows from './queries/response.ts';
import { type RequestedTurn, requestedTurn } from './requested-turn.ts';
import type { Store, Tx } from './store.ts';

/** Documented limit of each caller, so that nobody crowds out another one; the least recently read goes first. */
const mostResponses = 100;
const secretName = 'responses.secret';

/** What the API's response store asks for; the two meet in the composition root, where the types are compared. */
export function openResponses(store: Store, clock: Clock) {
  let last = 0;
  /** Later accesses have larger numbers, also within one millisecond and after the clock was set back. */
  const stamp = async (tx: Tx): Promise<number> => {
    if (last === 0) last = Number((await tx.get(rows.newestAccess, {}))?.at ?? 0);
    last = Math.max(clock.now(), last + 1);
    return last;
  };
  const forget = async (tx: Tx, id: string) => {
    await tx.run(rows.dropConversationsTo, { response: id });
    await tx.run(rows.dropResponse, { id });
  };

  return {
    create: ({
      id,
      scope,
      turnKey,
      conversation,
      body,
    }: {
      readonly id: string;
      readonly scope: string;
      readonly turnKey: string;
      readonly conversation: string | undefined;
      readonly body: string;
    }): Promise<void> =>
      store.write(async (tx) => {
        const accessed_at = await stamp(tx);
        await tx.run(rows.insertResponse, {
          id,
          scope,
          turn_key: turnKey,
          conversation: conversation ?? null,
          body,
          accessed_at,
        });
        if (conversation !== undefined) {
          await tx.run(rows.putConversation, { scope, name: conversation, response: id });
        }
        for (const surplus of await tx.all(rows.surplusResponses, { scope, keep: mostResponses })) {
          if (surplus.state === 'ended') await forget(tx, surplus.id);
        }
      }),

    discard: (id: string, previous: string | undefined): Promise<void> =>
      store.write(async (tx) => {
        if (previous !== undefined) await tx.run(rows.returnConversation, { response: id, previous });
        await forget(tx, id);
      }),

    /** False when it has ended before or was deleted. */
    end: (id: string, body: string): Promise<boolean> =>
      store.write(
        async (tx) => (await tx.run(rows.endResponse, { id, body, accessed_at: await stamp(tx) })) > 0,
      ),

    async get(scope: string, id: string) {
      const row = await store.read.get(rows.getResponse, { scope, id });
      if (row === undefined) return undefined;
      // A database that takes no writes still answers reads.
      await store
        .write(async (tx) => tx.run(rows.touchResponse, { id, accessed_at: await stamp(tx) }))
        .catch(() => {});
      return { id: row.id, state: row.state, turnKey: row.turn_key, body: row.body };
    },

    async newest(scope: string, name: string): Promise<string | undefined> {
      return (await store.read.get(rows.getConversation, { scope, name }))?.response;
    },

    delete: (scope: string, id: string): Promise<boolean> =>
      store.write(async (tx) => {
        if ((await tx.run(rows.deleteResponse, { scope, id })) === 0) return false;
        await tx.run(rows.dropConversationsTo, { response: id });
        return true;
      }),

    async open() {
      const found = await store.read.all(rows.openResponses, {});
      return found.map(({ id, scope, state, turn_key, body }) => ({
        id,
        scope,
        state,
        turnKey: turn_key,
        body,
      }));
    },

    turn: (source: string, key: string): Promise<RequestedTurn> => requestedTurn(store.read, source, key),

    /** 32 bytes that stay the same for the life of this database. */
    secret: (): Promise<Buffer> =>
      store.write(async (tx) => {
        const known = await tx.get(getMeta, { key: secretName });
        if (known !== undefined) return Buffer.from(known.value, 'hex');
        const fresh = randomBytes(32);
        await tx.run(putMeta, { key: secretName, value: fresh.toString('hex') });
        return fresh;
      }),
  };
}
