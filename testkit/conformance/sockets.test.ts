/** The kit can fail for platforms with a socket, too: each way of breaking WeCom's adapter is caught by its item. */
import { AssertionError } from 'node:assert';
import { describe, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Intake, Socket } from '../../src/platforms/contract.ts';
import type { WeComConfig } from '../../src/platforms/wecom/config.ts';
import { descriptor } from '../../src/platforms/wecom/testing/descriptor.ts';
import {
  accepting,
  anyConnection,
  type Break,
  type Broken,
  brokenBy,
  but,
  changed,
  deaf,
  delivering,
  judging,
  refusing,
  running,
  unwaited,
} from './break.ts';
import { items } from './items.ts';

/** What comes and goes over the socket is another than it should be. */
const overSocket =
  (change: (socket: Socket) => Partial<Socket>): Broken<WeComConfig> =>
  (deps, open) =>
    open({
      ...deps,
      socket: async (...asked) => {
        const socket = await deps.socket(...asked);
        return {
          messages: socket.messages,
          send: (text) => socket.send(text),
          close: () => socket.close(),
          ...change(socket),
        };
      },
    });

const frame = (text: string) => JSON.parse(text) as { cmd?: string; errcode?: number; body?: object };

async function* mapped(messages: AsyncIterable<string>, change: (text: string) => string) {
  for await (const text of messages) yield change(text);
}

const broken: readonly Break<WeComConfig>[] = [
  ...anyConnection<WeComConfig>(),
  {
    by: 'reading on before the events are stored',
    caught: 'intake.store-slow',
    adapter: unwaited(),
  },
  {
    by: 'going on when storing failed',
    caught: 'intake.store-fails',
    adapter: accepting((intake, events) => intake.accept(events).catch(() => ({ fresh: 0 }))),
  },
  {
    by: 'remembering what could not be stored as known',
    caught: 'intake.store-fails',
    adapter: (deps, open) => {
      const adapter = open(deps);
      const known = new Set<string>();
      return but(adapter, {
        run: (intake, signal) =>
          adapter.run(
            changed(intake, {
              accept: async (events) => {
                const fresh = events.filter(({ key }) => !known.has(key));
                for (const { key } of fresh) known.add(key);
                return fresh.length === 0 ? { fresh: 0 } : intake.accept(fresh);
              },
            }),
            signal,
          ),
      });
    },
  },
  {
    by: 'making keys of the connection',
    caught: 'intake.redelivery',
    adapter: (deps, open) => {
      const adapter = open(deps);
      let connections = 0;
      return but(adapter, {
        run: (intake, signal) => {
          const connection = ++connections;
          const accept: Intake['accept'] = (events) =>
            intake.accept(events.map((event) => ({ ...event, key: `${event.key}@${connection}` as never })));
          return adapter.run(changed(intake, { accept }), signal);
        },
      });
    },
  },
  {
    by: 'ending at a frame it cannot read',
    caught: 'intake.damage',
    adapter: overSocket(({ messages }) => ({
      messages: mapped(messages, (text) => {
        const { cmd, body } = frame(text) as { cmd?: string; body?: { msgid?: string } };
        if (cmd === 'aibot_msg_callback') body?.msgid?.toLowerCase();
        return text;
      }),
    })),
  },
  {
    by: 'answering a message of one chat in another',
    caught: 'intake.addresses',
    adapter: delivering((adapter, part, signal) =>
      adapter.deliver({ ...part, at: { chat: 'zhangsan' as never } }, signal),
    ),
  },
  {
    by: 'saying that it is connected as soon as the socket is open',
    caught: 'connection.silent',
    adapter: (deps, open) => {
      let opened = () => {};
      const adapter = open({
        ...deps,
        socket: async (...asked) => {
          const socket = await deps.socket(...asked);
          opened();
          return socket;
        },
      });
      return but(adapter, {
        run: (intake, signal) => {
          opened = () => intake.connected();
          return adapter.run(intake, signal);
        },
      });
    },
  },
  {
    by: 'taking a ping of the transport for a sign of life',
    caught: 'connection.silent',
    adapter: running((adapter, intake, signal) => {
      const beat = setInterval(() => intake.alive(), 10);
      return adapter.run(intake, signal).finally(() => clearInterval(beat));
    }),
  },
  {
    by: 'taking a displacement for a lost connection',
    caught: 'connection.conflict',
    adapter: overSocket(({ messages }) => ({
      messages: mapped(messages, (text) => text.replace('disconnected_event', 'some_event')),
    })),
  },
  {
    by: 'leaving its socket open after the abort',
    caught: 'connection.abort',
    adapter: deaf(),
  },
  {
    by: 'taking every answer for a success',
    caught: 'delivery.statuses',
    adapter: overSocket(({ messages }) => ({
      messages: mapped(messages, (text) => text.replace(/"errcode":-?[\d.]+/, '"errcode":0')),
    })),
  },
  {
    by: 'taking trouble of the server for a final refusal',
    caught: 'delivery.statuses',
    adapter: refusing(),
  },
  {
    by: 'throwing at a code it does not know',
    caught: 'delivery.statuses',
    adapter: judging((outcome) => {
      if (outcome.kind === 'rejected' && outcome.why.includes('=99999')) throw new Error(outcome.why);
      return outcome;
    }),
  },
  {
    by: 'holding up one part instead of the chat when it is too fast',
    caught: 'delivery.rate-limit',
    adapter: judging((outcome) => (outcome.kind === 'retry' ? { ...outcome, scope: 'part' } : outcome)),
  },
  {
    by: 'trying again by itself when it is too fast',
    caught: 'delivery.rate-limit',
    adapter: delivering(async (adapter, part, signal) => {
      const outcome = await adapter.deliver(part, signal);
      if (outcome.kind !== 'retry') return outcome;
      await adapter.deliver(part, signal);
      return outcome;
    }),
  },
  {
    by: 'repeating what may have been executed over the next connection',
    caught: 'delivery.doubt',
    adapter: judging((outcome) =>
      outcome.kind === 'unknown' ? { kind: 'retry', scope: 'part', why: outcome.why } : outcome,
    ),
  },
  {
    by: 'waiting for an answer without its signal',
    caught: 'delivery.hang',
    adapter: delivering((adapter, part) => adapter.deliver(part, new AbortController().signal)),
  },
  {
    by: 'calling what was written to no connection sent',
    caught: 'delivery.not-sent',
    adapter: delivering((adapter, part, signal) =>
      adapter.deliver(part, signal).catch(() => ({ kind: 'sent', id: '' as never }) satisfies Outcome),
    ),
  },
  {
    by: 'cutting a text that is too long',
    caught: 'delivery.length',
    adapter: delivering((adapter, part, signal) => {
      const { op } = part;
      if (op.kind !== 'send') return adapter.deliver(part, signal);
      const cut = [...op.body.text].slice(0, 4_000).join('');
      return adapter.deliver({ ...part, op: { ...op, body: { ...op.body, text: cut } } }, signal);
    }),
  },
  {
    by: 'sending the name of a file instead of the file',
    caught: 'delivery.media',
    adapter: delivering((adapter, part, signal) => {
      const { op } = part;
      if (op.kind !== 'send' || op.media === undefined) return adapter.deliver(part, signal);
      const { media, ...rest } = op;
      const body = { text: media.ref, plain: media.ref };
      return adapter.deliver({ ...part, op: { ...rest, body } }, signal);
    }),
  },
  {
    by: 'uploading what is too large as far as it is allowed',
    caught: 'delivery.media',
    adapter: (deps, open) =>
      delivering<WeComConfig>((adapter, part, signal) => {
        const { op } = part;
        if (op.kind !== 'send' || op.media === undefined) return adapter.deliver(part, signal);
        const { bytes: _bytes, ...media } = op.media;
        return adapter.deliver({ ...part, op: { ...op, media } }, signal);
      })({ ...deps, file: async (...asked) => (await deps.file(...asked)).subarray(0, 1_000) }, open),
  },
  {
    by: 'opening a socket past the given one',
    caught: 'hygiene.one-way-out',
    adapter: (deps, open) =>
      open({
        ...deps,
        socket: (url, ...rest) => {
          new WebSocket(url)
            .on('error', () => {})
            .on('open', function (this: WebSocket) {
              this.terminate();
            });
          return deps.socket(url, ...rest);
        },
      }),
  },
  {
    by: 'writing its frames into the log',
    caught: 'hygiene.secrets',
    adapter: (deps, open) =>
      overSocket((socket) => ({
        send: (text) => {
          deps.log('debug', 'sent', { text });
          socket.send(text);
        },
      }))(deps, open),
  },
];

describe.concurrent('an adapter with a socket is caught', () => {
  for (const { by, caught, adapter } of broken)
    it(`${by}: ${caught}`, { timeout: 30_000 }, async ({ expect }) => {
      const variant = brokenBy(adapter, descriptor);
      await expect(items[caught]!.check(variant)).rejects.toBeInstanceOf(AssertionError);
    });
});
