/** Telegram: translates between the Bot API and the core. Platform facts that shaped it are in README.md. */
import { brand, type ChatId, type Cursor, type MessageId } from '../../core/ids.ts';
import type { Address, Inbound } from '../../core/inbound.ts';
import { Down, NotSent, type Outcome } from '../../core/outcome.ts';
import type { Adapter, Deps, Intake, Part, Platform, RawReply, RawRequest } from '../contract.ts';
import { type Answer, call } from './call.ts';
import { fileCap, type TelegramConfig, telegramConfig, webhookPath } from './config.ts';
import { telegramDialect } from './dialect.ts';
import { type GateRules, gateRules, meOf } from './gate.ts';
import { type Translation, toInbound } from './inbound.ts';
import { manifest, reactionEmoji } from './manifest.ts';
import { openMedia } from './media.ts';
import { outcomeOf } from './outcome.ts';
import { numeric, type Request, requestOf, sendRepaired } from './send.ts';
import { readPush } from './webhook.ts';
import { list, parseUpdate, parseUser, printExact, record, subscribed, text } from './wire.ts';

/**
 * Update ids restart at a random number after a week without updates (Bot API, Update). An offset kept longer could
 * lie above the new ids and would confirm them unread.
 */
export const offsetLifeMs = 6 * 24 * 60 * 60 * 1000;

const longPollSeconds = 30;
const webhookCheckMs = 60_000;
const hintMs = 1500;
/** Moved chats that are remembered until the core knows the new id. */
const maxMoved = 1000;

class Telegram implements Adapter {
  readonly #deps: Deps<TelegramConfig>;
  readonly #rules: GateRules;
  /** Known once `getMe` has answered. */
  #translation: Translation | undefined;
  readonly #moved = new Map<ChatId, ChatId>();

  constructor(deps: Deps<TelegramConfig>) {
    this.#deps = deps;
    this.#rules = gateRules(deps.config, deps.log);
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    try {
      const me = parseUser(await this.#control('getMe', {}, signal));
      if (me === undefined) throw new Down('protocol', 'getMe did not describe the bot');
      this.#translation = { me: meOf(me), rules: this.#rules, fileCap: fileCap(this.#deps.config) };
      const name = `@${me.username ?? me.id}`;
      if (this.#deps.config.webhook_url === undefined) await this.#poll(intake, name, signal);
      else await this.#awaitPushes(intake, name, signal);
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof NotSent) throw new Down('network', 'the Bot API cannot be reached', { cause });
      throw cause;
    }
  }

  async #poll(intake: Intake, name: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    await this.#control('deleteWebhook', { drop_pending_updates: false }, signal);
    let offset = offsetOf(intake.cursor);
    let offsetAt = intake.cursorAt ?? 0;
    let isConnected = false;
    while (!signal.aborted) {
      const age = clock.now() - offsetAt;
      if (age < 0 || age > offsetLifeMs) offset = undefined;
      const params = {
        ...(offset === undefined ? {} : { offset }),
        // The first answer comes at once: only it shows that nobody else reads this bot's updates.
        timeout: isConnected ? longPollSeconds : 0,
        limit: 100,
        allowed_updates: subscribed,
      };
      const updates = list(await this.#control('getUpdates', params, signal));
      intake.alive();
      if (!isConnected) intake.connected(`polling as ${name}`);
      isConnected = true;
      if (updates.length === 0) continue;
      const batch = this.#translate(updates);
      if (batch.lastId === undefined) throw new Down('protocol', 'getUpdates answered updates without ids');
      offset = Math.max(offset ?? 0, batch.lastId + 1);
      // Telegram forgets these updates at the next getUpdates, so they must be on disk before it.
      await untilAbort(intake.accept(batch.events, brand<Cursor>(String(offset))), signal);
      offsetAt = clock.now();
    }
  }

  async #awaitPushes(intake: Intake, name: string, signal: AbortSignal): Promise<void> {
    const { config, clock, log } = this.#deps;
    const hook = {
      url: config.webhook_url,
      secret_token: config.webhook_secret,
      allowed_updates: subscribed,
    };
    await this.#control('setWebhook', hook, signal);
    intake.connected(`webhook mode as ${name}`);
    let told = '';
    while (!signal.aborted) {
      intake.alive();
      await clock.sleep(webhookCheckMs, signal);
      if (signal.aborted) return;
      const info = record(await this.#control('getWebhookInfo', {}, signal));
      if (info?.['url'] !== config.webhook_url)
        throw new Down(
          'conflict',
          'another process has taken this bot off its webhook; one token serves one gateway',
        );
      const trouble = text(info?.['last_error_message']) ?? '';
      if (trouble !== '' && trouble !== told) log('warn', 'telegram.webhook_delivery', { trouble });
      told = trouble;
    }
  }

  async webhook(request: RawRequest, intake: Intake): Promise<RawReply> {
    const { webhook_url, webhook_secret } = this.#deps.config;
    if (webhook_url === undefined || webhook_secret === undefined) return { status: 404 };
    const push = readPush(request, webhookPath(webhook_url), webhook_secret);
    if ('refused' in push) return { status: push.refused };
    // Telegram repeats what is not answered with 200, so an early push is not lost.
    if (this.#translation === undefined) return { status: 503 };
    const { events } = this.#translate([push.update], push.raw);
    try {
      await intake.accept(events);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#deps.log('warn', 'telegram.not_stored', { why });
      return { status: 503 };
    }
    intake.alive();
    return { status: 200 };
  }

  async deliver(part: Part, signal: AbortSignal): Promise<Outcome> {
    const { op } = part;
    const refusal = undeliverable(part);
    if (refusal) return refusal;
    // Telegram refuses messages without a visible character; nothing to show is shown (telegram §4.2).
    if (op.kind === 'send' && op.body.text.trim() === '') return { kind: 'sent', id: brand<MessageId>('') };
    const chat = this.#moved.get(part.at.chat) ?? part.at.chat;
    const request = requestOf({ ...part, at: { ...part.at, chat } }, this.#deps.config);
    if (request === undefined) return { kind: 'rejected', code: 'gone', why: 'no such chat or message id' };
    const perform = ({ method, params }: Request) => call(this.#deps, method, params, signal);
    try {
      const answer = await sendRepaired(request, part, perform, {
        log: this.#deps.log,
        migrated: (to) => this.#remember(part.at.chat, brand<ChatId>(to)),
      });
      return outcomeOf(answer, op);
    } catch (cause) {
      if (cause instanceof NotSent) throw cause;
      // The request left and no answer came: Telegram may have executed it.
      return {
        kind: 'unknown',
        why: signal.aborted ? 'no answer in time' : 'the connection broke before the answer',
      };
    }
  }

  async hint(at: Address, hint: 'typing' | 'seen', signal: AbortSignal): Promise<void> {
    const chat_id = numeric(this.#moved.get(at.chat) ?? at.chat);
    // Bots cannot mark messages as read.
    if (hint === 'seen' || chat_id === undefined) return;
    const thread = at.thread === undefined ? undefined : numeric(at.thread);
    const params = {
      chat_id,
      ...(thread === undefined ? {} : { message_thread_id: thread }),
      action: 'typing',
    };
    const tooSlow = new AbortController();
    const cancel = this.#deps.clock.after(hintMs, () => tooSlow.abort());
    try {
      await call(this.#deps, 'sendChatAction', params, AbortSignal.any([signal, tooSlow.signal]));
    } catch {
      // Best effort: the next one comes in a few seconds.
    } finally {
      cancel();
    }
  }

  /** Groups, supergroups and channels have negative ids. */
  isGroup(at: Address): boolean {
    return at.chat.startsWith('-');
  }

  media(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openMedia(this.#deps, ref, signal);
  }

  /** A call the connection depends on: every answer but success ends it. */
  async #control(method: string, params: Request['params'], signal: AbortSignal): Promise<unknown> {
    const answer = await call(this.#deps, method, params, signal).catch((cause: unknown) => {
      if (signal.aborted || cause instanceof NotSent) throw cause;
      throw new Down('network', `${method}: the connection broke`, { cause });
    });
    if (answer.kind === 'ok') return answer.result;
    throw downOf(method, answer);
  }

  /** `raw`: the exact bytes when there is a single update; of a batch each is written out again, ids exact. */
  #translate(
    updates: readonly unknown[],
    raw?: string,
  ): { readonly events: readonly Inbound[]; readonly lastId: number | undefined } {
    const events: Inbound[] = [];
    let lastId: number | undefined;
    for (const value of updates) {
      const update = parseUpdate(value);
      if (update.id !== undefined) lastId = Math.max(lastId ?? 0, update.id);
      const skipped = this.#translateOne(update, value, raw, events);
      if (skipped)
        this.#deps.log(skipped.warn ? 'warn' : 'debug', 'telegram.skipped', {
          ...skipped,
          update: update.id,
        });
    }
    return { events, lastId };
  }

  #translateOne(
    update: ReturnType<typeof parseUpdate>,
    value: unknown,
    raw: string | undefined,
    events: Inbound[],
  ): { readonly why: string; readonly warn: boolean } | undefined {
    if (this.#translation === undefined) return { why: 'not connected', warn: true };
    try {
      const translated = toInbound(update, raw ?? printExact(value), this.#translation);
      if ('skipped' in translated) return { why: translated.skipped, warn: translated.warn };
      events.push(...translated.events);
      return undefined;
    } catch (cause) {
      // One update that cannot be read (for example nested beyond the stack) must not stop the others.
      return { why: cause instanceof Error ? cause.message : 'unreadable', warn: true };
    }
  }

  #remember(from: ChatId, to: ChatId): void {
    const oldest = this.#moved.keys().next();
    if (this.#moved.size >= maxMoved && !oldest.done) this.#moved.delete(oldest.value);
    this.#moved.set(from, to);
    this.#deps.log('warn', 'telegram.chat_moved', { from, to });
  }
}

function undeliverable(part: Part): Outcome | undefined {
  const { op } = part;
  const unsupported = (why: string): Outcome => ({ kind: 'rejected', code: 'unsupported', why });
  if (op.kind === 'send' && op.media) return unsupported('media cannot be sent yet');
  if (op.kind === 'send' && op.buttons && op.buttons.length > 0)
    return unsupported('buttons cannot be sent yet');
  if (op.kind === 'react' && op.emoji !== '' && !reactionEmoji.includes(op.emoji))
    return unsupported('not one of the reactions Telegram offers');
  return undefined;
}

function downOf(method: string, answer: Exclude<Answer, { kind: 'ok' }>): Down {
  if (answer.kind === 'unclear') return new Down('network', `${method}: ${answer.why}`, { afterMs: 3000 });
  const { status, description, retryAfterMs } = answer;
  const wait = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs };
  switch (status) {
    case 401:
    case 404:
      return new Down('auth', `Telegram does not know this bot token (TELEGRAM_BOT_TOKEN): ${description}`);
    case 409:
      return new Down(
        'conflict',
        `another process reads this bot's updates; one token serves one gateway: ${description}`,
      );
    case 429:
      return new Down('network', `${method}: ${description}`, wait);
    case 400:
      return method === 'setWebhook'
        ? new Down('config', `TELEGRAM_WEBHOOK_URL was refused: ${description}`)
        : new Down('protocol', `${method}: ${description}`);
    default:
      return new Down('network', `${method}: ${description}`, wait);
  }
}

function offsetOf(cursor: Cursor | undefined): number | undefined {
  const offset = cursor !== undefined && /^\d{1,15}$/.test(cursor) ? Number(cursor) : 0;
  return offset > 0 ? offset : undefined;
}

/** Waits for `work`, but not longer than the signal allows; the work itself goes on. */
async function untilAbort(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export default {
  manifest,
  config: telegramConfig,
  dialect: telegramDialect,
  open: (deps) => new Telegram(deps),
} satisfies Platform<TelegramConfig>;
