/** Signed events at a steady pace, whatever becomes of those before: what an alarm system sends. */
import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface PushOrder {
  /** Address of a route whose message is `{text}` for the chat `{chat}`. */
  readonly url: string;
  readonly secret: string;
  /** They take turns. */
  readonly chats: readonly number[];
  readonly perSecond: number;
  readonly seconds: number;
  /** Begins every text; letters and digits, so that no markup changes it. */
  readonly tag: string;
}

export interface PushResult {
  /** Text → milliseconds of the epoch when its request began. */
  readonly sentAt: ReadonlyMap<string, number>;
  /** Milliseconds of each answer. */
  readonly answered: Float64Array;
  readonly failures: Readonly<Record<string, number>>;
}

const now = () => performance.timeOrigin + performance.now();

export async function pushes(order: PushOrder): Promise<PushResult> {
  const sentAt = new Map<string, number>();
  const answered: number[] = [];
  const failures: Record<string, number> = {};
  const push = async (text: string, chat: number) => {
    const body = JSON.stringify({ text, chat });
    const signature = createHmac('sha256', order.secret).update(body).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
    const began = now();
    sentAt.set(text, began);
    const failure = await fetch(order.url, { method: 'POST', headers, body }).then(
      async (response) => {
        const text = await response.text();
        return text.includes('"delivered"') ? undefined : `${response.status} ${text.slice(0, 100)}`;
      },
      (error: Error) => error.message,
    );
    if (failure === undefined) answered.push(now() - began);
    else failures[failure] = (failures[failure] ?? 0) + 1;
  };
  const count = order.perSecond * order.seconds;
  const started = performance.now();
  const running: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    await delay(Math.max(0, started + (n * 1000) / order.perSecond - performance.now()));
    running.push(push(`${order.tag}x${n}`, order.chats[n % order.chats.length] ?? 0));
  }
  await Promise.all(running);
  return { sentAt, answered: Float64Array.from(answered), failures };
}
