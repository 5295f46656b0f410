/** Keeps the objects of `POST /v1/responses` (api-server §7.4). Bodies are opaque texts here. */
import { randomBytes } from 'node:crypto';
import type { TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import { type Message, noUsage, type Usage } from '../core/message.ts';
import { inboundByKey } from './queries/inbound.ts';
import { getMeta, putMeta } from './queries/meta.ts';
import * as rows from './queries/response.ts';
import { messagesOfTurn } from './queries/session.ts';
import { getTurn } from './queries/turn.ts';
import type { Store, Tx } from './store.ts';

/** Documented limit; the least recently read response goes first. */
const mostResponses = 100;
const secretName = 'responses.secret';

/** `open`: waiting or running. `unknown`: never stored, or forgotten. */
type TurnState =
  | { readonly kind: 'open'; readonly turn: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended'; readonly result: TurnResult };

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
        for (const surplus of await tx.all(rows.surplusResponses, { keep: mostResponses })) {
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

    async turn(source: string, key: string): Promise<TurnState> {
      const request = await store.read.get(inboundByKey, { account: source, key });
      if (request === undefined) return { kind: 'unknown' };
      const result = await recordedTurn(store.read, request.turn ?? '');
      if (result !== undefined) return { kind: 'ended', result };
      const isOpen = request.state === 'pending' || request.state === 'claimed';
      return isOpen && request.turn !== null ? { kind: 'open', turn: request.turn } : { kind: 'unknown' };
    },

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

/** The result of an ended turn, as far as its rows tell. */
async function recordedTurn(tx: Tx, turn: string): Promise<TurnResult | undefined> {
  const row = await tx.get(getTurn, { id: turn });
  if (row === undefined || row.state === 'running') return undefined;
  const recorded = await tx.all(messagesOfTurn, { session_id: row.session_id, turn });
  const messages = recorded.map(({ body }) => JSON.parse(body) as Message);
  const last = messages.findLast((message) => message.role === 'assistant');
  const done = new Set(messages.map((message) => message.role === 'tool' && message.toolCallId));
  // Calls without results are the caller's own.
  const open = last?.toolCalls?.filter(({ id }) => !done.has(id)) ?? [];
  const error = row.error === null ? undefined : (JSON.parse(row.error) as { code: string; message: string });
  return {
    status: row.state,
    text: last?.content ?? '',
    messages,
    usage: row.usage === null ? noUsage : (JSON.parse(row.usage) as Usage),
    model: row.model ?? '',
    provider: row.provider ?? '',
    modelCalls: messages.filter((message) => message.role === 'assistant').length,
    exit: 'recorded',
    ...(open.length > 0 ? { clientCalls: open } : {}),
    ...(error ? { error } : {}),
  };
}
