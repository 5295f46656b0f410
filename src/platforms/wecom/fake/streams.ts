/** Answers that grow (`msgtype: stream`), per message that is answered. Source: wecom §4.1, the vendor's SDK for Node. */
import type { Body } from './schema.ts';
import type { Refusal } from './uploads.ts';

type Stream = Extract<Body<'aibot_respond_msg'>, { msgtype: 'stream' | 'stream_with_template_card' }>;

const maxBytes = 20_480;
const over: Refusal = [846608, 'stream message update expired'];

export class FakeStreams {
  /** `request id/stream id` → may it still be changed. */
  readonly #open = new Map<string, boolean>();
  readonly #cards = new Set<string>();

  /** The refusal of one frame, or undefined when it was taken. */
  take(reqId: string, message: Stream): Refusal | undefined {
    const { id, content = '', finish = false, msg_item, feedback } = message.stream;
    const name = `${reqId}/${id}`;
    const known = this.#open.get(name);
    if (known === false) return over;
    if (Buffer.byteLength(content) > maxBytes) return [45002, 'content size out of limit'];
    if (msg_item !== undefined && !finish) return [40058, 'msg_item only with finish'];
    if (feedback !== undefined && known !== undefined) return [40058, 'feedback only in the first frame'];
    if ('template_card' in message && message.template_card !== undefined) {
      if (this.#cards.has(reqId)) return [40058, 'a message has one template_card'];
      this.#cards.add(reqId);
    }
    this.#open.set(name, !finish);
    return undefined;
  }

  /** More than six minutes have passed for everything that was begun. */
  expire(): void {
    for (const name of this.#open.keys()) this.#open.set(name, false);
  }
}
