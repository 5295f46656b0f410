/**
 * What an answer of the Bot API means for one part (telegram §4.3). The descriptions are not documented one by one;
 * they are those of the public server, matched by the words that have stayed the same for years.
 */
import { brand, type MessageId } from '../../core/ids.ts';
import type { Outcome, Reject } from '../../core/outcome.ts';
import type { PartOp } from '../contract.ts';
import type { Answer } from './call.ts';
import { integer, record } from './wire.ts';

type Refused = Extract<Answer, { kind: 'refused' }>;

/** First match counts. */
const refusals: readonly (readonly [RegExp, Reject])[] = [
  [/can't parse entit|can't find end of|unsupported start tag|unsupported parse_mode/i, 'bad-format'],
  [/too long|TOO_LONG|MESSAGE_TOO_BIG/i, 'too-long'],
  [/message can't be deleted|EDIT_TIME_EXPIRED/i, 'too-old'],
  [
    /CHAT_WRITE_FORBIDDEN|not enough rights|have no rights|need administrator|TOPIC_CLOSED|can't be edited/i,
    'forbidden',
  ],
  [
    /chat not found|user not found|PEER_ID_INVALID|CHANNEL_PRIVATE|group chat was (deactivated|deleted)/i,
    'gone',
  ],
  [
    /message to (edit|delete|react to|be replied|reply) not found|message not found|MESSAGE_ID_INVALID/i,
    'gone',
  ],
  [/replied message not found|message thread not found|TOPIC_(DELETED|ID_INVALID)/i, 'gone'],
  [/REACTION_INVALID|reactions? (is|are) not|REACTION_EMPTY/i, 'unsupported'],
];

/** No window of a single chat is longer (20 messages a minute), so a longer wait is the whole account's. */
const longestChatWaitMs = 60_000;

export function outcomeOf(answer: Answer, op: PartOp): Outcome {
  switch (answer.kind) {
    case 'ok':
      return sent(answer.result, op);
    case 'unclear':
      return { kind: 'unknown', why: answer.why };
    case 'refused':
      return refused(answer, op);
    default:
      return answer satisfies never;
  }
}

function sent(result: unknown, op: PartOp): Outcome {
  if (op.kind !== 'send') return { kind: 'sent', id: op.target };
  const id = integer(record(result)?.['message_id']);
  // Confirmed, but by something that does not say which message it made.
  if (id === undefined) return { kind: 'unknown', why: 'the answer names no message' };
  return { kind: 'sent', id: brand<MessageId>(id) };
}

function refused(answer: Refused, op: PartOp): Outcome {
  const { status, description: why, retryAfterMs } = answer;
  if (status === 429) {
    const scope = (retryAfterMs ?? 0) > longestChatWaitMs ? 'account' : 'chat';
    return { kind: 'retry', scope, why, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) };
  }
  // The token or the base URL is wrong: nothing of this account can be sent until somebody mends it.
  if (status === 401 || status === 404) return { kind: 'retry', scope: 'account', why };
  if (op.kind === 'edit' && /message is not modified/i.test(why)) return { kind: 'sent', id: op.target };
  const known = refusals.find(([pattern]) => pattern.test(why));
  if (known) return { kind: 'rejected', code: known[1], why };
  return { kind: 'rejected', code: status === 403 ? 'blocked' : status === 413 ? 'too-long' : 'other', why };
}
