/**
 * Keeps an account inside its platform's declared limits. Exact, not approximate: for every limit no window of
 * `perMs` ever holds more than `count` calls, which a refilling bucket does not give (it allows twice as many
 * across a border). All calls share one budget, also edits and typing.
 */
import type { Clock } from '../core/clock.ts';
import type { Limit } from '../core/manifest.ts';

export type Call = 'send' | 'edit' | 'hint' | 'other';

export interface PacerOptions {
  /** Chats remembered at once. Default 10,000. When all of them are busy, a further chat waits. */
  readonly maxChats?: number;
}

interface Window {
  readonly limit: Limit;
  /** Times of the last `count` calls, oldest first. */
  readonly calls: number[];
}

/** A window starts at a call and lasts `perMs` inclusive, so the next one may start a millisecond later. */
const apart = 1;

export class Pacer {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #maxChats: number;
  readonly #account: readonly Window[];
  readonly #chatLimits: readonly Limit[];
  readonly #longest: number;
  /** In the order of their last call. */
  readonly #chats = new Map<string, readonly Window[]>();
  readonly #held = new Map<string, number>();
  #accountHeld = 0;

  constructor(limits: readonly Limit[], clock: Pick<Clock, 'monotonic'>, options: PacerOptions = {}) {
    this.#clock = clock;
    this.#maxChats = options.maxChats ?? 10_000;
    this.#account = limits.filter(({ scope }) => scope === 'account').map(open);
    this.#chatLimits = limits.filter(({ scope }) => scope !== 'account');
    this.#longest = Math.max(0, ...this.#chatLimits.map(({ perMs }) => perMs));
  }

  /**
   * 0 = the call is booked: make it now. Otherwise nothing was booked: ask again after that many milliseconds.
   * `group`: the chat is one to which limits of scope `group` apply. Hints take at most half of what a limit allows, so
   * that no answer waits for them.
   */
  reserve(chat: string, call: Call, group = false): number {
    const now = this.#clock.monotonic();
    const held = Math.max(this.#accountHeld, this.#held.get(chat) ?? 0) - now;
    if (held > 0) return Math.ceil(held);
    this.#held.delete(chat);
    const known = this.#chats.get(chat);
    const full = known === undefined ? this.#makeRoom(now) : 0;
    if (full > 0) return full;
    const windows = known ?? this.#chatLimits.map(open);
    const counting = [...this.#account, ...windows].filter(({ limit }) => applies(limit, call, group));
    const share = call === 'hint' ? 0.5 : 1;
    const wait = Math.max(0, ...counting.map((window) => waitOf(window, now, share)));
    if (wait > 0) return Math.ceil(wait);
    for (const window of counting) book(window, now);
    if (windows.length > 0) {
      this.#chats.delete(chat);
      this.#chats.set(chat, windows);
    }
    return 0;
  }

  /** How long the account as a whole must be quiet, whatever the chat. */
  accountWait(call: Call): number {
    const now = this.#clock.monotonic();
    const waits = this.#account.filter(({ limit }) => applies(limit, call, false));
    return Math.ceil(Math.max(0, this.#accountHeld - now, ...waits.map((window) => waitOf(window, now, 1))));
  }

  /** The platform asked for quiet: nothing goes to the chat, or from the account at all, for `ms`. */
  hold(scope: 'chat' | 'account', chat: string, ms: number): void {
    const now = this.#clock.monotonic();
    const until = now + ms;
    if (scope === 'account') {
      this.#accountHeld = Math.max(this.#accountHeld, until);
      return;
    }
    const before = this.#held.get(chat) ?? 0;
    this.#held.delete(chat);
    this.#held.set(chat, Math.max(before, until));
    if (this.#held.size > this.#maxChats) this.#forgetHold(now);
  }

  /** What is remembered, for tests and metrics. */
  get size(): { readonly chats: number; readonly holds: number } {
    return { chats: this.#chats.size, holds: this.#held.size };
  }

  /** Forgets chats whose calls no longer count. Returns how long to wait when every chat's still do. */
  #makeRoom(now: number): number {
    for (const [chat, windows] of this.#chats) {
      const free = Math.max(...windows.map(({ calls }) => calls.at(-1) ?? -Infinity)) + this.#longest + apart;
      if (free > now) return this.#chats.size < this.#maxChats ? 0 : Math.ceil(free - now);
      this.#chats.delete(chat);
      if (this.#chats.size < this.#maxChats) return 0;
    }
    return 0;
  }

  /** The oldest hold that is over; else the oldest, whose loss costs one more refused call. */
  #forgetHold(now: number): void {
    const over = [...this.#held].find(([, until]) => until <= now)?.[0];
    const first = over ?? this.#held.keys().next().value;
    if (first !== undefined) this.#held.delete(first);
  }
}

function open(limit: Limit): Window {
  return { limit, calls: [] };
}

function applies(limit: Limit, call: Call, group: boolean): boolean {
  return (limit.calls === 'all' || call === 'send') && (limit.scope !== 'group' || group);
}

function waitOf({ limit, calls }: Window, now: number, share: number): number {
  const most = Math.max(1, Math.floor(limit.count * share));
  const before = calls[calls.length - most];
  return before === undefined ? 0 : before + limit.perMs + apart - now;
}

function book({ limit, calls }: Window, now: number): void {
  calls.push(now);
  if (calls.length > limit.count) calls.shift();
}
