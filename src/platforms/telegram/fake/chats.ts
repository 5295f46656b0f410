/** Chats and messages of the fake: what the user of the other end would see. */
import type { Entity } from '../markdown-v2.ts';
import { BadEntities, parseMarkdownV2 } from '../markdown-v2.ts';
import type { Params } from './schema.ts';

export interface Chat {
  readonly id: number;
  readonly type: 'private' | 'group' | 'supergroup' | 'channel';
  readonly title?: string;
  readonly is_forum?: boolean;
}

export interface ShownMessage {
  readonly id: number;
  readonly chat: number;
  readonly mine: boolean;
  text: string;
  entities: readonly Entity[];
  readonly thread?: number;
  readonly replyTo?: number;
  reactions: readonly string[];
}

/** What the Bot API refuses, with its words. */
export class Refusal extends Error {
  readonly status: number;
  readonly parameters: Readonly<Record<string, number>> | undefined;
  constructor(status: number, description: string, parameters?: Readonly<Record<string, number>>) {
    super(description);
    this.name = 'Refusal';
    this.status = status;
    this.parameters = parameters;
  }
}

export const maxTextUnits = 4096;

export class Chats {
  readonly #chats = new Map<number, Chat>();
  readonly #messages = new Map<string, ShownMessage>();
  readonly #blocked = new Set<number>();
  readonly #moved = new Map<number, number>();
  readonly #deletedTopics = new Set<string>();
  #nextMessage = 1;

  know(chat: Chat): void {
    if (!this.#chats.has(chat.id)) this.#chats.set(chat.id, chat);
  }

  block(chat: number, blocked: boolean): void {
    if (blocked) this.#blocked.add(chat);
    else this.#blocked.delete(chat);
  }

  migrate(from: number, to: number): void {
    const chat = this.#chats.get(from);
    this.#moved.set(from, to);
    if (chat) this.know({ ...chat, id: to, type: 'supergroup' });
  }

  deleteTopic(chat: number, thread: number): void {
    this.#deletedTopics.add(`${chat}:${thread}`);
  }

  takeMessageId(): number {
    return this.#nextMessage++;
  }

  all(): readonly ShownMessage[] {
    return [...this.#messages.values()];
  }

  put(message: ShownMessage): void {
    this.#messages.set(`${message.chat}:${message.id}`, message);
    this.#nextMessage = Math.max(this.#nextMessage, message.id + 1);
  }

  remove(chat: number, id: number): boolean {
    return this.#messages.delete(`${chat}:${id}`);
  }

  message(chat: number, id: number): ShownMessage | undefined {
    return this.#messages.get(`${chat}:${id}`);
  }

  /** The chat a call is about, or the refusal that the Bot API gives. */
  reachable(chatId: unknown): Chat {
    const id = typeof chatId === 'string' && /^-?\d+$/.test(chatId) ? Number(chatId) : chatId;
    const chat = typeof id === 'number' ? this.#chats.get(id) : undefined;
    if (chat === undefined) throw new Refusal(400, 'Bad Request: chat not found');
    const to = this.#moved.get(chat.id);
    if (to !== undefined)
      throw new Refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: to,
      });
    if (this.#blocked.has(chat.id)) {
      const why =
        chat.type === 'private' ? 'bot was blocked by the user' : 'bot was kicked from the group chat';
      throw new Refusal(403, `Forbidden: ${why}`);
    }
    return chat;
  }

  /** The thread a message goes to. Topics exist in forums and in private chats only. */
  thread(chat: Chat, value: unknown): number | undefined {
    if (value === undefined) return undefined;
    const isTopicChat = chat.is_forum === true || chat.type === 'private';
    // The General topic has no thread id in sends.
    if (
      typeof value !== 'number' ||
      !isTopicChat ||
      value === 1 ||
      this.#deletedTopics.has(`${chat.id}:${value}`)
    )
      throw new Refusal(400, 'Bad Request: message thread not found');
    return value;
  }

  replyTo(chat: Chat, value: unknown): number | undefined {
    if (value === undefined) return undefined;
    const reply = value as { readonly message_id?: number; readonly allow_sending_without_reply?: boolean };
    if (reply.message_id !== undefined && this.message(chat.id, reply.message_id)) return reply.message_id;
    if (reply.allow_sending_without_reply === true) return undefined;
    throw new Refusal(400, 'Bad Request: message to be replied not found');
  }
}

/** The text a reader sees; refuses like the Bot API what it cannot parse, what is empty and what is too long. */
export function readText(params: Params): { readonly text: string; readonly entities: readonly Entity[] } {
  const source = typeof params['text'] === 'string' ? params['text'] : '';
  const mode = params['parse_mode'];
  let parsed: { readonly text: string; readonly entities: readonly Entity[] } = {
    text: source,
    entities: [],
  };
  if (mode === 'MarkdownV2') {
    try {
      parsed = parseMarkdownV2(source);
    } catch (error) {
      if (!(error instanceof BadEntities)) throw error;
      throw new Refusal(400, `Bad Request: can't parse entities: ${error.message}`);
    }
  } else if (mode !== undefined) {
    throw new Refusal(400, 'Bad Request: unsupported parse_mode');
  }
  if (parsed.text.trim() === '') throw new Refusal(400, 'Bad Request: message text is empty');
  if (parsed.text.length > maxTextUnits) throw new Refusal(400, 'Bad Request: message is too long');
  return parsed;
}
