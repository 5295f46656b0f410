/** What the tests of this folder share: an adapter on the fake, wired as the gateway would, with everything recorded. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Clock, systemClock } from '../../core/clock.ts';
import { type AccountId, brand, type ChatId, type MessageId, type PartKey } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import type { LogLevel } from '../../core/log.ts';
import { NotSent, type Outcome } from '../../core/outcome.ts';
import { openPlatformNet } from '../../net/platform-net.ts';
import type { Adapter, Deps, Intake, Part, PartOp } from '../contract.ts';
import wecom from './adapter.ts';
import type { WeComConfig } from './config.ts';
import { type FakeOptions, type FakeWeCom, startFakeWeCom } from './fake.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

export interface Recorded extends Intake {
  readonly events: Inbound[];
  alives: number;
  connections: number;
}

export function recordIntake(
  store: (events: readonly Inbound[]) => Promise<void> = async () => {},
): Recorded {
  const intake: Recorded = {
    cursor: undefined,
    cursorAt: undefined,
    events: [],
    alives: 0,
    connections: 0,
    async accept(events) {
      await store(events);
      intake.events.push(...events);
      return { fresh: events.length };
    },
    relay: () => Promise.resolve('failed'),
    alive: () => void intake.alives++,
    connected: () => void intake.connections++,
  };
  return intake;
}

export interface Running {
  readonly intake: Recorded;
  /** Undefined when `run` resolved, otherwise what it threw. */
  readonly ended: Promise<unknown>;
  connected(): Promise<void>;
  events(count: number): Promise<readonly Inbound[]>;
  stop(): Promise<unknown>;
}

export interface Setup {
  readonly fake: FakeWeCom;
  readonly adapter: Adapter;
  readonly log: LogLine[];
  readonly config: WeComConfig;
  /** Files by `MediaRef.ref`. */
  readonly files: Map<string, Uint8Array>;
  connect(intake?: Recorded): Running;
  deliver(op: PartOp, options?: { chat?: string; key?: string; signal?: AbortSignal }): Promise<Outcome>;
  close(): Promise<void>;
}

export async function setUp(
  values: object = {},
  { clock = systemClock, ...options }: FakeOptions & { readonly clock?: Clock } = {},
): Promise<Setup> {
  const fake = await startFakeWeCom({ chats: ['zhangsan', 'wrGROUP'], ...options });
  const config = wecom.config.schema.parse({
    bot_id: fake.botId,
    secret: fake.secret,
    websocket_url: fake.url,
    ...values,
  });
  const log: LogLine[] = [];
  const files = new Map<string, Uint8Array>();
  const net = openPlatformNet({
    origins: wecom.manifest.origins,
    ownOrigins: wecom.config.origins?.(config) ?? [],
  });
  const deps: Deps<WeComConfig> = {
    config,
    account: brand<AccountId>(`wecom:${config.bot_id}`),
    clock,
    home: tmpdir(),
    hide: () => {},
    log: (level, event, data) => void log.push({ level, event, data }),
    fetch: net.fetch,
    socket: net.socket,
    async file(ref, maxBytes) {
      const bytes = files.get(ref);
      if (bytes === undefined || bytes.length > maxBytes) throw new NotSent('the file cannot be read');
      return bytes;
    },
  };
  const adapter = wecom.open(deps);
  const open: Running[] = [];
  let parts = 0;
  return {
    fake,
    adapter,
    log,
    config,
    files,
    connect(intake = recordIntake()) {
      const abort = new AbortController();
      const ended = adapter.run(intake, abort.signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      const running: Running = {
        intake,
        ended,
        connected: () => until(() => intake.connections > 0),
        events: async (count) => {
          await until(() => intake.events.length >= count);
          return intake.events;
        },
        stop: () => {
          abort.abort(new Error('stop'));
          return ended;
        },
      };
      open.push(running);
      return running;
    },
    deliver(op, { chat = 'zhangsan', key, signal = new AbortController().signal } = {}) {
      const part: Part = {
        key: brand<PartKey>(key ?? `part-${++parts}`),
        at: { chat: brand<ChatId>(chat) },
        attempt: 1,
        op,
      };
      return adapter.deliver(part, signal);
    },
    async close() {
      await Promise.all(open.map((running) => running.stop()));
      await net.close();
      await fake.close();
    },
  };
}

/** Waits for what happens on loopback. */
export async function until(is: () => boolean, ms = 3000): Promise<void> {
  const limit = performance.now() + ms;
  while (!is()) {
    if (performance.now() > limit) throw new Error(`not within ${ms} ms: ${is}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function text(value: string, replyTo?: string): PartOp {
  const body = { text: value, plain: value };
  return { kind: 'send', body, ...(replyTo === undefined ? {} : { replyTo: brand<MessageId>(replyTo) }) };
}

let messages = 0;

/** A direct message of zhangsan unless told otherwise. */
export function message(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    msgid: `MSG_${++messages}`,
    aibotid: 'BOT123',
    chattype: 'single',
    from: { userid: 'zhangsan' },
    create_time: 1_767_225_600,
    msgtype: 'text',
    text: { content: 'hello' },
    ...fields,
  };
}

export const inGroup = { chatid: 'wrGROUP', chattype: 'group' };

export interface Vectors {
  readonly media: readonly {
    readonly name: string;
    readonly aeskey: string;
    readonly plaintext_b64: string;
    readonly ciphertext_b64: string;
  }[];
  readonly negative: readonly {
    readonly name: string;
    readonly aeskey: string;
    readonly ciphertext_b64: string;
    readonly expect_error: string;
  }[];
  readonly upload: readonly {
    readonly total_size: number;
    readonly md5: string;
    readonly total_chunks: number;
    readonly chunk_sizes_first_last: readonly [number, number];
    readonly last_chunk_index: number;
  }[];
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL('data/vectors.json', import.meta.url), 'utf8'),
);

/** Byte i is i mod 251, as the upload vectors say. */
export function patterned(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index % 251);
}
