/** The methods of the fake: each checks like the Bot API, changes the state and gives the `result`. */
import type { Chats, ShownMessage } from './chats.ts';
import { Refusal, readText } from './chats.ts';
import type { Flood } from './flood.ts';
import { type Params, reactions } from './schema.ts';
import type { Updates } from './updates.ts';

export interface StoredFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What changed, for the demo's terminal and for tests. */
export type Shown =
  | { readonly kind: 'send' | 'edit' | 'delete' | 'react'; readonly message: ShownMessage }
  | { readonly kind: 'typing'; readonly chat: number; readonly thread?: number };

export interface World {
  readonly bot: { readonly id: number; readonly username: string };
  readonly chats: Chats;
  readonly updates: Updates;
  readonly flood: Flood;
  readonly files: ReadonlyMap<string, StoredFile>;
  show(shown: Shown): void;
}

/** Largest file the public server lets bots fetch. */
const maxFileBytes = 20 * 1024 * 1024;
/** The longest wait the fake grants a long poll, in seconds. */
const maxPollSeconds = 50;

const chatActions = new Set(
  (
    'typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker ' +
    'find_location record_video_note upload_video_note'
  ).split(' '),
);

type Method = (world: World, params: Params, gone: AbortSignal) => unknown;

/** A text that is already JSON, because updates are passed on byte for byte. */
export class RawResult {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

export const methods: Readonly<Record<string, Method>> = {
  getMe: ({ bot }) => ({
    ...botUser(bot),
    can_join_groups: true,
    can_read_all_group_messages: true,
    supports_inline_queries: false,
    has_topics_enabled: false,
    allows_users_to_create_topics: false,
  }),
  async getUpdates({ updates }, params, gone) {
    updates.allow(params['allowed_updates']);
    const limit = number(params['limit']) ?? 100;
    const found = await updates.get(
      {
        offset: number(params['offset']),
        limit: Math.min(100, Math.max(1, limit)),
        timeoutMs: Math.min(maxPollSeconds, number(params['timeout']) ?? 0) * 1000,
      },
      gone,
    );
    return new RawResult(`[${found.map((update) => update.raw).join(',')}]`);
  },
  setWebhook({ updates }, params) {
    const url = String(params['url']);
    const secret = params['secret_token'];
    if (secret !== undefined && !/^[A-Za-z0-9_-]{1,256}$/.test(String(secret)))
      throw new Refusal(400, 'Bad Request: secret token contains unallowed characters');
    if (url !== '' && !URL.canParse(url)) throw new Refusal(400, 'Bad Request: bad webhook: invalid URL');
    updates.allow(params['allowed_updates']);
    const webhook =
      url === '' ? undefined : { url, secret: secret === undefined ? undefined : String(secret) };
    updates.setWebhook(webhook, params['drop_pending_updates'] === true);
    return true;
  },
  deleteWebhook({ updates }, params) {
    updates.setWebhook(undefined, params['drop_pending_updates'] === true);
    return true;
  },
  getWebhookInfo: ({ updates }) => updates.webhookInfo(),
  sendMessage(world, params) {
    const { chats, flood } = world;
    const { text, entities } = readText(params);
    const chat = chats.reachable(params['chat_id']);
    const thread = chats.thread(chat, params['message_thread_id']);
    const replyTo = chats.replyTo(chat, params['reply_parameters']);
    flood.check(chat);
    const message: ShownMessage = {
      id: chats.takeMessageId(),
      chat: chat.id,
      mine: true,
      text,
      entities,
      ...(thread === undefined ? {} : { thread }),
      ...(replyTo === undefined ? {} : { replyTo }),
      reactions: [],
    };
    chats.put(message);
    world.show({ kind: 'send', message });
    return wireMessage(world, message);
  },
  editMessageText(world, params) {
    const { text, entities } = readText(params);
    const message = target(world, params, 'edit');
    if (!message.mine) throw new Refusal(400, "Bad Request: message can't be edited");
    if (message.text === text && JSON.stringify(message.entities) === JSON.stringify(entities)) {
      const why = 'specified new message content and reply markup are exactly the same as a current content';
      throw new Refusal(400, `Bad Request: message is not modified: ${why} and reply markup of the message`);
    }
    message.text = text;
    message.entities = entities;
    world.show({ kind: 'edit', message });
    return wireMessage(world, message);
  },
  deleteMessage(world, params) {
    const message = target(world, params, 'delete');
    world.chats.remove(message.chat, message.id);
    world.show({ kind: 'delete', message });
    return true;
  },
  setMessageReaction(world, params) {
    const message = target(world, params, 'react to');
    const wanted = (params['reaction'] ?? []) as readonly { readonly emoji?: string }[];
    if (wanted.length > 1) throw new Refusal(400, 'Bad Request: REACTIONS_TOO_MANY');
    const emoji = wanted.map((reaction) => reaction.emoji ?? '');
    if (!emoji.every((one) => reactions.includes(one)))
      throw new Refusal(400, 'Bad Request: REACTION_INVALID');
    message.reactions = emoji;
    world.show({ kind: 'react', message });
    return true;
  },
  sendChatAction(world, params) {
    if (!chatActions.has(String(params['action'])))
      throw new Refusal(400, 'Bad Request: wrong parameter action in request');
    const chat = world.chats.reachable(params['chat_id']);
    const thread = number(params['message_thread_id']);
    world.show({ kind: 'typing', chat: chat.id, ...(thread === undefined ? {} : { thread }) });
    return true;
  },
  getFile({ files }, params) {
    const id = String(params['file_id']);
    const file = files.get(id);
    if (file === undefined)
      throw new Refusal(400, 'Bad Request: wrong file_id or the file is temporarily unavailable');
    const size = file.bytes.byteLength;
    if (size > maxFileBytes) throw new Refusal(400, 'Bad Request: file is too big');
    return { file_id: id, file_unique_id: `u${id}`, file_size: size, file_path: file.path };
  },
};

/** Calls that change what people see; they make the `seen` log. */
export const writes: ReadonlySet<string> = new Set([
  'sendMessage',
  'editMessageText',
  'deleteMessage',
  'setMessageReaction',
]);

function target({ chats }: World, params: Params, verb: string): ShownMessage {
  const chat = chats.reachable(params['chat_id']);
  const id = params['message_id'];
  const message = typeof id === 'number' ? chats.message(chat.id, id) : undefined;
  if (message === undefined) throw new Refusal(400, `Bad Request: message to ${verb} not found`);
  return message;
}

function botUser(bot: World['bot']): Readonly<Record<string, unknown>> {
  return { id: bot.id, is_bot: true, first_name: 'Hermes', username: bot.username };
}

function wireMessage({ bot, chats }: World, message: ShownMessage): Readonly<Record<string, unknown>> {
  return {
    message_id: message.id,
    date: Math.floor(Date.now() / 1000),
    chat: chats.reachable(message.chat),
    from: botUser(bot),
    text: message.text,
    ...(message.entities.length > 0 ? { entities: message.entities } : {}),
    ...(message.thread === undefined ? {} : { message_thread_id: message.thread, is_topic_message: true }),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
