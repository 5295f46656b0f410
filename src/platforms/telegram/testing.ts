/** What the tests of this folder share: an adapter on the fake, an intake that records, and time to wait. */
import { tmpdir } from 'node:os';
import { systemClock } from '../../core/clock.ts';
import {
  type AccountId,
  brand,
  type ChatId,
  type Cursor,
  type MessageId,
  type PartKey,
  type ThreadId,
} from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import type { LogLevel } from '../../core/log.ts';
import { NotSent } from '../../core/outcome.ts';
import type { Rendered } from '../../text/dialect.ts';
import type { Adapter, Deps, Intake, Part, PartOp } from '../contract.ts';
import telegram from './adapter.ts';
import type { TelegramConfig } from './config.ts';
import { type FakeTelegram, startFakeTelegram } from './fake.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

const neverLeft = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Global fetch with the errors sorted as `Deps.fetch` promises. */
export async function testFetch(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error' });
  } catch (error) {
    init?.signal?.throwIfAborted();
    const code = String((error as { cause?: { code?: unknown } }).cause?.code ?? '');
    if (neverLeft.has(code)) throw new NotSent(code, { cause: error });
    throw error;
  }
}

export function testDeps(
  config: TelegramConfig,
  log: LogLine[] = [],
  over: Partial<Deps<TelegramConfig>> = {},
): Deps<TelegramConfig> {
  return {
    config,
    account: brand<AccountId>('telegram:8000001'),
    clock: systemClock,
    home: tmpdir(),
    hide: () => {},
    file: () => Promise.reject(new NotSent('no such file')),
    log: (level, event, data) => void log.push({ level, event, data }),
    fetch: testFetch,
    socket: () => Promise.reject(new NotSent('no sockets here')),
    ...over,
  };
}

export function configFor(fake: Pick<FakeTelegram, 'url' | 'token'>, values: object = {}): TelegramConfig {
  return telegram.config.schema.parse({ token: fake.token, base_url: `${fake.url}/bot`, ...values });
}

export interface RecordedIntake extends Intake {
  readonly events: Inbound[];
  readonly cursors: (Cursor | undefined)[];
  readonly signs: { alive: number; connected: number };
  cursor: Cursor | undefined;
  cursorAt: number | undefined;
}

export function recordIntake(
  start: { readonly cursor?: string; readonly cursorAt?: number } = {},
  store: (events: readonly Inbound[]) => Promise<void> = () => Promise.resolve(),
): RecordedIntake {
  const intake: RecordedIntake = {
    events: [],
    cursors: [],
    signs: { alive: 0, connected: 0 },
    cursor: start.cursor === undefined ? undefined : brand<Cursor>(start.cursor),
    cursorAt: start.cursorAt ?? (start.cursor === undefined ? undefined : Date.now()),
    async accept(events, cursor) {
      await store(events);
      intake.events.push(...events);
      intake.cursors.push(cursor);
      if (cursor !== undefined) {
        intake.cursor = cursor;
        intake.cursorAt = Date.now();
      }
      return { fresh: events.length };
    },
    relay: () => Promise.resolve('failed'),
    alive: () => void intake.signs.alive++,
    connected: () => void intake.signs.connected++,
  };
  return intake;
}

export interface Setup {
  readonly fake: FakeTelegram;
  readonly adapter: Adapter;
  readonly log: LogLine[];
  /** Starts `run`; `stop` aborts it and waits for its end, `ended` is its result. */
  connect(intake?: RecordedIntake): Running;
  close(): Promise<void>;
}

export interface Running {
  readonly intake: RecordedIntake;
  /** Undefined when `run` resolved, otherwise what it threw. */
  readonly ended: Promise<unknown>;
  stop(): Promise<unknown>;
}

export async function setUp(
  values: object = {},
  over: Partial<Deps<TelegramConfig>> = {},
  options: Parameters<typeof startFakeTelegram>[0] = {},
): Promise<Setup> {
  const fake = await startFakeTelegram(options);
  const log: LogLine[] = [];
  const adapter = telegram.open(testDeps(configFor(fake, values), log, over));
  const running: Running[] = [];
  return {
    fake,
    adapter,
    log,
    connect(intake = recordIntake()) {
      const abort = new AbortController();
      const ended = adapter.run(intake, abort.signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      const run = {
        intake,
        ended,
        stop: () => {
          abort.abort();
          return ended;
        },
      };
      running.push(run);
      return run;
    },
    async close() {
      await Promise.all(running.map((run) => run.stop()));
      await fake.close();
    },
  };
}

/** Waits until `holds`, looking often; fails after three seconds. */
export async function until(holds: () => boolean, what = 'the condition'): Promise<void> {
  for (const end = Date.now() + 3000; Date.now() < end; ) {
    if (holds()) return;
    await systemClock.sleep(5);
  }
  throw new Error(`${what} did not come about`);
}

export function rendered(text: string, mode?: string): Rendered {
  return { text, plain: text, ...(mode === undefined ? {} : { mode }) };
}

export function partOf(op: PartOp, at: { readonly chat?: string; readonly thread?: string } = {}): Part {
  return {
    key: brand<PartKey>('part-1'),
    at: {
      chat: brand<ChatId>(at.chat ?? '111'),
      ...(at.thread === undefined ? {} : { thread: brand<ThreadId>(at.thread) }),
    },
    attempt: 1,
    op,
  };
}

export const sendOf = (text: string, more: Partial<Extract<PartOp, { kind: 'send' }>> = {}): PartOp => ({
  kind: 'send',
  body: rendered(text),
  ...more,
});

export const messageId = (id: number | string) => brand<MessageId>(String(id));
