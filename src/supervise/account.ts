/**
 * Keeps one account connected: runs its adapter, watches for silence, waits and tries again. Never gives up, except
 * where only a person can help (`auth`, `config`, a credential lock); that is said once.
 */
import type { Clock } from '../core/clock.ts';
import type { AccountId, Cursor } from '../core/ids.ts';
import { brand } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import type { Log } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import { Down } from '../core/outcome.ts';
import type { Accepted, Adapter, Intake } from '../platforms/contract.ts';
import { getCursor } from '../store/queries/account.ts';
import type { Store } from '../store/store.ts';
import { backoffMs } from './backoff.ts';

export type AccountState = 'connecting' | 'connected' | 'retrying' | 'fatal' | 'disconnected';

export interface AccountStatus {
  readonly platform: string;
  readonly account: string;
  readonly state: AccountState;
  readonly code: string | null;
  readonly message: string | null;
  /** UTC milliseconds of the last change. */
  readonly since: number;
}

export interface AccountDeps {
  readonly id: AccountId;
  readonly manifest: Manifest;
  readonly adapter: Adapter;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  accept(events: readonly Inbound[], cursor: Cursor | undefined): Promise<Accepted>;
  relay(event: Inbound, waitMs: number): ReturnType<Intake['relay']>;
  changed(status: AccountStatus): void;
}

export class AccountRunner {
  readonly #deps: AccountDeps;
  readonly #stop = new AbortController();
  #status: AccountStatus;
  #failures = 0;
  #running: Promise<void> | undefined;

  constructor(deps: AccountDeps) {
    this.#deps = deps;
    this.#status = {
      platform: deps.manifest.name,
      account: deps.id,
      state: 'connecting',
      code: null,
      message: null,
      since: deps.clock.now(),
    };
  }

  get status(): AccountStatus {
    return this.#status;
  }

  start(): void {
    this.#running ??= this.#keep();
  }

  /** Ends the connection; resolves when the adapter has let go, at most after 5 s. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the gateway is shutting down'));
    const patience = new AbortController();
    await Promise.race([this.#running, this.#deps.clock.sleep(5_000, patience.signal)]);
    patience.abort();
    this.#set('disconnected', null, null);
  }

  /** What a pushed request is handed to; its `cursor` is not used. */
  get intake(): Intake {
    return this.#intake(undefined, undefined, () => {});
  }

  async #keep(): Promise<void> {
    const { clock, log, id } = this.#deps;
    while (!this.#stop.signal.aborted) {
      const down = await this.#connectOnce();
      if (this.#stop.signal.aborted) return;
      this.#failures += 1;
      const wait = backoffMs(down.code, this.#failures, clock);
      const firstTime = this.#status.state !== 'retrying' || this.#status.code !== down.code;
      if (wait === undefined || down.afterMs === Number.POSITIVE_INFINITY) {
        log('error', 'account.fatal', { account: id, code: down.code, message: down.message });
        this.#set('fatal', down.code, down.message);
        return;
      }
      // One line per incident; the tries between are for debugging only.
      log(firstTime ? 'warn' : 'debug', 'account.down', {
        account: id,
        code: down.code,
        message: down.message,
        retryMs: wait,
      });
      this.#set('retrying', down.code, down.message);
      await clock.sleep(Math.max(wait, down.afterMs ?? 0), this.#stop.signal);
    }
  }

  async #connectOnce(): Promise<Down> {
    const { store, clock, manifest, adapter, id } = this.#deps;
    const attempt = new AbortController();
    const stop = () => attempt.abort(this.#stop.signal.reason);
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    let lastSign = clock.monotonic();
    let cancel = () => {};
    const watch = () => {
      const quiet = clock.monotonic() - lastSign;
      if (quiet >= manifest.silenceMs)
        attempt.abort(new Down('silent', `no sign of life for ${Math.round(quiet / 1000)} s`));
      else cancel = clock.after(manifest.silenceMs - quiet, watch);
    };
    watch();
    try {
      const stored = await store.read.get(getCursor, { id });
      const cursor = stored?.cursor ? brand<Cursor>(stored.cursor) : undefined;
      const intake = this.#intake(cursor, stored?.cursor_at, () => {
        lastSign = clock.monotonic();
      });
      await Promise.race([adapter.run(intake, attempt.signal), letGo(attempt.signal, clock)]);
      throw attempt.signal.aborted
        ? attempt.signal.reason
        : new Down('protocol', 'the connection ended without a reason');
    } catch (error) {
      const cause = attempt.signal.aborted ? attempt.signal.reason : error;
      if (cause instanceof Down) return cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      return new Down('network', message, { cause });
    } finally {
      cancel();
      this.#stop.signal.removeEventListener('abort', stop);
    }
  }

  #intake(cursor: Cursor | undefined, cursorAt: number | undefined, alive: () => void): Intake {
    return {
      cursor,
      cursorAt,
      accept: async (events, next) => {
        alive();
        return this.#deps.accept(events, next);
      },
      relay: (event, waitMs) => {
        alive();
        return this.#deps.relay(event, waitMs);
      },
      alive,
      connected: (detail) => {
        alive();
        this.#failures = 0;
        if (this.#status.state === 'connected') return;
        this.#deps.log('info', 'account.connected', {
          account: this.#deps.id,
          ...(detail ? { detail } : {}),
        });
        this.#set('connected', null, null);
      },
    };
  }

  #set(state: AccountState, code: string | null, message: string | null): void {
    if (this.#status.state === state && this.#status.code === code && this.#status.message === message)
      return;
    this.#status = { ...this.#status, state, code, message, since: this.#deps.clock.now() };
    this.#deps.changed(this.#status);
  }
}

/** An adapter that ignores its signal is left behind a second after the abort. */
function letGo(signal: AbortSignal, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => void clock.sleep(1_000).then(resolve), { once: true });
  });
}
