/** What became of the turn that a program asked for, as far as its rows tell. */
import type { TurnResult } from '../core/agent-event.ts';
import { type Message, noUsage, type Usage } from '../core/message.ts';
import { inboundByKey } from './queries/inbound.ts';
import { messagesOfTurn } from './queries/session.ts';
import { getTurn } from './queries/turn.ts';
import type { Tx } from './store.ts';

/** `open`: waiting or running. `unknown`: never stored, or forgotten. */
export type RequestedTurn =
  | { readonly kind: 'open'; readonly turn: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended'; readonly result: TurnResult };

export async function requestedTurn(tx: Tx, source: string, key: string): Promise<RequestedTurn> {
  const request = await tx.get(inboundByKey, { account: source, key });
  if (request === undefined) return { kind: 'unknown' };
  const { turn } = request;
  if (turn === null) return { kind: 'unknown' };
  const result = await recordedTurn(tx, turn);
  if (result !== undefined) return { kind: 'ended', result };
  const isOpen = request.state === 'pending' || request.state === 'claimed';
  return isOpen ? { kind: 'open', turn } : { kind: 'unknown' };
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
