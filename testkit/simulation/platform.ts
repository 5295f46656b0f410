/** The world outside of the simulated gateway: a source that repeats what was not confirmed, and chats that show texts. */
import type { Clock } from '../../src/core/clock.ts';
import { type AccountId, brand, type MessageId } from '../../src/core/ids.ts';
import type { Inbound } from '../../src/core/inbound.ts';
import type { Manifest } from '../../src/core/manifest.ts';
import { NotSent, type Outcome } from '../../src/core/outcome.ts';
import type { OutAccount } from '../../src/outbox/account.ts';
import type { Part } from '../../src/platforms/contract.ts';
import { plainDialect } from '../../src/text/plain.ts';
import type { Random } from '../kill/random.ts';
import type { Life } from './life.ts';

export interface Shown {
  readonly chat: string;
  readonly part: string;
  readonly text: string;
}

export class SimulatedPlatform {
  /** In the order they became visible. */
  readonly shown: Shown[] = [];
  /** Sent by people, not yet confirmed. */
  readonly open: Inbound[] = [];
  readonly confirmed: Inbound[] = [];
  readonly #random: Random;
  /** Share of writes that go wrong. */
  trouble = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The oldest open events, now and then in another order, repeated, or mixed with confirmed ones. */
  batch(): readonly Inbound[] {
    const events = this.open.slice(0, 1 + Math.floor(this.#random() * 4));
    if (this.#random() < 0.3 && events[0]) events.push(events[0]);
    const known = this.confirmed.at(-1 - Math.floor(this.#random() * 5));
    if (this.#random() < 0.3 && known) events.unshift(known);
    if (this.#random() < 0.1) events.reverse();
    return events;
  }

  confirm(events: readonly Inbound[]): void {
    for (const event of new Set(events)) {
      const index = this.open.indexOf(event);
      if (index < 0) continue;
      this.open.splice(index, 1);
      this.confirmed.push(event);
    }
  }

  account(id: AccountId, life: Life, clock: Clock): OutAccount {
    return {
      id,
      manifest: {
        name: 'sim',
        title: 'Sim',
        limits: [{ scope: 'chat', calls: 'send', count: 5, perMs: 1_000, source: 'documented' }],
        idempotency: { kind: 'none' },
        capabilities: { text: { max: 4_000, unit: 'utf16', counts: 'source' }, typing: false },
        env: { enabledBy: [] },
      } as unknown as Manifest,
      dialect: plainDialect,
      block: { replyToMode: 'off', onUnknown: 'repeat', home: undefined },
      adapter: { deliver: (part) => life.still(this.#deliver(part, life, clock)) },
    };
  }

  async #deliver(part: Part, life: Life, clock: Clock): Promise<Outcome> {
    await clock.sleep(this.#random() * 40);
    if (!life.alive || part.op.kind !== 'send') return { kind: 'rejected', code: 'unsupported', why: '' };
    const chance = this.#random() / Math.max(this.trouble, 1e-9);
    if (chance < 0.2) throw new NotSent('refused');
    if (chance < 0.4) return { kind: 'retry', scope: 'chat', afterMs: 500, why: '429' };
    if (chance < 0.5) return { kind: 'rejected', code: 'other', why: 'no' };
    if (chance < 0.7) return { kind: 'unknown', why: 'cut off before' };
    this.shown.push({ chat: part.at.chat, part: part.key, text: part.op.body.text });
    if (chance < 1) return { kind: 'unknown', why: 'cut off after' };
    return { kind: 'sent', id: brand<MessageId>(`m${this.shown.length}`) };
  }
}
