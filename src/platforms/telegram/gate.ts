/**
 * Which group messages are for us (telegram §3.3). Pure: the answer depends on the message and the settings alone.
 * Entities decide, never substrings; their offsets are UTF-16 code units, which are JavaScript's string indices.
 */
import type { Log } from '../../core/log.ts';
import type { TelegramConfig } from './config.ts';
import type { WireEntity, WireMessage, WireUser } from './wire.ts';

/** The bot itself, from `getMe`. */
export interface Me {
  readonly id: string;
  readonly username: string;
}

export interface GateRules {
  readonly allowedChats: ReadonlySet<string>;
  readonly allowedTopics: ReadonlySet<string>;
  readonly ignoredThreads: ReadonlySet<string>;
  readonly freeResponseChats: ReadonlySet<string>;
  readonly mentionPatterns: readonly RegExp[];
  readonly requireMention: boolean;
  readonly exclusiveBotMentions: boolean;
  readonly guestMode: boolean;
  readonly observe: boolean;
}

export type Refusal =
  | 'topic-not-allowed'
  | 'thread-ignored'
  | 'other-bot-named'
  | 'chat-not-allowed'
  | 'not-mentioned';

export type Verdict =
  | { readonly process: true }
  /** `observe`: kept as context of the chat, without an answer (telegram §3.4). */
  | { readonly process: false; readonly why: Refusal; readonly observe: boolean };

type GateMessage = Pick<WireMessage, 'chat' | 'thread' | 'text' | 'entities' | 'replyTo'>;

/** Compiles the settings; what cannot be used is said once and left out. */
export function gateRules(config: TelegramConfig, log: Log): GateRules {
  const mentionPatterns = config.mention_patterns.flatMap((source) => {
    try {
      return [new RegExp(source, 'i')];
    } catch {
      log('warn', 'telegram.bad_mention_pattern', { pattern: source, key: 'mention_patterns' });
      return [];
    }
  });
  const numeric = config.ignored_threads.filter((id) => {
    if (/^\d+$/.test(id)) return true;
    log('warn', 'telegram.bad_thread_id', { value: id, key: 'ignored_threads' });
    return false;
  });
  return {
    allowedChats: new Set(config.allowed_chats),
    allowedTopics: new Set(config.allowed_topics),
    ignoredThreads: new Set(numeric),
    freeResponseChats: new Set(config.free_response_chats),
    mentionPatterns,
    requireMention: config.require_mention,
    exclusiveBotMentions: config.exclusive_bot_mentions,
    guestMode: config.guest_mode,
    observe: config.observe_unmentioned_group_messages,
  };
}

/** For messages of groups and supergroups only; the order of the steps is the specified one. */
export function gate(message: GateMessage, me: Me, rules: GateRules): Verdict {
  const { chat, thread } = message;
  if (rules.allowedTopics.size > 0 && !rules.allowedTopics.has(thread ?? '1'))
    return refuse('topic-not-allowed');
  if (thread !== undefined && rules.ignoredThreads.has(thread)) return refuse('thread-ignored');
  if (rules.exclusiveBotMentions) {
    const named = namedBots(message);
    if (named.length > 0 && !named.includes(me.username.toLowerCase()) && !mentions(message, me))
      return refuse('other-bot-named');
  }
  const mentioned = mentions(message, me);
  const chatAllowed = rules.allowedChats.size === 0 || rules.allowedChats.has(chat.id);
  const guest = rules.guestMode && mentioned;
  if (!chatAllowed && !guest) return refuse('chat-not-allowed');
  if (guest) return { process: true };
  if (rules.freeResponseChats.has(chat.id)) return { process: true };
  if (!rules.requireMention) return { process: true };
  if (message.replyTo?.from?.id === me.id) return { process: true };
  if (mentioned) return { process: true };
  if (rules.mentionPatterns.some((pattern) => pattern.test(message.text))) return { process: true };
  return { process: false, why: 'not-mentioned', observe: rules.observe };
}

function refuse(why: Refusal): Verdict {
  return { process: false, why, observe: false };
}

/** True when an entity names us: `@username`, a name link to our id, or `/command@username`. */
export function mentions(message: Pick<WireMessage, 'text' | 'entities'>, me: Me): boolean {
  return message.entities.some((entity) => isMine(entity, message.text, me));
}

function isMine(entity: WireEntity, text: string, me: Me): boolean {
  const at = `@${me.username}`.toLowerCase();
  switch (entity.type) {
    case 'mention':
      return textOf(entity, text).toLowerCase() === at;
    case 'text_mention':
      return entity.user?.id === me.id;
    case 'bot_command':
      return textOf(entity, text).toLowerCase().endsWith(at);
    default:
      return false;
  }
}

/** User names of bots the message names, lower case. The text itself is searched only if there are no entities. */
function namedBots(message: Pick<WireMessage, 'text' | 'entities'>): readonly string[] {
  const { text, entities } = message;
  if (entities.length === 0) {
    const names = text.matchAll(/(?<![A-Za-z0-9_`/])@([A-Za-z0-9_]{2,29}bot)\b/gi);
    return [...names].map((match) => (match[1] ?? '').toLowerCase());
  }
  return entities.flatMap((entity) => {
    if (entity.type !== 'mention' && entity.type !== 'bot_command') return [];
    const name = textOf(entity, text).toLowerCase().split('@')[1];
    return name?.endsWith('bot') ? [name] : [];
  });
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What to cut out of a triggered message: the first `@username` with the separators that follow it, unless nothing
 * would be left, and the `@username` of a command.
 */
export function triggerRanges(message: Pick<WireMessage, 'text' | 'entities'>, me: Me): readonly Range[] {
  const { text, entities } = message;
  const ranges: Range[] = [];
  const mention = entities.find((entity) => entity.type === 'mention' && isMine(entity, text, me));
  if (mention !== undefined) {
    const end = mention.offset + mention.length;
    const to = end + (/^[,:\-\s]*/.exec(text.slice(end))?.[0].length ?? 0);
    if ((text.slice(0, mention.offset) + text.slice(to)).trim() !== '')
      ranges.push({ from: mention.offset, to });
  }
  const command = commandSuffix(message, me);
  if (command !== undefined) ranges.push(command);
  return ranges;
}

/** The `@username` of `/command@username` at the start of the text. */
export function commandSuffix(message: Pick<WireMessage, 'text' | 'entities'>, me: Me): Range | undefined {
  const { text, entities } = message;
  const entity = entities.find((item) => item.type === 'bot_command' && item.offset === 0);
  if (entity === undefined || !isMine(entity, text, me)) return undefined;
  return { from: entity.length - me.username.length - 1, to: entity.length };
}

function textOf(entity: WireEntity, text: string): string {
  return text.slice(entity.offset, entity.offset + entity.length);
}

export function meOf(user: WireUser): Me {
  return { id: user.id, username: user.username ?? '' };
}
