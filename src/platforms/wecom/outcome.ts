/** What WeCom's answer means for one part (wecom §2.7; developer.work.weixin.qq.com/document/path/90313). */
import { brand, type MessageId } from '../../core/ids.ts';
import type { Outcome, Reject } from '../../core/outcome.ts';
import type { Frame } from './wire.ts';

/** The connection is open but the server no longer knows it. */
export const notSubscribed = 846609;

/** A certain refusal of the reply, not of the message: the same may be sent without the reply (§4.2). */
export const replyRefused: ReadonlySet<number> = new Set([
  846605, // the request id is stale, of another connection, or of an event
  846608, // the answer it began can no longer be changed
  600039, // this device shows no replies of the kind
]);

type Meaning =
  | { readonly kind: 'rejected'; readonly code: Reject }
  | { readonly kind: 'retry'; readonly scope: 'part' | 'chat' | 'account' }
  | { readonly kind: 'unknown' };

const rejected = (code: Reject): Meaning => ({ kind: 'rejected', code });
const retry = (scope: 'part' | 'chat' | 'account'): Meaning => ({ kind: 'retry', scope });

const meanings: Readonly<Record<number, Meaning>> = {
  // "System busy": the server does not say how far it came.
  [-1]: { kind: 'unknown' },
  // Credentials are mended by a person; until then nothing of this account leaves.
  40013: retry('account'),
  853000: retry('account'),
  [notSubscribed]: retry('account'),
  45009: retry('chat'),
  45033: retry('chat'),
  45002: rejected('too-long'),
  40003: rejected('gone'),
  93006: rejected('gone'),
  // Nobody in this chat has written to the bot yet.
  846607: rejected('forbidden'),
  48002: rejected('forbidden'),
  60020: rejected('forbidden'),
  40004: rejected('unsupported'),
  40008: rejected('unsupported'),
  600039: rejected('unsupported'),
};

export function outcomeOf(answer: Frame, id: string): Outcome {
  const { errcode } = answer;
  if (errcode === 0) return { kind: 'sent', id: brand<MessageId>(id) };
  if (errcode === undefined) return { kind: 'unknown', why: 'the answer says neither yes nor no' };
  const why = refusalText(answer);
  const meaning = meanings[errcode] ?? (isRateText(answer.errmsg) ? retry('chat') : rejected('other'));
  return { ...meaning, why };
}

export function refusalText({ errcode, errmsg }: Pick<Frame, 'errcode' | 'errmsg'>): string {
  return `${errmsg === '' ? 'refused' : errmsg} (errcode=${errcode ?? 'none'})`;
}

/** Limits have several codes; their texts agree. */
function isRateText(text: string): boolean {
  return /\brate\b|freq|too (many|fast)|limit exceeded/i.test(text);
}
