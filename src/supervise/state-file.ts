/**
 * `gateway_state.json`: a readable view of the running gateway for people and dashboards (gateway-core §1.3). The truth is
 * in the process; the file is replaced atomically, at most once a second, and at once when the state changes.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { AccountStatus } from './account.ts';
import { ownRecord } from './process-record.ts';

export type GatewayState = 'starting' | 'running' | 'degraded' | 'draining' | 'stopped' | 'startup_failed';

export interface Snapshot {
  readonly state: GatewayState;
  readonly exitReason: string | null;
  readonly activeTurns: number;
  readonly accounts: readonly AccountStatus[];
}

const pauseMs = 1_000;

export class StateFile {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #read: () => Snapshot;
  #cancel: (() => void) | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(home: string, clock: Clock, log: Log, read: () => Snapshot) {
    this.#file = join(home, 'gateway_state.json');
    this.#clock = clock;
    this.#log = log;
    this.#read = read;
  }

  /** Something small changed, e.g. the number of active turns. */
  touch(): void {
    if (this.#cancel !== undefined || this.#closed) return;
    const wait = this.#writtenAt + pauseMs - this.#clock.monotonic();
    this.#cancel = this.#clock.after(Math.max(0, wait), () => this.write());
  }

  write(): void {
    if (this.#closed) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writtenAt = this.#clock.monotonic();
    try {
      const draft = `${this.#file}.tmp`;
      writeFileSync(draft, JSON.stringify(this.#content()), { mode: 0o600 });
      renameSync(draft, this.#file);
    } catch (error) {
      this.#log('warn', 'state.unwritable', { error });
    }
  }

  /** The last state; nothing is written after it. */
  close(): void {
    this.write();
    this.#closed = true;
  }

  #content(): object {
    const { state, exitReason, activeTurns, accounts } = this.#read();
    const time = (ms: number) => new Date(ms).toISOString();
    return {
      ...ownRecord(),
      gateway_state: state,
      exit_reason: exitReason,
      restart_requested: false,
      active_agents: activeTurns,
      platforms: Object.fromEntries(
        accounts.map((account) => [
          account.platform,
          {
            state: account.state === 'connecting' ? 'retrying' : account.state,
            error_code: account.code,
            error_message: account.message,
            updated_at: time(account.since),
          },
        ]),
      ),
      updated_at: time(this.#clock.now()),
    };
  }
}
