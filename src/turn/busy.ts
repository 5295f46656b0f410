/**
 * What happens to messages that arrive while their conversation works (gateway-core §6.3). Their rows stay `pending`
 * until a turn takes them, so nothing here can lose one.
 */
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { brand, type SessionKey, type TraceId } from '../core/ids.ts';
import { readEnvelope } from '../intake/envelope.ts';
import { storeDrafts } from '../outbox/draft.ts';
import { pendingAfter } from '../store/queries/inbound.ts';
import type { Store } from '../store/store.ts';
import { say } from '../texts/say.ts';
import type { CommandWork } from './claim.ts';
import type { Outlet } from './engine.ts';
import { chatInput } from './input.ts';
import { Interrupted, type RunningTurn } from './running.ts';

export interface BusyDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Pick<Settings, 'display'>;
  readonly outlet: Outlet;
}

interface Busy {
  readonly startedAt: number;
  readonly waiting: { readonly row: number; readonly text: string }[];
  /** Id of the last row that was looked at. */
  upTo: number;
  readonly taken: { readonly row: number; readonly text: string }[];
}

/** A text this soon after the start belongs to the same thought: it waits instead of interrupting. */
const graceMs = 3_000;
const ackEveryMs = 30_000;
const pageSize = 32;
const mostAcks = 10_000;

export class BusyChats {
  readonly #deps: BusyDeps;
  readonly #turns = new Map<SessionKey, Busy>();
  readonly #ackedAt = new Map<SessionKey, number>();

  constructor(deps: BusyDeps) {
    this.#deps = deps;
  }

  started(key: SessionKey): void {
    this.#turns.set(key, {
      startedAt: this.#deps.clock.monotonic(),
      waiting: [],
      upTo: 0,
      taken: [],
    });
  }

  ended(key: SessionKey): void {
    this.#turns.delete(key);
  }

  takeSteering(key: SessionKey): string | undefined {
    const busy = this.#turns.get(key);
    if (busy === undefined || busy.waiting.length === 0) return undefined;
    const taken = busy.waiting.splice(0);
    busy.taken.push(...taken);
    return taken.map((each) => each.text).join('\n');
  }

  /** Rows whose text the running turn took in; its ending settles them. */
  steeredInto(key: SessionKey): readonly number[] {
    return this.#turns.get(key)?.taken.map(({ row }) => row) ?? [];
  }

  /** The run that took texts in is given up and another one follows: they are for that one. */
  giveBack(key: SessionKey): void {
    const busy = this.#turns.get(key);
    busy?.waiting.unshift(...busy.taken.splice(0));
  }

  /**
   * Looks at what waits behind the running turn and was not looked at yet: commands act at once, texts follow the busy
   * mode. `before`: it waited already when the turn started, so nobody is told.
   */
  async arrived(
    key: SessionKey,
    running: RunningTurn,
    runCommand: (command: CommandWork) => Promise<void>,
    before = false,
  ): Promise<void> {
    const { store } = this.#deps;
    const busy = this.#turns.get(key);
    if (busy === undefined) return;
    for (;;) {
      const rows = await store.read.all(pendingAfter, {
        session_key: key,
        after: busy.upTo,
        limit: pageSize,
      });
      for (const row of rows) {
        if (this.#turns.get(key) !== busy) return;
        // Two looks may overlap.
        if (row.id <= busy.upTo) continue;
        busy.upTo = row.id;
        await this.#one(key, busy, running, row, runCommand, before);
      }
      if (rows.length < pageSize) return;
    }
  }

  async #one(
    key: SessionKey,
    busy: Busy,
    running: RunningTurn,
    row: { readonly id: number; readonly account: string; readonly trace: string; readonly body: string },
    runCommand: (command: CommandWork) => Promise<void>,
    before: boolean,
  ): Promise<void> {
    const { settings, clock } = this.#deps;
    const envelope = readEnvelope(row.body);
    if (envelope?.type !== 'chat') return;
    const trace = brand<TraceId>(row.trace);
    if (envelope.command !== undefined) {
      await runCommand({ key, row: row.id, trace, account: row.account, envelope });
      return;
    }
    const hasMedia = (envelope.event.media ?? []).length > 0;
    const mode = hasMedia ? 'queue' : settings.display.busyMode;
    if (mode === 'steer') busy.waiting.push({ row: row.id, text: chatInput([envelope]) });
    if (before) return;
    if (mode === 'interrupt') {
      if (clock.monotonic() - busy.startedAt < graceMs) return;
      running.stop(new Interrupted('user', 'A newer message arrived.'));
    }
    await this.#acknowledge(key, mode, { account: row.account, at: envelope.event.at, row: row.id, trace });
  }

  async #acknowledge(
    key: SessionKey,
    mode: 'interrupt' | 'queue' | 'steer',
    to: { account: string; at: Parameters<Outlet['typing']>[1]; row: number; trace: string },
  ): Promise<void> {
    const { settings, clock, outlet, store } = this.#deps;
    const now = clock.monotonic();
    const last = this.#ackedAt.get(key);
    if (!settings.display.busyAck || (last !== undefined && now - last < ackEveryMs)) return;
    if (this.#ackedAt.size >= mostAcks) this.#ackedAt.clear();
    this.#ackedAt.set(key, now);
    const drafts = outlet.draft(say(`busy.${mode}`, { detail: '' }), to, 'notice', `busy:${to.row}`);
    await store.write((tx) => storeDrafts(tx, drafts, { turn: null, trace: to.trace, now: clock.now() }));
    outlet.wake(to.account, to.at.chat);
  }
}
