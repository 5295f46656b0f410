/**
 * Way in, lanes, turns and way out on a virtual clock and a real database, with kills, restarts, failing writes,
 * repeated units, repeated and disordered events and a platform in trouble. Everything follows from the seed.
 */
import type { Settings } from '../../src/config/settings.ts';
import type { Clock } from '../../src/core/clock.ts';
import { brand, type ChatId, type EventKey, type MessageId, type SenderId } from '../../src/core/ids.ts';
import type { Inbound } from '../../src/core/inbound.ts';
import { silentLog } from '../../src/core/log.ts';
import { type AccountRoute, accept, accountId } from '../../src/intake/accept.ts';
import { Outbox } from '../../src/outbox/outbox.ts';
import type { Store } from '../../src/store/store.ts';
import { TurnEngine } from '../../src/turn/engine.ts';
import { type VirtualClock, virtualClock } from '../clock.ts';
import { type Random, seeded } from '../kill/random.ts';
import { simulatedAgent } from './agent.ts';
import { Life, type WriteFault } from './life.ts';
import { SimulatedPlatform } from './platform.ts';

export type BusyMode = 'interrupt' | 'queue' | 'steer';

export interface Simulated {
  readonly platform: SimulatedPlatform;
  /** How often each thing was done: a run in which nothing went wrong shows nothing. */
  readonly happened: Readonly<Record<string, number>>;
  /** Turns still known to the last process. */
  readonly active: number;
}

const account = accountId('sim', '1');
const chats = 4;
/** Longest virtual time in which everything must have ended after the last trouble. */
const settleMs = 3 * 60 * 60 * 1000;

export async function simulate(
  store: Store,
  options: { readonly seed: number; readonly steps: number; readonly busyMode: BusyMode },
): Promise<Simulated> {
  return new Simulation(store, options.seed, options.busyMode).run(options.steps);
}

interface Process {
  readonly life: Life;
  readonly engine: TurnEngine;
  readonly outbox: Outbox;
  accept(events: readonly Inbound[]): Promise<unknown>;
}

class Simulation {
  readonly #store: Store;
  readonly #busyMode: BusyMode;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #platform: SimulatedPlatform;
  readonly #happened: Record<string, number> = {};
  #faults = 0;
  #fullUntil = 0;
  #events = 0;
  #process!: Process;

  constructor(store: Store, seed: number, busyMode: BusyMode) {
    this.#store = store;
    this.#busyMode = busyMode;
    this.#random = seeded(seed);
    this.#clock = virtualClock({ seed });
    this.#platform = new SimulatedPlatform(this.#random);
  }

  async run(steps: number): Promise<Simulated> {
    this.#process = await this.#start();
    this.#faults = 0.04;
    this.#platform.trouble = 0.4;
    for (let step = 0; step < steps; step += 1) {
      await this.#act();
      await this.#clock.advance(this.#random() < 0.1 ? this.#random() * 20_000 : this.#random() * 300);
      await this.#revive();
    }
    this.#faults = 0;
    this.#fullUntil = 0;
    this.#platform.trouble = 0;
    await this.#settle();
    return { platform: this.#platform, happened: this.#happened, active: this.#process.engine.active() };
  }

  #count(what: string): void {
    this.#happened[what] = (this.#happened[what] ?? 0) + 1;
  }

  async #act(): Promise<void> {
    const choice = this.#random();
    if (choice < 0.45) this.#platform.open.push(this.#message());
    else if (choice < 0.9) this.#deliver();
    else if (choice < 0.93) await this.#stop();
    else if (choice < 0.95) this.#kill('kill');
    else if (choice < 0.96) {
      this.#count('full');
      this.#fullUntil = this.#clock.monotonic() + this.#random() * 8_000;
    }
  }

  #deliver(): void {
    const events = this.#platform.batch();
    if (events.length === 0) return;
    this.#process.accept(events).then(
      () => this.#platform.confirm(events),
      () => this.#count('refused'),
    );
  }

  #message(): Inbound {
    this.#events += 1;
    const name = `t${this.#events}`;
    const chance = this.#random();
    const text = chance < 0.05 ? '/stop' : chance < 0.1 ? '/new' : `<${name}>`;
    const chat = String(1 + Math.floor(this.#random() * chats));
    return {
      key: brand<EventKey>(name),
      at: { chat: brand<ChatId>(chat) },
      kind: 'message',
      scope: 'dm',
      from: { id: brand<SenderId>(chat), name: 'Ann', isBot: false, isSelf: false },
      message: brand<MessageId>(name),
      text,
      raw: '{}',
    };
  }

  #kill(how: string): void {
    this.#count(how);
    this.#process.life.kill();
  }

  #fault(): WriteFault {
    if (this.#clock.monotonic() < this.#fullUntil) return 'refused';
    if (this.#random() >= this.#faults) return 'none';
    const kinds = ['killed-before', 'killed-after', 'refused', 'untold', 'again', 'again'] as const;
    const kind = kinds[Math.floor(this.#random() * kinds.length)]!;
    this.#count(kind);
    return kind;
  }

  async #start(): Promise<Process> {
    const life = new Life();
    const clock = life.clock(this.#clock);
    // What the last process had handed to the database before its end is done by now.
    const store = life.store(this.#store, () => this.#fault());
    const outbox = new Outbox({ store, clock, log: silentLog, secrets: [] });
    const engine = this.#engine(store, clock, outbox);
    const route: AccountRoute = {
      account,
      manifest: { name: 'sim' },
      batch: { textMs: 200, splitMs: 200, splitAt: 9_999, mediaMs: 0 },
      block: { access: { allowedUsers: [], allowAll: true, groupAllowedUsers: [], groupAllowedChats: [] } },
    };
    const deps = { store, clock, log: silentLog, settings: this.#settings(), wake: engine.wake.bind(engine) };
    const process: Process = {
      life,
      engine,
      outbox,
      accept: (events) => accept(deps, route, events, undefined),
    };
    // A start that the store refuses ends the process; the service manager starts the next one.
    void (async () => {
      await outbox.open(this.#platform.account(account, life, clock));
      await engine.recover();
    })().catch(() => life.kill());
    await this.#clock.advance(100);
    return process;
  }

  #settings(): Settings {
    return {
      access: { allowedUsers: [], allowAll: true },
      sessions: { groupPerUser: true, threadPerUser: false, reset: { mode: 'none', atHour: 4, idleMs: 1 } },
      display: { busyMode: this.#busyMode, busyAck: true },
      agent: { maxIterations: 90, inactivityMs: 1_800_000 },
    } as unknown as Settings;
  }

  #engine(store: Store, clock: Clock, outlet: Outbox): TurnEngine {
    return new TurnEngine({
      store,
      clock,
      log: silentLog,
      settings: this.#settings(),
      agent: simulatedAgent(this.#random, clock),
      outlet,
      toolsFor: () => new Set(['todo']),
      contextFor: () => undefined,
    });
  }

  async #revive(): Promise<void> {
    while (!this.#process.life.alive) this.#process = await this.#start();
  }

  /** As the gateway ends: drain, flush, close. Must end in time, whatever the store and the platform do. */
  async #stop(): Promise<void> {
    this.#count('stop');
    const { engine, outbox, life } = this.#process;
    let done = false;
    const stopping = (async () => {
      await engine.drain(this.#random() * 3_000);
      await outbox.flush(1_000);
      await outbox.close();
      done = true;
    })();
    for (let second = 0; second < 90 && !done && life.alive; second += 1) await this.#clock.advance(1_000);
    if (!done && life.alive) throw new Error('the stop did not end within 90 s');
    if (life.alive) await stopping;
    life.kill();
  }

  /** No more trouble: the source repeats what is open until it is confirmed, and everything gets its time. */
  async #settle(): Promise<void> {
    await this.#revive();
    for (let round = 0; this.#platform.open.length > 0; round += 1) {
      if (round > 10_000) throw new Error('the source cannot get rid of its events');
      this.#deliver();
      await this.#clock.advance(50);
    }
    const until = this.#clock.monotonic() + settleMs;
    while (this.#clock.pending > 0 && this.#clock.monotonic() < until) await this.#clock.advance(60_000);
  }
}
