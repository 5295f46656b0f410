/** Forgets what nobody can ask for again, so that the database does not grow with every message ever seen. */
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { forgetInbounds } from '../store/queries/inbound.ts';
import { abandonParts, forgetParts, openAccountIds } from '../store/queries/part.ts';
import { forgetMessages, forgetSession, staleSessions } from '../store/queries/session.ts';
import { forgetTurns } from '../store/queries/turn.ts';
import type { Store, Tx } from '../store/store.ts';

const day = 24 * 60 * 60 * 1000;
const everyMs = 60 * 60 * 1000;
const firstMs = 60_000;
/** Traces of messages are kept this long; conversations are not touched. */
const traceMs = 30 * day;
const atOnce = 500;
const pauseMs = 50;
/** Answers for an account that was taken out of the configuration wait this long for its return. */
const orphanMs = 7 * day;
/** A request's key is remembered as long as a client could sensibly retry it. */
const requestMs = day;

export interface Source {
  readonly account: string;
  /** How long the source may repeat an event; `never` = it does not. */
  readonly redeliveryMs: number | 'never';
}

export class Housekeeping {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sources: readonly Source[];
  #cancel = () => {};
  #stopped = false;

  constructor(store: Store, clock: Clock, log: Log, sources: readonly Source[]) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#sources = sources;
  }

  start(): void {
    this.#later(firstMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Idempotent. Many small transactions, so that a long clean-up never holds a message up for long. */
  async clean(): Promise<void> {
    const now = this.#clock.now();
    for (const { account, redeliveryMs } of this.#sources) {
      const keep = redeliveryMs === 'never' ? requestMs : Math.max(redeliveryMs + day, traceMs);
      await this.#all((tx) => tx.run(forgetInbounds, { account, before: now - keep, limit: atOnce }));
    }
    const known = new Set(this.#sources.map(({ account }) => account));
    for (const { account } of await this.#store.read.all(openAccountIds, {})) {
      if (known.has(account)) continue;
      const why = 'the account is no longer configured';
      const gone = { account, before: now - orphanMs, why, now };
      const ended = await this.#store.write((tx) => tx.run(abandonParts, gone));
      if (ended > 0) this.#log('warn', 'parts.abandoned', { account, parts: ended });
    }
    const before = now - traceMs;
    await this.#all((tx) => tx.run(forgetParts, { before, limit: atOnce }));
    await this.#all((tx) => tx.run(forgetTurns, { before, limit: atOnce }));
    await this.#all(async (tx) => {
      const stale = await tx.all(staleSessions, { before, limit: atOnce });
      for (const { id } of stale) {
        await tx.run(forgetMessages, { session_id: id });
        await tx.run(forgetSession, { id });
      }
      return stale.length;
    });
  }

  /** Until a step finds less than it could have taken. */
  async #all(step: (tx: Tx) => Promise<number>): Promise<void> {
    while (!this.#stopped && (await this.#store.write(step, 'ordered')) >= atOnce) {
      await this.#clock.sleep(pauseMs);
    }
  }

  #later(ms: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.clean()
        .catch((error: unknown) => this.#log('warn', 'housekeeping.failed', { error }))
        .finally(() => this.#later(everyMs));
    });
  }
}
