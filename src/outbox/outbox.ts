/** The one way out. Order inside a chat, parallel across chats; a hung platform or chat delays no other. */
import type { Clock } from '../core/clock.ts';
import type { ChatId, MessageId, ThreadId } from '../core/ids.ts';
import { brand } from '../core/ids.ts';
import type { Address, DeliveryTarget } from '../core/inbound.ts';
import { type LaneState, Lanes } from '../core/lanes.ts';
import type { Log } from '../core/log.ts';
import type { Capabilities } from '../core/manifest.ts';
import { Pacer } from '../net/pace.ts';
import { BadTarget, type PartOp } from '../platforms/contract.ts';
import { openChats } from '../store/queries/part.ts';
import type { Store } from '../store/store.ts';
import type { Dialect } from '../text/dialect.ts';
import { plainDialect } from '../text/plain.ts';
import { redact } from '../text/redact.ts';
import { say } from '../texts/say.ts';
import type { OutAccount } from './account.ts';
import { addressOf, deliverChat, type HeadPart } from './chat.ts';
import { draftParts, type PartDraft } from './draft.ts';
import { Typing } from './typing.ts';

export interface OutboxOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly secrets: readonly string[];
}

interface Open {
  readonly account: OutAccount;
  readonly pacer: Pacer;
  readonly lanes: Lanes<string>;
}

/** Used for accounts that are no longer configured: their parts wait in the store. */
const unknownText: Capabilities['text'] = { max: 4_000, unit: 'utf16', counts: 'source' };
/** Chats of one account that are delivered to at once. Chats that must wait for their own limit take no place. */
const mostDelivering = 128;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #accounts = new Map<string, Open>();
  readonly #stop = new AbortController();
  readonly #typing: Typing;
  /** Who waits for the end of a part, by its key. */
  readonly #waiting = new Map<string, () => void>();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#typing = new Typing(options.clock, options.log);
  }

  /** Call once per configured account, before its source is connected; takes up what an earlier process left. */
  async open(account: OutAccount): Promise<{ readonly chats: number }> {
    const { clock, store, log } = this.#options;
    const open: Open = {
      account,
      pacer: new Pacer(account.manifest.limits, clock),
      lanes: new Lanes({
        clock,
        limit: mostDelivering,
        work: (chat) => this.#deliver(open, chat),
        failed: (_chat, error) => log('error', 'outbox.store', { account: account.id, error }),
      }),
    };
    open.lanes.hold(account.manifest.deliversOver === 'connection');
    this.#accounts.set(account.id, open);
    const chats = await store.read.all(openChats, { account: account.id });
    for (const { chat } of chats) this.wake(account.id, chat);
    return { chats: chats.length };
  }

  draft(
    markdown: string,
    to: { readonly account: string; readonly at: Address; readonly replyTo?: string },
    kind: PartDraft['class'],
    prefix: string,
  ): readonly PartDraft[] {
    const account = this.#accounts.get(to.account)?.account;
    const narrowed = account?.adapter.capabilities?.(to.at) ?? {};
    const dialect: Dialect = account?.dialect ?? plainDialect;
    const text = narrowed.text ?? account?.manifest.capabilities.text ?? unknownText;
    const target = {
      account: to.account,
      at: to.at,
      dialect,
      text,
      replyToMode: account?.block.replyToMode ?? ('off' as const),
      ...(to.replyTo === undefined ? {} : { replyTo: brand<MessageId>(to.replyTo) }),
    };
    return draftParts(redact(markdown, this.#options.secrets), target, kind, prefix);
  }

  /**
   * The account's connection came up or went away. Where answers leave over it they wait meanwhile, instead of failing
   * again and again with growing pauses.
   */
  connection(accountId: string, isUp: boolean): void {
    const open = this.#accounts.get(accountId);
    if (open?.account.manifest.deliversOver === 'connection') open.lanes.hold(!isUp);
  }

  wake(accountId: string, chat: string): void {
    this.#accounts.get(accountId)?.lanes.wake(chat);
  }

  /** The account and chat a target means. Throws BadTarget when there is none. */
  resolve(target: DeliveryTarget): { readonly account: string; readonly at: Address } {
    const open = [...this.#accounts.values()].find(
      ({ account }) => account.manifest.name === target.platform,
    );
    if (open === undefined) throw new BadTarget(`The platform ${target.platform} is not connected.`);
    const { account } = open;
    const home = account.block.home;
    const chat = target.chat ?? home?.chat;
    if (chat === undefined) {
      throw new BadTarget(
        `${account.manifest.title} has no home channel; set ${account.manifest.env.home ?? 'one'}.`,
      );
    }
    const thread = target.chat === undefined ? (target.thread ?? home?.thread) : target.thread;
    const at = {
      chat: brand<ChatId>(chat),
      ...(thread === undefined ? {} : { thread: brand<ThreadId>(thread) }),
    };
    return { account: account.id, at };
  }

  /**
   * The account repeats attempts with an unknown outcome unmarked, since its platform drops or finds the first one. So a
   * part that was attempted may be there, whatever its mark says.
   */
  repeatsUnmarked(accountId: string): boolean {
    const kind = this.#accounts.get(accountId)?.account.manifest.idempotency.kind;
    return kind === 'key' || kind === 'lookup';
  }

  /** Resolves when every one of these parts has its last state; `forget` ends the waiting. */
  settlement(keys: readonly string[]): { readonly all: Promise<void>; forget(): void } {
    const each = keys.map((key) => new Promise<void>((resolve) => this.#waiting.set(key, resolve)));
    return {
      all: Promise.all(each).then(() => {}),
      forget: () => {
        for (const key of keys) this.#waiting.delete(key);
      },
    };
  }

  typing(accountId: string, at: Address): () => void {
    const open = this.#accounts.get(accountId);
    if (open === undefined) return () => {};
    return this.#typing.begin(open.account, open.pacer, at);
  }

  /** Ends the calls in flight; what they did is `unknown` and taken up at the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the gateway is shutting down'));
    this.#typing.close();
    await Promise.all([...this.#accounts.values()].map(({ lanes }) => lanes.stop()));
  }

  /** Resolves when no part is due, at most after `ms`; lets finished answers leave before a stop. */
  async flush(ms: number): Promise<void> {
    const end = this.#options.clock.monotonic() + ms;
    while (this.#isDelivering() && this.#options.clock.monotonic() < end) await this.#options.clock.sleep(20);
  }

  #isDelivering(): boolean {
    return [...this.#accounts.values()].some(
      ({ lanes }) => lanes.working + (lanes.isHeld ? 0 : lanes.waiting) > 0,
    );
  }

  async #deliver(open: Open, chat: string): Promise<LaneState> {
    const { store, clock, log } = this.#options;
    const waitMs = await deliverChat(
      {
        store,
        clock,
        log,
        account: open.account,
        pace: (part, signal) => this.#pace(open, part, signal),
        hold: (scope, to, ms) => open.pacer.hold(scope, to, ms),
        obituary: (part) => this.#notice(open, part),
        settled: (part) => this.#waiting.get(part.key)?.(),
      },
      chat,
      this.#stop.signal,
    );
    return waitMs === undefined ? 'idle' : { waitMs };
  }

  async #pace(open: Open, part: HeadPart, signal: AbortSignal): Promise<number> {
    const { kind } = JSON.parse(part.op) as PartOp;
    const call = kind === 'send' || kind === 'edit' ? kind : 'other';
    const group = open.account.adapter.isGroup?.(addressOf(part)) ?? false;
    for (;;) {
      const wait = open.pacer.reserve(part.chat, call, group);
      if (wait <= 0 || signal.aborted) return 0;
      if (open.pacer.accountWait(call) < wait) return wait;
      await this.#options.clock.sleep(wait, signal);
    }
  }

  /** A reply that could not be delivered is said once in the chat, where that can still work. */
  #notice(open: Open, part: HeadPart): readonly PartDraft[] {
    // Whoever relays a message hears of its end itself.
    if (part.class !== 'reply' || part.turn === null || !part.key.endsWith(':0')) return [];
    // Where programs read, a sentence for people would be one more wrong message.
    if (open.account.manifest.authenticates) return [];
    const to = { account: open.account.id, at: { chat: brand<ChatId>(part.chat) } };
    return this.draft(say('delivery.failed'), to, 'notice', `${part.key}:failed`);
  }
}
