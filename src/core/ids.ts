/**
 * Opaque identifiers. Only an adapter builds or reads the platform ids (`chat`, `thread`, `sender`,
 * `message`, `event`); everyone else passes them on unchanged.
 */

declare const tag: unique symbol;
export type Id<T extends string> = string & { readonly [tag]: T };

/** One bot identity on one platform, e.g. `telegram:8123`. */
export type AccountId = Id<'account'>;
export type ChatId = Id<'chat'>;
export type ThreadId = Id<'thread'>;
export type SenderId = Id<'sender'>;
/** The platform's id of one message. */
export type MessageId = Id<'message'>;
/** Unique per account and equal again when the platform redelivers the same event. */
export type EventKey = Id<'event'>;
/** Our id of one outbound platform write; stable over retries and restarts. */
export type PartKey = Id<'part'>;
/** Resume position of an account, opaque outside its adapter. */
export type Cursor = Id<'cursor'>;
/** Routing key of a conversation, built only by `session/key.ts`. */
export type SessionKey = Id<'session-key'>;
export type TurnId = Id<'turn'>;
/** Follows one message from the inbound to every model call, tool call, log line and part. */
export type TraceId = Id<'trace'>;

/** Brands a string that was built in the right place; a cast with a name that can be searched. */
export function brand<I extends Id<string>>(value: string): I {
  return value as I;
}
