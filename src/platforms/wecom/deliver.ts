/**
 * One part → one message, as a reply where the server still knows what is answered, else on our own account. Only a
 * certain refusal of the reply is followed by the other way; a doubt stays a doubt (wecom §4.2).
 */
import { brand, type MessageId, type PartKey } from '../../core/ids.ts';
import { NotSent, type Outcome } from '../../core/outcome.ts';
import type { Deps, Part, PartOp } from '../contract.ts';
import type { WeComConfig } from './config.ts';
import { fileMax, textMax } from './manifest.ts';
import { isRefused, type Plan, planMedia, tooLargeText } from './media-plan.ts';
import { outcomeOf, replyRefused } from './outcome.ts';
import { Unanswered } from './requests.ts';
import type { Session } from './session.ts';
import { type Begun, maxUpload, type Uploaded, uploadMedia } from './upload.ts';

type Send = Extract<PartOp, { kind: 'send' }>;
type Media = NonNullable<Send['media']>;

/** What was done of a part that takes several writes, so that its next attempt does only the rest. */
interface Progress {
  readonly begun?: Begun;
  readonly uploaded?: Uploaded;
  readonly sent?: MessageId;
}

interface Way {
  readonly session: Session;
  readonly chat: string;
  readonly replyTo: string | undefined;
  readonly signal: AbortSignal;
}

const mostParts = 1000;
/** Between the messages of one part (wecom §4.1). */
const gapMs = 300;

const unsupported = (why: string): Outcome => ({ kind: 'rejected', code: 'unsupported', why });

export class Delivery {
  readonly #deps: Pick<Deps<WeComConfig>, 'config' | 'clock' | 'log' | 'file'>;
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #progress = new Map<PartKey, Progress>();

  constructor(deps: Pick<Deps<WeComConfig>, 'config' | 'clock' | 'log' | 'file'>) {
    this.#deps = deps;
    this.#aliases = new Map(Object.entries(deps.config.channel_aliases));
  }

  /** Throws `NotSent` without a connection. */
  async deliver(part: Part, session: Session | undefined, signal: AbortSignal): Promise<Outcome> {
    const { op } = part;
    if (op.kind !== 'send') return unsupported(`WeCom has no ${op.kind}`);
    if (op.buttons !== undefined && op.buttons.length > 0) return unsupported('WeCom has no buttons');
    const text = op.body.text.toWellFormed();
    if ([...text].length > textMax)
      return { kind: 'rejected', code: 'too-long', why: `more than ${textMax} characters` };
    // Nothing to show is shown: the server refuses empty messages.
    if (op.media === undefined && text.trim() === '') return { kind: 'sent', id: brand<MessageId>('') };
    if (session === undefined) throw new NotSent('WeCom is not connected');
    const chat = this.#aliases.get(part.at.chat) ?? part.at.chat;
    const way = { session, chat, replyTo: op.replyTo, signal };
    if (op.media === undefined) return this.#say(way, text);
    return this.#carry(way, part.key, op.media, text);
  }

  #say(way: Way, content: string): Promise<Outcome> {
    return this.#send(way, { msgtype: 'markdown', markdown: { content } }, 'message');
  }

  async #send(way: Way, body: object, what: 'message' | 'media'): Promise<Outcome> {
    const { session, chat, replyTo, signal } = way;
    const timeoutText = `Timeout sending ${what} to WeCom`;
    const known = session.contexts.find(chat, replyTo);
    try {
      if (known !== undefined) {
        const reply = { cmd: 'aibot_respond_msg', reqId: known, body, timeoutText };
        const answer = await session.ask(reply, signal);
        if (!replyRefused.has(answer.errcode ?? 0)) return outcomeOf(answer, known);
        session.contexts.forget(known);
        this.#deps.log('debug', 'wecom.reply_refused', { errcode: answer.errcode });
      }
      const reqId = `aibot_send_msg-${this.#deps.clock.hex(16)}`;
      const own = { cmd: 'aibot_send_msg', reqId, body: { chatid: chat, ...body }, timeoutText };
      return outcomeOf(await session.ask(own, signal), reqId);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      // A late answer must not be taken for that of the next reply.
      if (known !== undefined) session.contexts.forget(known);
      return { kind: 'unknown', why: error.message };
    }
  }

  /** The file, then its caption, then a remark if it had to become a plain file (wecom §4.3). */
  async #carry(way: Way, key: PartKey, media: Media, caption: string): Promise<Outcome> {
    let plan: Plan | undefined;
    let id = this.#progress.get(key)?.sent;
    if (id === undefined) {
      const prepared = await this.#upload(way, key, media);
      if ('outcome' in prepared) return prepared.outcome;
      plan = prepared.plan;
      const { type, mediaId } = prepared.uploaded;
      const outcome = await this.#send(way, { msgtype: type, [type]: { media_id: mediaId } }, 'media');
      if (outcome.kind !== 'sent') return outcome;
      id = outcome.id;
      this.#remember(key, { sent: id });
    }
    if (caption.trim() !== '') {
      await this.#deps.clock.sleep(gapMs, way.signal);
      const outcome = await this.#say(way, caption);
      if (outcome.kind !== 'sent') return outcome;
    }
    this.#progress.delete(key);
    if (plan?.note !== undefined) await this.#remark(way, `ℹ️ ${plan.note}`);
    return { kind: 'sent', id };
  }

  async #upload(
    way: Way,
    key: PartKey,
    media: Media,
  ): Promise<{ readonly outcome: Outcome } | { readonly plan: Plan; readonly uploaded: Uploaded }> {
    const reject = (why: string): { readonly outcome: Outcome } => ({
      outcome: { kind: 'rejected', code: 'other', why },
    });
    if ((media.bytes ?? 0) > fileMax) return { outcome: await this.#tooLarge(way, media.bytes ?? 0) };
    const bytes = await this.#deps.file(media.ref, maxUpload).catch((cause: unknown) => cause);
    // A file that is gone stays gone; waiting for it would hold up everything behind it in this chat.
    if (!(bytes instanceof Uint8Array))
      return reject(bytes instanceof Error ? bytes.message : 'unreadable file');
    if (bytes.length === 0) return reject('Cannot upload empty media');
    const plan = planMedia(media, bytes.length);
    if (isRefused(plan)) return { outcome: await this.#tooLarge(way, bytes.length) };
    const known = this.#progress.get(key);
    if (known?.uploaded !== undefined) return { plan, uploaded: known.uploaded };
    const took = (begun: Begun | undefined) => this.#remember(key, begun === undefined ? {} : { begun });
    const upload = { plan, bytes, begun: known?.begun, took };
    const uploaded = await uploadMedia(way.session, upload, this.#deps.clock, way.signal);
    if ('outcome' in uploaded) return uploaded;
    this.#remember(key, { uploaded });
    return { plan, uploaded };
  }

  async #tooLarge(way: Way, bytes: number): Promise<Outcome> {
    const why = tooLargeText(bytes);
    await this.#remark(way, `⚠️ ${why}`);
    return { kind: 'rejected', code: 'too-long', why };
  }

  /** Best effort: what it is about has already been decided. */
  async #remark(way: Way, text: string): Promise<void> {
    await this.#deps.clock.sleep(gapMs, way.signal);
    const outcome = await this.#say(way, text).catch((error: unknown) => ({
      kind: 'not sent',
      why: String(error),
    }));
    if (outcome.kind !== 'sent') this.#deps.log('warn', 'wecom.remark_lost', { outcome: outcome.kind });
  }

  #remember(key: PartKey, progress: Progress): void {
    this.#progress.delete(key);
    this.#progress.set(key, progress);
    const oldest = this.#progress.size > mostParts ? this.#progress.keys().next() : undefined;
    if (oldest?.done === false) this.#progress.delete(oldest.value);
  }
}
