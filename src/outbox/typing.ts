/**
 * Shows "typing…" in every chat that is being answered. One timer for all chats; a hint is never stored, never
 * retried, and skipped when the account's budget is needed for messages.
 */
import type { Clock } from '../core/clock.ts';
import type { Address } from '../core/inbound.ts';
import type { Log } from '../core/log.ts';
import type { Pacer } from '../net/pace.ts';
import type { OutAccount } from './account.ts';

interface Active {
  readonly account: OutAccount;
  readonly pacer: Pacer;
  readonly at: Address;
  nextAt: number;
}

const tickMs = 1_000;
const callMs = 1_500;

export class Typing {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #active = new Set<Active>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  begin(account: OutAccount, pacer: Pacer, at: Address): () => void {
    const { typing } = account.manifest.capabilities;
    if (typing === false || account.adapter.hint === undefined) return () => {};
    const active: Active = { account, pacer, at, nextAt: 0 };
    this.#active.add(active);
    this.#show(active);
    this.#schedule();
    return () => {
      this.#active.delete(active);
      if (this.#active.size === 0) this.close();
    };
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    if (this.#cancel !== undefined || this.#active.size === 0) return;
    this.#cancel = this.#clock.after(tickMs, () => {
      this.#cancel = undefined;
      const now = this.#clock.monotonic();
      for (const active of this.#active) if (active.nextAt <= now) this.#show(active);
      this.#schedule();
    });
  }

  #show(active: Active): void {
    const { account, at } = active;
    const { typing } = account.manifest.capabilities;
    if (typing === false) return;
    if (active.pacer.reserve(at.chat, 'hint', account.adapter.isGroup?.(at) ?? false) > 0) return;
    active.nextAt = this.#clock.monotonic() + typing.ttlMs * 0.8;
    const abort = new AbortController();
    const cancel = this.#clock.after(callMs, () => abort.abort(new Error('typing took too long')));
    account.adapter
      .hint?.(at, 'typing', abort.signal)
      .catch((error: unknown) => this.#log('debug', 'typing.failed', { account: account.id, error }))
      .finally(cancel);
  }
}
