/** One pushed message → one inbound (wecom §3.1). */
import { createHash } from 'node:crypto';
import { brand, type ChatId, type MessageId, type SenderId } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import { type Content, contentOf } from './content.ts';
import type { Policy } from './policy.ts';
import { type Fields, type Frame, fields, string } from './wire.ts';

export interface Translation {
  readonly policy: Policy;
  readonly botId: string;
  readonly botName: string | undefined;
}

export type Translated = { readonly event: Inbound } | { readonly skipped: string; readonly warn: boolean };

const maxId = 256;
const skip = (skipped: string, warn = false): Translated => ({ skipped, warn });

/** `raw`: the frame's exact text. Never throws. */
export function toInbound(frame: Frame, raw: string, how: Translation): Translated {
  const { body } = frame;
  const user = string(fields(body['from'])?.['userid'], maxId);
  const chat = string(body['chatid'], maxId) ?? user;
  if (user === undefined || chat === undefined) return skip('no sender', true);
  const scope =
    body['chattype'] === 'group' || (body['chattype'] !== 'single' && chat !== user) ? 'group' : 'dm';
  const content = contentOf(body);
  if (content === undefined) return skip(`unknown kind ${string(body['msgtype'], 64) ?? '(none)'}`);
  const message = string(body['msgid'], maxId);
  const about = {
    key: brand<Inbound['key']>(message ?? keyOf(frame)),
    at: { chat: brand<ChatId>(chat) },
    kind: 'message' as const,
    scope,
    from: {
      id: brand<SenderId>(user),
      name: user,
      isBot: false,
      isSelf: user === how.botId,
    },
    ...(message === undefined ? {} : { message: brand<MessageId>(message) }),
    ...sentAt(body['create_time']),
  } satisfies Partial<Inbound>;
  const welcome = scope === 'dm' ? how.policy.direct(user) : how.policy.group(chat, user);
  // What is not for us leaves no trace of its text.
  if (!welcome) return { event: { ...about, addressed: false, raw: '' } };
  const quoted = quoteOf(body['quote']);
  const said = scope === 'group' ? withoutMention(content.text, how.botName) : content.text;
  const media = [...content.media, ...(quoted?.media ?? [])];
  const text = said === '' && media.length === 0 ? (quoted?.text ?? '') : said;
  if (text === '' && media.length === 0) return skip('nothing in it');
  return {
    event: {
      ...about,
      text,
      ...(said === content.text ? {} : { mentionsMe: true }),
      ...(media.length === 0 ? {} : { media }),
      ...(quoted === undefined ? {} : { replyTo: replyTo(message, quoted) }),
      raw,
    },
  };
}

/** The vendor promises an id in every push; without one the same push still has the same key. */
function keyOf({ body }: Frame): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`;
}

function quoteOf(quote: unknown): Content | undefined {
  const content = contentOf(fields(quote) ?? {});
  return content === undefined || (content.text === '' && content.media.length === 0) ? undefined : content;
}

/** The quoted message has no id of its own; this one is never a valid target and is recognised as such. */
function replyTo(message: string | undefined, { text }: Content): NonNullable<Inbound['replyTo']> {
  const id = brand<MessageId>(`${quotePrefix}${message ?? ''}`);
  return text === '' ? { id } : { id, text };
}

export const quotePrefix = 'quote:';

/** Groups send the bot only what mentions it, and the mention stands first. */
function withoutMention(text: string, botName: string | undefined): string {
  const exact = botName === undefined || botName === '' ? '' : `@${botName}`;
  if (exact !== '' && text.startsWith(exact)) return text.slice(exact.length).trimStart();
  return text.replace(/^@\S+\s*/, '');
}

function sentAt(createTime: unknown): Pick<Inbound, 'sentAt'> {
  const seconds = typeof createTime === 'number' ? createTime : 0;
  return Number.isSafeInteger(seconds) && seconds > 0 && seconds < 1e11 ? { sentAt: seconds * 1000 } : {};
}

export function eventType(body: Fields): string {
  return string(fields(body['event'])?.['eventtype'], 128) ?? '(none)';
}
