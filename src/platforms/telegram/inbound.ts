/** Update → events for the core (telegram §3). Pure and total: what cannot be translated is reported, not thrown. */
import {
  brand,
  type ChatId,
  type EventKey,
  type MessageId,
  type SenderId,
  type ThreadId,
} from '../../core/ids.ts';
import type { Address, Inbound, Sender } from '../../core/inbound.ts';
import { attachmentsOf, isService } from './attachments.ts';
import { cut, type Spanned, toMarkdown } from './entities.ts';
import { commandSuffix, type GateRules, gate, type Me, mentions, triggerRanges } from './gate.ts';
import {
  list,
  parseUser,
  record,
  type WireChat,
  type WireMessage,
  type WireUpdate,
  type WireUser,
} from './wire.ts';

export interface Translation {
  readonly me: Me;
  readonly rules: GateRules;
  /** Largest attachment in bytes. */
  readonly fileCap: number;
}

export type Translated =
  | { readonly events: readonly Inbound[] }
  /** Nothing for the core; `warn` when something may be wrong. */
  | { readonly skipped: string; readonly warn: boolean };

/** `raw`: the bytes of this update as they came. */
export function toInbound(update: WireUpdate, raw: string, how: Translation): Translated {
  const { event } = update;
  switch (event.kind) {
    case 'message':
      return fromMessage(update, event.message, event.edited, raw, how);
    case 'button':
      return one({
        ...frame(update, event.message.chat, event.message.thread, event.message.id, raw),
        kind: 'button',
        from: person(event.from, how.me),
        message: brand<MessageId>(event.message.id),
        text: event.data,
      });
    case 'reaction':
      return one({
        ...frame(update, event.chat, undefined, event.message, raw),
        kind: 'reaction',
        from: event.from ? person(event.from, how.me) : hidden(event.chat.title ?? ''),
        message: brand<MessageId>(event.message),
        text: event.emoji,
      });
    case 'member': {
      if (event.was === event.is) return skip('member rights', false);
      return one({
        ...frame(update, event.chat, undefined, `member-${event.member.id}`, raw),
        kind: event.is ? 'join' : 'leave',
        from: person(event.member, how.me),
      });
    }
    case 'other':
      return skip(event.name, false);
    case 'malformed':
      return skip(event.why, true);
    default:
      return event satisfies never;
  }
}

function fromMessage(
  update: WireUpdate,
  message: WireMessage,
  edited: boolean,
  raw: string,
  how: Translation,
): Translated {
  const { chat } = message;
  const base = frame(update, chat, message.thread, message.id, raw);
  if (edited && message.body['location'] !== undefined) return skip('live location', false);
  if (isService(message.body)) return fromService(message, base, how.me);
  const sender = senderOf(message, how.me);
  const inGroup = base.scope === 'group';
  const verdict = inGroup ? gate(message, how.me, how.rules) : ({ process: true } as const);
  const identity = {
    ...base,
    kind: edited ? 'edit' : 'message',
    from: sender,
    message: brand<MessageId>(message.id),
  } as const;
  if (!verdict.process && !verdict.observe) {
    // The core keeps only the key of what is not for us; words of strangers do not even reach it.
    return one({ ...identity, addressed: false, raw: '' });
  }
  const { media, notes } = attachmentsOf(message.body, how.fileCap);
  const words = [textOf(message, inGroup && verdict.process, how.me), ...notes].filter((part) => part !== '');
  const { replyTo } = message;
  return one({
    ...identity,
    ...(verdict.process ? {} : { addressed: false }),
    ...(inGroup ? { mentionsMe: mentions(message, how.me) } : {}),
    text: words.join('\n'),
    ...(media.length > 0 ? { media } : {}),
    ...(message.album === undefined ? {} : { group: message.album }),
    ...(chat.title === undefined ? {} : { chatName: chat.title }),
    ...(message.date === undefined ? {} : { sentAt: message.date * 1000 }),
    ...(replyTo
      ? {
          replyTo: {
            id: brand<MessageId>(replyTo.id),
            ...(replyTo.text === undefined ? {} : { text: replyTo.text }),
            mine: replyTo.from?.id === how.me.id,
          },
        }
      : {}),
  });
}

function fromService(message: WireMessage, base: Frame, me: Me): Translated {
  const joined = list(message.body['new_chat_members']).flatMap((item) => parseUser(item) ?? []);
  const left = parseUser(record(message.body['left_chat_member']));
  const changes: (readonly ['join' | 'leave', WireUser])[] = [
    ...joined.map((user) => ['join', user] as const),
    ...(left ? [['leave', left] as const] : []),
  ];
  if (changes.length === 0) return skip('service message', false);
  return {
    events: changes.map(([kind, user]) => ({
      ...base,
      key: brand<EventKey>(`${base.key}:${user.id}`),
      kind,
      from: person(user, me),
      message: brand<MessageId>(message.id),
    })),
  };
}

type Frame = Pick<Inbound, 'key' | 'at' | 'scope' | 'raw'>;

/**
 * Update ids restart at a random number after a week without updates (Bot API, Update), so they alone are not
 * unique for ever: chat and message are part of the key.
 */
function frame(
  update: WireUpdate,
  chat: WireChat,
  thread: string | undefined,
  message: string,
  raw: string,
): Frame {
  const at: Address = {
    chat: brand<ChatId>(chat.id),
    ...(thread === undefined ? {} : { thread: brand<ThreadId>(thread) }),
  };
  return { key: brand<EventKey>(`${update.id}:${chat.id}:${message}`), at, scope: scopeOf(chat), raw };
}

function scopeOf(chat: WireChat): Inbound['scope'] {
  switch (chat.type) {
    case 'private':
      return 'dm';
    case 'group':
    case 'supergroup':
      return 'group';
    case 'channel':
      return 'channel';
    default:
      return chat.type satisfies never;
  }
}

function senderOf(message: WireMessage, me: Me): Sender {
  const { chat, from, senderChat } = message;
  if (chat.type === 'channel') {
    if (from) return person(from, me);
    return { id: brand<SenderId>(chat.id), name: chat.title ?? chat.id, isBot: false, isSelf: false };
  }
  // Anonymous administrators and channels write through a technical account that says nothing about them.
  if (chat.type !== 'private' && senderChat) return hidden(senderChat.title ?? message.authorSignature ?? '');
  if (from) return person(from, me);
  if (chat.type === 'private')
    return { id: brand<SenderId>(chat.id), name: chat.id, isBot: false, isSelf: false };
  return hidden(chat.title ?? '');
}

function person(user: WireUser, me: Me): Sender {
  return {
    id: brand<SenderId>(user.id),
    name: user.name || user.id,
    isBot: user.isBot,
    isSelf: user.id === me.id,
  };
}

function hidden(name: string): Sender {
  return { name, isBot: false, isSelf: false };
}

function textOf(message: WireMessage, triggered: boolean, me: Me): string {
  const suffix = commandSuffix(message, me);
  const ranges = triggered ? triggerRanges(message, me) : suffix ? [suffix] : [];
  let spanned: Spanned = message;
  // From the back, so that earlier ranges keep their place.
  for (const range of [...ranges].sort((a, b) => b.from - a.from)) spanned = cut(spanned, range);
  const markdown = toMarkdown(spanned).trim();
  return markdown.startsWith('/') ? withoutTypography(markdown) : markdown;
}

/** Phones turn two hyphens into a dash, which no option parser knows (telegram §3.2). */
function withoutTypography(command: string): string {
  return command.replace(/—+/g, '--').replaceAll('–', '-');
}

function one(event: Inbound): Translated {
  return { events: [event] };
}

function skip(why: string, warn: boolean): Translated {
  return { skipped: why, warn };
}
