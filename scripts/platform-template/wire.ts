/**
 * What Echonet sends and answers, checked at the edge: everything behind it is trusted.
 *
 * `GET /updates?after=N&wait=S` holds up to S seconds and acknowledges everything up to N. Writes are
 * `POST /messages`, `PATCH /messages/ID` and `DELETE /messages/ID`; `POST /typing`. All with a bearer token.
 */
import { z } from 'zod';
import { brand } from '../../src/core/ids.ts';
import type { Inbound } from '../../src/core/inbound.ts';

export const pollSeconds = 25;

const update = z.object({ seq: z.number().int().nonnegative(), event: z.unknown() });
export const updates = z.object({ updates: z.array(update) });
export const written = z.object({ id: z.string().min(1) });
export const refusal = z.object({ error: z.string() });

const message = z.object({
  type: z.enum(['message', 'edited']),
  id: z.string().min(1),
  chat: z.object({ id: z.string().min(1), kind: z.enum(['dm', 'group']), name: z.string().optional() }),
  from: z.object({ id: z.string().min(1), name: z.string(), bot: z.boolean().default(false) }),
  text: z.string(),
  reply_to: z.string().optional(),
  at: z.number().optional(),
  revision: z.number().int().optional(),
});

/** Undefined for what is no news for us: other kinds of events, and anything not shaped as documented. */
export function toInbound(event: unknown, self: string): Inbound | undefined {
  const parsed = message.safeParse(event);
  if (!parsed.success) return undefined;
  const { type, id, chat, from, text, reply_to, at, revision } = parsed.data;
  return {
    // An edit is an event of its own; its revision tells two edits of one message apart.
    key: brand(type === 'edited' ? `${chat.id}/${id}/${revision ?? 0}` : `${chat.id}/${id}`),
    at: { chat: brand(chat.id) },
    kind: type === 'edited' ? 'edit' : 'message',
    scope: chat.kind,
    from: { id: brand(from.id), name: from.name, isBot: from.bot, isSelf: from.id === self },
    message: brand(id),
    ...(reply_to === undefined ? {} : { replyTo: { id: brand(reply_to) } }),
    text,
    ...(chat.name === undefined ? {} : { chatName: chat.name }),
    ...(at === undefined ? {} : { sentAt: at }),
    raw: JSON.stringify(event),
  };
}
