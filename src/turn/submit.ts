/** Stores a program's request once. A repeated key finds the first request in whatever state it is. */
import type { TurnResult, TurnStatus } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import { reach } from '../core/fault.ts';
import { brand, type TurnId } from '../core/ids.ts';
import { type Message, noUsage, type Usage } from '../core/message.ts';
import type { Envelope } from '../intake/envelope.ts';
import { inboundByKey, insertInbound, reopenInbound } from '../store/queries/inbound.ts';
import { messagesOfTurn } from '../store/queries/session.ts';
import { getTurn } from '../store/queries/turn.ts';
import type { Store, Tx } from '../store/store.ts';
import type { TurnRequest } from './contract.ts';
import type { TurnIdentity } from './running.ts';

export type Stored =
  | { readonly kind: 'new' }
  /** The key is known and its turn is waiting or running in this process. */
  | { readonly kind: 'running'; readonly turn: TurnId }
  | { readonly kind: 'answered'; readonly result: TurnResult };

export async function storeRequest(
  store: Store,
  clock: Clock,
  request: TurnRequest,
  identity: TurnIdentity,
): Promise<Stored> {
  const now = clock.now();
  const { source, key, sessionKey, consumer, unstored, ...rest } = request;
  const stored = unstored === undefined ? rest : { ...rest, unstored: true as const };
  const envelope: Envelope = { type: 'request', turn: identity.turn, request: stored };
  const body = JSON.stringify(envelope);
  const found = await store.write<Stored>(async (tx) => {
    const row = await tx.get(insertInbound, {
      account: source,
      key,
      trace: identity.trace,
      state: 'pending',
      reason: null,
      session_key: sessionKey,
      turn: identity.turn,
      consumer,
      ready_at: now,
      body,
      raw: '',
      created_at: now,
    });
    reach('intake:before-commit');
    if (row !== undefined) return { kind: 'new' };
    const known = await tx.get(inboundByKey, { account: source, key });
    if (known?.state === 'failed') {
      const { turn, trace } = identity;
      await tx.run(reopenInbound, {
        id: known.id,
        session_key: sessionKey,
        trace,
        body,
        turn,
        ready_at: now,
      });
      return { kind: 'new' };
    }
    const turn = known?.turn ?? '';
    const answered = known?.state === 'answered' ? await recordedResult(tx, turn) : undefined;
    return answered ? { kind: 'answered', result: answered } : { kind: 'running', turn: brand<TurnId>(turn) };
  });
  reach('intake:after-commit');
  return found;
}

/** The result of an ended turn, put together again from its rows. */
async function recordedResult(tx: Tx, turn: string): Promise<TurnResult | undefined> {
  const row = await tx.get(getTurn, { id: turn });
  if (row === undefined || row.state === 'running') return undefined;
  const rows = await tx.all(messagesOfTurn, { session_id: row.session_id, turn });
  const messages = rows.map((each) => JSON.parse(each.body) as Message);
  const at = messages.findLastIndex((message) => message.role === 'assistant');
  const last = messages[at];
  const results = new Set(
    messages.slice(at + 1).flatMap((message) => (message.role === 'tool' ? [message.toolCallId] : [])),
  );
  // Calls without a result are the caller's own tools.
  const open =
    last?.role === 'assistant' ? last.toolCalls?.filter((call) => !results.has(call.id)) : undefined;
  const error = row.error === null ? undefined : (JSON.parse(row.error) as { code: string; message: string });
  return {
    status: row.state satisfies TurnStatus,
    text: last?.role === 'assistant' ? last.content : '',
    ...(last?.role === 'assistant' && last.reasoning !== undefined ? { reasoning: last.reasoning } : {}),
    messages,
    usage: row.usage === null ? noUsage : (JSON.parse(row.usage) as Usage),
    model: row.model ?? '',
    provider: row.provider ?? '',
    modelCalls: messages.filter((message) => message.role === 'assistant').length,
    exit: 'recorded',
    ...(open !== undefined && open.length > 0 ? { clientCalls: open } : {}),
    ...(error ? { error } : {}),
  };
}
