import { brand, type SessionKey } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';

/**
 * Routing keys of conversations (gateway-core §4.1). Nobody else builds a SessionKey from a chat, so that `/stop`,
 * approvals and the transcript always agree. A key is never parsed again: chat ids may contain `:`.
 */
export interface KeyRules {
  /** In groups every member has a conversation of their own. */
  readonly groupPerUser: boolean;
  /** … also inside threads. */
  readonly threadPerUser: boolean;
}

export function chatSessionKey(
  platform: string,
  event: Pick<Inbound, 'at' | 'scope' | 'from'>,
  rules: KeyRules,
): SessionKey {
  const { chat, thread } = event.at;
  const sender = event.from.id;
  const perUser = rules.groupPerUser && (thread === undefined || rules.threadPerUser);
  const parts: (string | undefined)[] =
    event.scope === 'dm'
      ? ['dm', chat === '' ? sender : chat, thread]
      : [event.scope, chat, thread, perUser ? sender : undefined];
  const known = parts.filter((part) => part !== undefined && part !== '');
  return brand<SessionKey>(['agent', 'main', platform, ...known].join(':'));
}

/** True when several people share the conversation, so that each text is marked with its sender's name. */
export function isShared(event: Pick<Inbound, 'at' | 'scope'>, rules: KeyRules): boolean {
  if (event.scope === 'dm') return false;
  return !(rules.groupPerUser && (event.at.thread === undefined || rules.threadPerUser));
}
