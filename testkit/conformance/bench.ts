/** One adapter on the bench: wired to its fake as the gateway would, with everything recorded. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { type AccountId, brand, type Cursor, type PartKey } from '../../src/core/ids.ts';
import type { Address, Inbound } from '../../src/core/inbound.ts';
import { NotSent, type Outcome } from '../../src/core/outcome.ts';
import { openPlatformNet } from '../../src/net/platform-net.ts';
import type { Adapter, Intake, Part, PartOp } from '../../src/platforms/contract.ts';
import type { Fake } from '../../src/platforms/kit/fake.ts';
import type { Conformance } from './descriptor.ts';

/** How long anything on loopback may take before it counts as never. */
const patienceMs = 3_000;
/** How long an adapter may take to let go after an abort (the contract's 250 ms, and scheduling). */
export const letGoMs = 350;

export interface ConnectOptions {
  readonly cursor?: Cursor | undefined;
  /** What storing does; default: succeeds at once. */
  accept?(events: readonly Inbound[]): Promise<void>;
}

export interface Connection {
  readonly accepted: readonly Inbound[];
  /** As last stored. */
  readonly cursor: Cursor | undefined;
  readonly signs: number;
  readonly intake: Intake;
  /** Signals the adapter to end. */
  readonly abort: AbortController;
  /** Why `run` ended: undefined when it resolved. */
  readonly ended: Promise<unknown>;
  readonly isConnected: boolean;
  /** `run` has not ended. */
  readonly isOpen: boolean;
  connected(): Promise<void>;
  /** Waits until at least so many events were accepted. */
  events(count: number): Promise<readonly Inbound[]>;
  /** Aborts and requires that the adapter lets go in time. */
  stop(): Promise<void>;
}

/** `threw`: the outcome is what the core makes of a throw. */
export type Delivered = Outcome & { readonly threw?: Error };

export interface Bench {
  readonly fake: Fake;
  readonly adapter: Adapter;
  /** Requests and sockets the adapter asked for. */
  readonly asked: readonly string[];
  /** Everything the adapter said: log lines, errors, outcomes. */
  readonly said: readonly string[];
  /** Outgoing attachments by `MediaRef.ref`. */
  readonly files: Map<string, Uint8Array>;
  /** An event, given when the fake knows which connections are gone. */
  inject(event: object): Promise<void>;
  redeliver(): Promise<void>;
  connect(options?: ConnectOptions): Connection;
  /** Writes can be made: a platform with a socket is connected, anew when its connection was lost. */
  ready(): Promise<void>;
  deliver(op: PartOp, options?: DeliverOptions): Promise<Delivered>;
  close(): Promise<void>;
}

export interface DeliverOptions {
  readonly at?: Address;
  readonly key?: PartKey;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

let benches = 0;

export async function openBench<C>(
  of: Conformance<C>,
  configure: (fake: Fake) => unknown = of.config,
): Promise<Bench> {
  const { platform } = of;
  const fake = await of.fake();
  const config = platform.config.schema.parse(configure(fake));
  const account = brand<AccountId>(`${platform.manifest.name}:${platform.config.account(config)}`);
  const asked: string[] = [];
  const said: string[] = [];
  const files = new Map<string, Uint8Array>();
  const net = openPlatformNet({
    origins: platform.manifest.origins,
    ownOrigins: platform.config.origins?.(config) ?? [],
  });
  const adapter = platform.open({
    config,
    account,
    clock: systemClock,
    home: tmpdir(),
    hide: () => {},
    file: async (ref, maxBytes) => {
      const bytes = files.get(ref);
      if (bytes === undefined || bytes.length > maxBytes) throw new NotSent('the file cannot be read');
      return bytes;
    },
    log: (level, event, data) => void said.push(`${level} ${event} ${show(data)}`),
    fetch: (url, init) => {
      asked.push(url);
      return net.fetch(url, init);
    },
    socket: (url, signal, headers) => {
      asked.push(url);
      return net.socket(url, signal, headers);
    },
  });
  const open: Connection[] = [];
  let parts = 0;
  const bench = ++benches;

  const deliver = async (op: PartOp, options: DeliverOptions = {}): Promise<Delivered> => {
    const key = options.key ?? brand<PartKey>(`part-${bench}-${++parts}`);
    const at = options.at ?? { chat: brand(chatsOf(of)[0]) };
    const part: Part = { key, at, attempt: options.attempt ?? 1, op };
    const outcome = await adapter
      .deliver(part, options.signal ?? AbortSignal.timeout(patienceMs))
      .catch((thrown: unknown): Delivered => {
        const threw = thrown instanceof Error ? thrown : new Error(String(thrown));
        if (threw instanceof NotSent) return { kind: 'retry', scope: 'account', why: threw.message, threw };
        return { kind: 'unknown', why: threw.message, threw };
      });
    said.push(show(outcome));
    return outcome;
  };
  const openConnection = (options: ConnectOptions = {}): Connection => {
    const connection = connect(adapter, options, said);
    open.push(connection);
    return connection;
  };

  return {
    fake,
    adapter,
    asked,
    said,
    files,
    inject: async (event) => {
      await fake.settled?.();
      await fake.inject(event);
    },
    redeliver: async () => {
      await fake.settled?.();
      await fake.redeliver();
    },
    connect: openConnection,
    ready: async () => {
      if (platform.manifest.intake !== 'socket') return;
      // A connection that has just been cut is noticed a moment later.
      await sleep(5);
      if (open.at(-1)?.isOpen !== true) await openConnection().connected();
    },
    deliver,
    close: async () => {
      for (const { abort } of open) abort.abort(new Error('the bench is closed'));
      await net.close();
      await fake.close();
      await Promise.all(open.map(({ ended }) => within(ended, patienceMs, 'run ends')));
    },
  };
}

/** Opens a bench for one check and clears it away whatever happens. */
export async function onBench<C>(
  of: Conformance<C>,
  use: (bench: Bench) => Promise<void>,
  configure?: (fake: Fake) => unknown,
): Promise<void> {
  const bench = await openBench(of, configure);
  try {
    await use(bench);
  } finally {
    await bench.close();
  }
}

/** A person says something in the first chat. */
export async function say<C>(
  bench: Bench,
  of: Conformance<C>,
  n: number,
  text: string,
  chat = chatsOf(of)[0],
) {
  await bench.inject(of.message({ chat, n, text }));
}

export function chatsOf<C>(of: Conformance<C>): readonly [string, string] {
  return of.chats ?? ['a', 'b'];
}

function connect(adapter: Adapter, options: ConnectOptions, said: string[]): Connection {
  const accepted: Inbound[] = [];
  const abort = new AbortController();
  let cursor = options.cursor;
  let signs = 0;
  let connected = false;
  let over = false;
  const intake: Intake = {
    cursor,
    cursorAt: cursor === undefined ? undefined : Date.now(),
    accept: async (events, next) => {
      signs += 1;
      await options.accept?.(events);
      accepted.push(...events);
      if (next !== undefined) cursor = next;
      return { fresh: events.length };
    },
    relay: async (event) => {
      signs += 1;
      await options.accept?.([event]);
      accepted.push(event);
      return 'sent';
    },
    alive: () => {
      signs += 1;
    },
    connected: () => {
      connected = true;
    },
  };
  const ended = adapter
    .run(intake, abort.signal)
    .then(
      () => undefined,
      (error: unknown) => {
        said.push(show(error));
        return error ?? new Error('run threw nothing');
      },
    )
    .finally(() => {
      over = true;
    });
  const soon = async (what: string, is: () => boolean) => {
    const over = ended.then((why) => ({ why }));
    await until(what, is, over);
  };
  return {
    accepted,
    get cursor() {
      return cursor;
    },
    get signs() {
      return signs;
    },
    intake,
    get isConnected() {
      return connected;
    },
    get isOpen() {
      return !over;
    },
    abort,
    ended,
    connected: () => soon('the adapter says it is connected', () => connected),
    events: async (count) => {
      await soon(`${count} events are accepted`, () => accepted.length >= count);
      return accepted;
    },
    stop: async () => {
      abort.abort(new Error('stop'));
      await within(ended, letGoMs, 'run ends after an abort');
    },
  };
}

/** Waits for a condition; fails when it does not come true in time or the connection ended first. */
export async function until(
  what: string,
  is: () => boolean,
  over?: Promise<{ readonly why: unknown }>,
): Promise<void> {
  const limit = performance.now() + patienceMs;
  let ended: { readonly why: unknown } | undefined;
  void over?.then((why) => {
    ended = why;
  });
  while (!is()) {
    if (ended !== undefined) assert.fail(`${what}: but run ended: ${show(ended.why)}`);
    assert.ok(performance.now() < limit, `${what}: not within ${patienceMs} ms`);
    await sleep(2);
  }
}

export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(
    () => assert.fail(`${what}: not within ${ms} ms`),
    () => assert.fail('unreachable'),
  );
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/** Everything in a value that a log could show, causes included. */
export function show(value: unknown, depth = 0): string {
  if (depth > 6) return '…';
  if (value instanceof Error) {
    const fields = Object.entries(value).map(([name, field]) => `${name}=${show(field, depth + 1)}`);
    const cause = value.cause === undefined ? '' : ` caused by ${show(value.cause, depth + 1)}`;
    return `${value.name}: ${value.message} ${fields.join(' ')}${cause}`;
  }
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, field]) => `${name}=${show(field, depth + 1)}`)
    .join(' ');
}

export function text(value: string): PartOp {
  return { kind: 'send', body: { text: value, plain: value } };
}
