import type { ChatId, EventKey, MessageId, SenderId, ThreadId } from './ids.ts';

export interface Address {
  readonly chat: ChatId;
  readonly thread?: ThreadId;
}

/** Where an answer goes: a platform's home channel, or one chat of it. `log` = only into the log. */
export interface DeliveryTarget {
  readonly platform: string;
  readonly chat?: string;
  readonly thread?: string;
}

/** One event from a platform, stored before it is acknowledged. */
export interface Inbound {
  readonly key: EventKey;
  readonly at: Address;
  readonly kind: 'message' | 'edit' | 'delete' | 'reaction' | 'button' | 'join' | 'leave';
  readonly scope: 'dm' | 'group' | 'channel';
  readonly from: Sender;
  readonly message?: MessageId;
  readonly replyTo?: { readonly id: MessageId; readonly text?: string; readonly mine?: boolean };
  /** Already Markdown; the trigger mention is removed. */
  readonly text?: string;
  /** False = the adapter's group gate says this is not for us; kept only as context. Default true. */
  readonly addressed?: boolean;
  readonly mentionsMe?: boolean;
  readonly media?: readonly MediaRef[];
  /** Events of one album share it and become one turn. */
  readonly group?: string;
  readonly chatName?: string;
  /** Nothing will ever continue this conversation: one delivery of a webhook. Its transcript is not kept for ever. */
  readonly single?: true;
  /** The answer goes there instead of to `at`. */
  readonly answerTo?: DeliveryTarget;
  /**
   * Waits so long before its turn begins. Until then a newer event of its chat that also has it takes its place, text
   * and wait included: one turn reads the newest.
   */
  readonly coalesce?: { readonly waitMs: number };
  /** Tool sets of this turn instead of the platform's; from the operator's configuration only. */
  readonly toolsets?: readonly string[];
  /** The platform's clock in UTC milliseconds; display and age only. */
  readonly sentAt?: number;
  /** Exact platform bytes, for the journal and replay. */
  readonly raw: string;
}

export interface Sender {
  /** Absent for senders the platform hides (anonymous admins). */
  readonly id?: SenderId;
  readonly name: string;
  readonly isBot: boolean;
  readonly isSelf: boolean;
}

export interface MediaRef {
  /** What `Adapter.media` takes to fetch the bytes. */
  readonly ref: string;
  readonly kind: 'image' | 'audio' | 'voice' | 'video' | 'file' | 'sticker';
  readonly mime: string;
  readonly bytes?: number;
  readonly name?: string;
}
