/** What the tests of this folder share: an adapter with an intake that behaves like a store, and a clock by hand. */
import { tmpdir } from 'node:os';
import { type Clock, systemClock } from '../../core/clock.ts';
import { type AccountId, brand, type PartKey } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import type { LogLevel } from '../../core/log.ts';
import { NotSent, type Outcome } from '../../core/outcome.ts';
import type { Adapter, Intake, PartOp, RawReply, RawRequest } from '../contract.ts';
import webhooks from './adapter.ts';
import { signers } from './fake.ts';

export const secret = 's3cr3t-hook';

export interface HandClock extends Clock {
  time: number;
}

export function handClock(time = 1_780_000_000_000): HandClock {
  const clock: HandClock = { ...systemClock, time, now: () => clock.time, monotonic: () => clock.time };
  return clock;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

export interface TestIntake extends Intake {
  /** Events for the agent. */
  readonly events: Inbound[];
  /** Events that went straight on. */
  readonly relayed: Inbound[];
  /** What the next relays answer; afterwards `sent`. */
  readonly results: (Awaited<ReturnType<Intake['relay']>> | Error)[];
}

/** Keys are unique, and forgotten again when a relay failed, as in the store. */
export function testIntake(): TestIntake {
  const keys = new Set<string>();
  const intake: TestIntake = {
    cursor: undefined,
    cursorAt: undefined,
    events: [],
    relayed: [],
    results: [],
    accept: async (events) => {
      const fresh = events.filter(({ key }) => !keys.has(key));
      for (const { key } of fresh) keys.add(key);
      intake.events.push(...fresh);
      return { fresh: fresh.length };
    },
    relay: async (event) => {
      if (keys.has(event.key)) return 'duplicate';
      const result = intake.results.shift() ?? 'sent';
      if (result instanceof Error) throw result;
      if (result !== 'failed') keys.add(event.key);
      if (result === 'sent') intake.relayed.push(event);
      return result;
    },
    alive: () => {},
    connected: () => {},
  };
  return intake;
}

export interface Setup {
  readonly adapter: Adapter;
  readonly intake: TestIntake;
  readonly clock: HandClock;
  readonly log: LogLine[];
  /** What the adapter wants to be redacted. */
  readonly hidden: string[];
  /** Signed like GitHub does unless `headers` are given. */
  post(route: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  deliver(chat: string, op: PartOp | string, signal?: AbortSignal): Promise<Outcome>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface SetupOptions {
  readonly home?: string;
  readonly clock?: HandClock;
}

/** `routes` get the shared secret unless they say otherwise. */
export function setUp(
  routes: Readonly<Record<string, object>>,
  settings: object = {},
  options: SetupOptions = {},
): Setup {
  const log: LogLine[] = [];
  const hidden: string[] = [];
  const clock = options.clock ?? handClock();
  const intake = testIntake();
  const adapter = webhooks.open({
    config: webhooks.config.schema.parse({ secret, routes, ...settings }),
    account: brand<AccountId>('webhook:main'),
    clock,
    home: options.home ?? tmpdir(),
    hide: (secrets) => void hidden.push(...secrets),
    file: () => Promise.reject(new NotSent('no such file')),
    log: (level, event, data) => void log.push({ level, event, data }),
    fetch: () => Promise.reject(new NotSent('no network here')),
    socket: () => Promise.reject(new NotSent('no sockets here')),
  });
  return {
    adapter,
    intake,
    clock,
    log,
    hidden,
    post: async (route, body, headers) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const signed = headers ?? signers.github(text, secret);
      return read(await adapter.webhook!(request(`/webhooks/${route}`, text, signed), intake));
    },
    deliver: (chat, op, signal = AbortSignal.timeout(10_000)) =>
      adapter.deliver(
        {
          key: brand<PartKey>('part-1'),
          at: { chat: brand(chat) },
          attempt: 1,
          op: typeof op === 'string' ? { kind: 'send', body: { text: op, plain: op } } : op,
        },
        signal,
      ),
  };
}

export function request(
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  method = 'POST',
): RawRequest {
  return {
    method,
    path,
    query: new URLSearchParams(),
    headers: new Map(Object.entries(headers)),
    body: Buffer.from(body),
  };
}

export function read({ status, body }: RawReply): Answer {
  return { status, body: JSON.parse(body ?? 'null') };
}
