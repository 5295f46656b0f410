/**
 * Which request id answers which message and which chat. They belong to one connection: the server refuses those of
 * an earlier one (846605), so every connection starts without any.
 */
import { quotePrefix } from './inbound.ts';

/** Oldest out (wecom §3.1). */
const most = 1000;

export class ReplyContexts {
  readonly #byMessage = new Map<string, string>();
  readonly #byChat = new Map<string, string>();

  remember(chat: string, message: string | undefined, reqId: string): void {
    if (message !== undefined) put(this.#byMessage, message, reqId);
    put(this.#byChat, chat, reqId);
  }

  /** For an answer to `message`, else for the newest message of the chat. */
  find(chat: string, message: string | undefined): string | undefined {
    const asked = message === undefined || message.startsWith(quotePrefix) ? undefined : message;
    return (asked === undefined ? undefined : this.#byMessage.get(asked)) ?? this.#byChat.get(chat);
  }

  /** The request id is used up, refused or in doubt. */
  forget(reqId: string): void {
    for (const map of [this.#byMessage, this.#byChat])
      for (const [key, value] of map) if (value === reqId) map.delete(key);
  }
}

function put(map: Map<string, string>, key: string, value: string): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > most ? map.keys().next() : undefined;
  if (oldest?.done === false) map.delete(oldest.value);
}
