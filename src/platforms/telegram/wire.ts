/**
 * The JSON of the Bot API as this adapter reads it (https://core.telegram.org/bots/api#update). Everything from
 * outside is checked here once; behind this file ids are decimal strings and every field has its type.
 * What does not fit is a value (`malformed`), never a throw.
 */

export type Json = Readonly<Record<string, unknown>>;

export interface WireUser {
  readonly id: string;
  readonly isBot: boolean;
  /** First and last name. */
  readonly name: string;
  readonly username?: string;
}

export interface WireChat {
  readonly id: string;
  readonly type: 'private' | 'group' | 'supergroup' | 'channel';
  readonly title?: string;
  readonly isForum: boolean;
}

/** Offset and length in UTF-16 code units, checked to lie inside the text. */
export interface WireEntity {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
  readonly user?: WireUser;
}

export interface WireMessage {
  readonly id: string;
  readonly chat: WireChat;
  /** Already by the rules of telegram §3.1: a bare reply chain is no thread, General is `1`. */
  readonly thread?: string;
  readonly from?: WireUser;
  readonly senderChat?: WireChat;
  readonly authorSignature?: string;
  /** UTC seconds. */
  readonly date?: number;
  /** Text or caption. */
  readonly text: string;
  readonly entities: readonly WireEntity[];
  readonly album?: string;
  readonly replyTo?: { readonly id: string; readonly text?: string; readonly from?: WireUser };
  /** The whole object, for attachments and service messages. */
  readonly body: Json;
}

export type WireEvent =
  | { readonly kind: 'message'; readonly edited: boolean; readonly message: WireMessage }
  | { readonly kind: 'button'; readonly from: WireUser; readonly data: string; readonly message: WireMessage }
  | {
      readonly kind: 'reaction';
      readonly chat: WireChat;
      readonly message: string;
      readonly from?: WireUser;
      readonly emoji: string;
    }
  | {
      readonly kind: 'member';
      readonly chat: WireChat;
      readonly member: WireUser;
      readonly was: boolean;
      readonly is: boolean;
    }
  /** A type of update we did not ask for. */
  | { readonly kind: 'other'; readonly name: string }
  | { readonly kind: 'malformed'; readonly why: string };

export interface WireUpdate {
  /** Absent when the update has no usable id. */
  readonly id: number | undefined;
  readonly event: WireEvent;
}

/** What `allowed_updates` asks for: exactly what is translated. */
export const subscribed = [
  'message',
  'edited_message',
  'channel_post',
  'edited_channel_post',
  'callback_query',
  'message_reaction',
  'my_chat_member',
  'chat_member',
] as const;

/** More entities than any message may have; the rest of a forged list is not looked at. */
const maxEntities = 400;

/**
 * Like JSON.parse, but integers that a double cannot hold become bigints, so that ids stay exact. The slow way is
 * taken only for texts that hold such a long run of digits.
 */
export function parseExact(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, ((_key: string, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    const source = context?.source ?? '';
    return /^-?\d{1,40}$/.test(source) ? BigInt(source) : value;
  }) as Parameters<typeof JSON.parse>[1]);
}

/** JSON text of a request; bigints are written as the numbers they are. */
export function printExact(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? rawJson(inner) : inner,
  );
}

function rawJson(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}

export function parseUpdate(value: unknown): WireUpdate {
  const update = record(value);
  if (update === undefined) return { id: undefined, event: { kind: 'malformed', why: 'not an object' } };
  const id = update['update_id'];
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
    return { id: undefined, event: { kind: 'malformed', why: 'no update_id' } };
  return { id, event: parseEvent(update) };
}

function parseEvent(update: Json): WireEvent {
  const name =
    subscribed.find((type) => Object.hasOwn(update, type)) ??
    Object.keys(update).find((key) => key !== 'update_id');
  if (name === undefined) return { kind: 'malformed', why: 'empty update' };
  const body = record(update[name]);
  if (body === undefined) return { kind: 'malformed', why: `${label(name)} is not an object` };
  switch (name) {
    case 'message':
    case 'edited_message':
    case 'channel_post':
    case 'edited_channel_post': {
      const message = parseMessage(body);
      if (message === undefined) return { kind: 'malformed', why: `${name} without chat or message_id` };
      return { kind: 'message', edited: name.startsWith('edited'), message };
    }
    case 'callback_query': {
      const from = parseUser(body['from']);
      const message = parseMessage(record(body['message']) ?? {});
      if (from === undefined || message === undefined)
        return { kind: 'malformed', why: 'callback_query without sender or message' };
      return { kind: 'button', from, data: text(body['data']) ?? '', message };
    }
    case 'message_reaction': {
      const chat = parseChat(body['chat']);
      const message = integer(body['message_id']);
      if (chat === undefined || message === undefined)
        return { kind: 'malformed', why: 'message_reaction without chat or message_id' };
      const from = parseUser(body['user']);
      const emoji = list(body['new_reaction']).flatMap((item) => text(record(item)?.['emoji']) ?? []);
      return {
        kind: 'reaction',
        chat,
        message,
        ...(from ? { from } : {}),
        emoji: emoji.slice(0, 11).join(''),
      };
    }
    case 'my_chat_member':
    case 'chat_member': {
      const chat = parseChat(body['chat']);
      const now = record(body['new_chat_member']);
      const member = parseUser(now?.['user']);
      if (chat === undefined || member === undefined)
        return { kind: 'malformed', why: `${name} without chat or member` };
      return { kind: 'member', chat, member, was: isIn(record(body['old_chat_member'])), is: isIn(now) };
    }
    default:
      return { kind: 'other', name: label(name) };
  }
}

function isIn(member: Json | undefined): boolean {
  const status = member?.['status'];
  if (status === 'restricted') return member?.['is_member'] === true;
  return status === 'creator' || status === 'administrator' || status === 'member';
}

function parseMessage(body: Json): WireMessage | undefined {
  const id = integer(body['message_id']);
  const chat = parseChat(body['chat']);
  if (id === undefined || chat === undefined) return undefined;
  const content = text(body['text']) ?? text(body['caption']) ?? '';
  const thread = threadOf(body, chat);
  const from = parseUser(body['from']);
  const senderChat = parseChat(body['sender_chat']);
  const authorSignature = text(body['author_signature']);
  const date = body['date'];
  const album = text(body['media_group_id']);
  const replyTo = parseReply(body);
  return {
    id,
    chat,
    ...(thread === undefined ? {} : { thread }),
    ...(from ? { from } : {}),
    ...(senderChat ? { senderChat } : {}),
    ...(authorSignature === undefined ? {} : { authorSignature }),
    ...(typeof date === 'number' && date > 0 ? { date } : {}),
    text: content,
    entities: parseEntities(
      body['text'] === undefined ? body['caption_entities'] : body['entities'],
      content.length,
    ),
    ...(album === undefined ? {} : { album }),
    ...(replyTo ? { replyTo } : {}),
    body,
  };
}

function threadOf(body: Json, chat: WireChat): string | undefined {
  const thread = integer(body['message_thread_id']);
  const isTopic = body['is_topic_message'] === true;
  if (chat.type === 'private') return isTopic ? thread : undefined;
  if (chat.type === 'channel') return undefined;
  if (isTopic || chat.isForum) return thread ?? (chat.isForum ? '1' : undefined);
  return undefined;
}

function parseReply(body: Json): WireMessage['replyTo'] {
  const reply = record(body['reply_to_message']);
  const id = integer(reply?.['message_id']);
  if (reply === undefined || id === undefined) return undefined;
  // The first message of a topic is "replied to" by every message of the topic: no reply of a person.
  if (record(reply['forum_topic_created']) !== undefined) return undefined;
  const quoted = text(record(body['quote'])?.['text']) ?? text(reply['text']) ?? text(reply['caption']);
  const from = parseUser(reply['from']);
  return { id, ...(quoted === undefined ? {} : { text: quoted }), ...(from ? { from } : {}) };
}

function parseEntities(value: unknown, length: number): readonly WireEntity[] {
  return list(value)
    .slice(0, maxEntities)
    .flatMap((item) => {
      const entity = record(item);
      const type = text(entity?.['type']);
      const offset = entity?.['offset'];
      const size = entity?.['length'];
      if (entity === undefined || type === undefined) return [];
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(size)) return [];
      const [from, span] = [offset as number, size as number];
      if (from < 0 || span <= 0 || from + span > length) return [];
      const url = text(entity['url']);
      const language = text(entity['language']);
      const user = parseUser(entity['user']);
      return [
        {
          type,
          offset: from,
          length: span,
          ...(url === undefined ? {} : { url }),
          ...(language === undefined ? {} : { language }),
          ...(user ? { user } : {}),
        },
      ];
    });
}

export function parseUser(value: unknown): WireUser | undefined {
  const user = record(value);
  const id = integer(user?.['id']);
  if (user === undefined || id === undefined) return undefined;
  const name = [text(user['first_name']), text(user['last_name'])].filter((part) => part).join(' ');
  const username = text(user['username']);
  return {
    id,
    isBot: user['is_bot'] === true,
    name: oneLine(name, 128),
    ...(username === undefined ? {} : { username }),
  };
}

function parseChat(value: unknown): WireChat | undefined {
  const chat = record(value);
  const id = integer(chat?.['id']);
  const type = chat?.['type'];
  if (chat === undefined || id === undefined) return undefined;
  if (type !== 'private' && type !== 'group' && type !== 'supergroup' && type !== 'channel') return undefined;
  const title = text(chat['title']);
  return {
    id,
    type,
    ...(title === undefined ? {} : { title: oneLine(title, 256) }),
    isForum: chat['is_forum'] === true,
  };
}

export function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** An integer of any size as its decimal text. */
export function integer(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'number' && Number.isSafeInteger(value) ? value.toString() : undefined;
}

/** Text of strangers for one line of ours: no line breaks, bounded. */
export function oneLine(value: string, max: number): string {
  const flat = value.replace(/\s+/g, ' ').trim();
  return flat.length <= max
    ? flat
    : `${flat
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`;
}

function label(name: string): string {
  return oneLine(name, 40);
}
