/** Flood control as the Bot API's FAQ gives it: 1 message/s per chat with short bursts, 20/min per group, 30/s in all. */
import { type Chat, Refusal } from './chats.ts';

interface Window {
  readonly count: number;
  readonly perMs: number;
}

/** A burst of a few messages passes, as on the public server; the rate over it does not. */
const perChat: Window = { count: 5, perMs: 5000 };
const perGroup: Window = { count: 20, perMs: 60_000 };
const overall: Window = { count: 30, perMs: 1000 };

export class Flood {
  on = false;
  readonly #sent = new Map<string, number[]>();
  readonly #now: () => number;

  /** `now`: milliseconds that never go backwards. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts one message, or refuses it with 429 and does not count it. */
  check(chat: Chat): void {
    if (!this.on) return;
    const now = this.#now();
    const windows: (readonly [string, Window])[] = [
      ['all', overall],
      [`chat:${chat.id}`, chat.type === 'private' ? perChat : perGroup],
    ];
    for (const [key, window] of windows) {
      const recent = (this.#sent.get(key) ?? []).filter((at) => now - at < window.perMs);
      this.#sent.set(key, recent);
      const oldest = recent[0];
      if (oldest === undefined || recent.length < window.count) continue;
      const seconds = Math.max(1, Math.ceil((oldest + window.perMs - now) / 1000));
      throw new Refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
    }
    for (const [key] of windows) this.#sent.get(key)?.push(now);
  }
}
