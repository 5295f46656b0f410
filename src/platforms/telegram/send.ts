/**
 * One part → one effect. A call the server refused for a reason that can be mended (chat moved, topic or replied
 * message gone) is repeated with the mended request, at most once per reason; only the last answer counts.
 */
import type { Log } from '../../core/log.ts';
import type { Part, PartOp } from '../contract.ts';
import type { Answer } from './call.ts';
import type { TelegramConfig } from './config.ts';

export interface Request {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type Settings = Pick<TelegramConfig, 'reply_to_mode' | 'disable_link_previews'>;

/** Groups and channels have negative ids. */
const isPrivate = (part: Part) => !part.at.chat.startsWith('-');

/** `undefined` = an id in it is none of Telegram's. */
export function requestOf(part: Part, settings: Settings): Request | undefined {
  const { op } = part;
  const chat_id = numeric(part.at.chat);
  if (chat_id === undefined) return undefined;
  if (op.kind === 'send')
    return { method: 'sendMessage', params: { chat_id, ...sendParams(part, op, settings) } };
  const message_id = numeric(op.target);
  if (message_id === undefined) return undefined;
  switch (op.kind) {
    case 'edit':
      return { method: 'editMessageText', params: { chat_id, message_id, ...body(op.body, settings) } };
    case 'delete':
      return { method: 'deleteMessage', params: { chat_id, message_id } };
    case 'react': {
      const reaction = op.emoji === '' ? [] : [{ type: 'emoji', emoji: op.emoji }];
      return { method: 'setMessageReaction', params: { chat_id, message_id, reaction } };
    }
    default:
      return op satisfies never;
  }
}

function sendParams(
  part: Part,
  op: Extract<PartOp, { kind: 'send' }>,
  settings: Settings,
): Request['params'] {
  const { thread } = part.at;
  const inTopic = thread !== undefined && !isPrivate(part);
  const thread_id = thread === undefined || (inTopic && thread === '1') ? undefined : numeric(thread);
  // The topic itself shows what is answered; in private topics the anchor is what keeps the message in the topic.
  const anchor =
    settings.reply_to_mode === 'off' || inTopic || op.replyTo === undefined ? undefined : numeric(op.replyTo);
  return {
    ...(thread_id === undefined ? {} : { message_thread_id: thread_id }),
    ...body(op.body, settings),
    ...(anchor === undefined
      ? {}
      : { reply_parameters: { message_id: anchor, allow_sending_without_reply: true } }),
    ...(op.silent === true ? { disable_notification: true } : {}),
  };
}

function body(
  rendered: { readonly text: string; readonly mode?: string },
  settings: Settings,
): Request['params'] {
  return {
    text: rendered.text,
    ...(rendered.mode === undefined ? {} : { parse_mode: rendered.mode }),
    ...(settings.disable_link_previews ? { link_preview_options: { is_disabled: true } } : {}),
  };
}

/** Ids leave as numbers; above 2^53 as bigints, which `printExact` writes exactly. */
export function numeric(id: string): number | bigint | undefined {
  if (!/^-?\d{1,30}$/.test(id)) return undefined;
  const value = Number(id);
  return Number.isSafeInteger(value) ? value : BigInt(id);
}

type Repair = 'chat' | 'thread-again' | 'thread-drop' | 'reply-drop';

/**
 * Sends with the repairs of telegram §4.3. `migrated` is told when the chat has a new id. Rejects like `perform`;
 * a rejection never follows a call that may have been executed, because only refusals are repeated.
 */
export async function sendRepaired(
  first: Request,
  part: Part,
  perform: (request: Request) => Promise<Answer>,
  told: { readonly log: Log; migrated(to: string): void },
): Promise<Answer> {
  const tried = new Set<Repair>();
  let request = first;
  for (;;) {
    const answer = await perform(request);
    if (answer.kind !== 'refused') return answer;
    const repair = repairOf(answer, request, part, tried);
    if (repair === undefined) return answer;
    tried.add(repair);
    told.log('warn', 'telegram.send_repaired', { repair, part: part.key, why: answer.description });
    const { message_thread_id, reply_parameters, ...rest } = request.params;
    const thread = message_thread_id === undefined ? {} : { message_thread_id };
    const reply = reply_parameters === undefined ? {} : { reply_parameters };
    switch (repair) {
      case 'chat':
        told.migrated(answer.migrateTo ?? '');
        // Topics and messages of the old chat do not exist under the new id.
        request = { ...request, params: { ...rest, chat_id: numeric(answer.migrateTo ?? '') } };
        break;
      case 'thread-again':
        break;
      case 'thread-drop':
        request = { ...request, params: { ...rest, ...reply } };
        break;
      case 'reply-drop':
        request = { ...request, params: { ...rest, ...thread } };
        break;
      default:
        return repair satisfies never;
    }
  }
}

function repairOf(
  answer: Extract<Answer, { kind: 'refused' }>,
  request: Request,
  part: Part,
  tried: ReadonlySet<Repair>,
): Repair | undefined {
  const once = (repair: Repair) => (tried.has(repair) ? undefined : repair);
  if (part.op.kind !== 'send' || answer.status !== 400) return undefined;
  if (answer.migrateTo !== undefined) return once('chat');
  if (/message thread not found|TOPIC_DELETED/i.test(answer.description)) {
    // A private topic is a conversation of its own: its answers must not appear somewhere else.
    if (isPrivate(part) || request.params['message_thread_id'] === undefined) return undefined;
    return once('thread-again') ?? once('thread-drop');
  }
  if (/message to (be replied|reply) not found|replied message not found/i.test(answer.description))
    return request.params['reply_parameters'] === undefined ? undefined : once('reply-drop');
  return undefined;
}
