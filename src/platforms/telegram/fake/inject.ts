/** Updates as people cause them. */
import type { Chat, Chats } from './chats.ts';
import type { Updates } from './updates.ts';

export interface InjectedText {
  readonly update: number;
  readonly message: number;
  readonly chat: number;
}

export interface TextOptions {
  /** Default: the private chat of the sender. */
  readonly chat?: Chat;
  /** Default: user 111, Ana. */
  readonly from?: { readonly id: number; readonly first_name?: string; readonly is_bot?: boolean };
  readonly thread?: number;
  /** Id of a message of the same chat. */
  readonly replyTo?: number;
}

export interface Inject {
  /** Any update; text is taken as JSON byte for byte. Without `update_id` it gets the next one. */
  (update: object | string): Promise<void>;
  /** The same as the call itself. */
  update(update: object | string): Promise<void>;
  text(text: string, options?: TextOptions): Promise<InjectedText>;
}

export function createInject(
  bot: { readonly id: number; readonly username: string },
  chats: Chats,
  updates: Updates,
): Inject {
  const update = async (given: object | string): Promise<void> => {
    const parsed = parse(given);
    const id = typeof parsed?.['update_id'] === 'number' ? parsed['update_id'] : updates.nextId;
    const type = Object.keys(parsed ?? {}).find((key) => key !== 'update_id') ?? '';
    const message = parsed?.[type] as
      | { readonly chat?: Chat; readonly message_id?: number }
      | null
      | undefined;
    if (typeof message?.chat?.id === 'number') {
      chats.know(message.chat);
      if (typeof message.message_id === 'number' && !chats.message(message.chat.id, message.message_id)) {
        const text = String((message as { readonly text?: unknown }).text ?? '');
        chats.put({
          id: message.message_id,
          chat: message.chat.id,
          mine: false,
          text,
          entities: [],
          reactions: [],
        });
      }
    }
    const withId = parsed !== undefined && parsed['update_id'] === undefined;
    const raw = withId || typeof given !== 'string' ? JSON.stringify({ update_id: id, ...parsed }) : given;
    updates.add({ id, raw }, type);
  };
  const text = async (words: string, options: TextOptions = {}): Promise<InjectedText> => {
    const from = { id: 111, is_bot: false, first_name: 'Ana', ...options.from };
    const chat: Chat = options.chat ?? { id: from.id, type: 'private' };
    chats.know(chat);
    const message = chats.takeMessageId();
    const entities = entitiesOf(words);
    const replied = options.replyTo === undefined ? undefined : chats.message(chat.id, options.replyTo);
    const update_id = updates.nextId;
    await update({
      update_id,
      message: {
        message_id: message,
        date: Math.floor(Date.now() / 1000),
        chat: chat.type === 'private' ? { ...chat, first_name: from.first_name } : chat,
        from,
        text: words,
        ...(entities.length > 0 ? { entities } : {}),
        ...(options.thread === undefined
          ? {}
          : { message_thread_id: options.thread, is_topic_message: true }),
        ...(replied
          ? {
              reply_to_message: {
                message_id: replied.id,
                date: 0,
                chat,
                from: replied.mine ? { ...bot, is_bot: true, first_name: 'Hermes' } : from,
                text: replied.text,
              },
            }
          : {}),
      },
    });
    return { update: update_id, message, chat: chat.id };
  };
  return Object.assign(update, { update, text });
}

function parse(given: object | string): Record<string, unknown> | undefined {
  if (typeof given !== 'string') return given as Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(given);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Mentions and commands, as the server marks them. */
function entitiesOf(
  text: string,
): readonly { readonly type: string; readonly offset: number; readonly length: number }[] {
  const mentions = [...text.matchAll(/(?<![\w/])@[A-Za-z]\w{3,31}\b/g)].map((match) => ({
    type: 'mention',
    offset: match.index,
    length: match[0].length,
  }));
  const commands = [...text.matchAll(/(?<=^|\s)\/[A-Za-z0-9_]{1,64}(@\w{4,32})?(?=\s|$)/g)].map((match) => ({
    type: 'bot_command',
    offset: match.index,
    length: match[0].length,
  }));
  return [...commands, ...mentions].sort((a, b) => a.offset - b.offset);
}
