/** The kit can fail: each way of breaking the template's adapter is caught by the item that is there for it. */
import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { descriptor } from '../../scripts/platform-template/testing.ts';
import type { Deps, Intake } from '../../src/platforms/contract.ts';
import {
  accepting,
  anyConnection,
  type Break,
  type Broken,
  brokenBy,
  but,
  changed,
  deaf,
  judging,
  refusing,
  running,
  unwaited,
} from './break.ts';
import { badSkips } from './conformance.ts';
import { items } from './items.ts';

type Config = Parameters<typeof descriptor.platform.open>[0]['config'];
/** The adapter sees other answers, or asks more often, than it should. */
const fetching =
  (fetch: (deps: Deps<Config>, url: string, init?: RequestInit) => Promise<Response>): Broken<Config> =>
  (deps, open) =>
    open({ ...deps, fetch: (url, init) => fetch(deps, url, init) });

const broken: readonly Break<Config>[] = [
  ...anyConnection<Config>(),
  {
    by: 'acknowledging before the events are stored',
    caught: 'intake.store-slow',
    adapter: unwaited(),
  },
  {
    by: 'going on when storing failed',
    caught: 'intake.store-fails',
    adapter: running((adapter, intake, signal) =>
      adapter.run(
        changed(intake, {
          accept: (events, cursor) => intake.accept(events, cursor).catch(() => ({ fresh: 0 })),
        }),
        AbortSignal.any([signal, AbortSignal.timeout(300)]),
      ),
    ),
  },
  {
    by: 'starting from nothing after a restart',
    caught: 'intake.resume',
    adapter: running((adapter, intake, signal) =>
      // Far behind the newest event: what came while it was down is skipped.
      adapter.run(changed(intake, { cursor: '1000000' as never }), signal),
    ),
  },
  {
    by: 'making keys of the time of arrival',
    caught: 'intake.redelivery',
    adapter: running((adapter, intake, signal) => {
      let arrival = 0;
      const accept: Intake['accept'] = (events, cursor) =>
        intake.accept(
          events.map((event) => ({ ...event, key: `${event.key}@${arrival++}` as never })),
          cursor,
        );
      return adapter.run(changed(intake, { accept }), signal);
    }),
  },
  {
    by: 'taking its own messages for those of people',
    caught: 'intake.samples',
    adapter: accepting((intake, events, cursor) =>
      intake.accept(
        events.map((event) => ({ ...event, from: { ...event.from, isSelf: false } })),
        cursor,
      ),
    ),
  },
  {
    by: 'answering in one chat only',
    caught: 'intake.addresses',
    adapter: (deps, open) => {
      const adapter = open(deps);
      return but(adapter, {
        deliver: (part, signal) => adapter.deliver({ ...part, at: { chat: 'a' as never } }, signal),
      });
    },
  },
  {
    by: 'throwing on a malformed frame',
    caught: 'intake.damage',
    adapter: fetching(async (deps, url, init) => {
      const response = await deps.fetch(url, init);
      if (!url.includes('/updates') || !response.ok) return response;
      const body = (await response.json()) as { updates: { event: { chat: { id: string } } }[] };
      for (const { event } of body.updates) event.chat.id.toLowerCase();
      return Response.json(body);
    }),
  },
  {
    by: 'taking an unreadable answer for an empty one',
    caught: 'intake.garbage',
    adapter: fetching(async (deps, url, init) => {
      const response = await deps.fetch(url, init);
      if (!url.includes('/updates') || !response.ok) return response;
      const next = Number(new URL(url).searchParams.get('after')) + 100;
      return Response.json(await response.json().catch(() => ({ updates: [{ seq: next, event: {} }] })));
    }),
  },
  {
    by: 'taking a conflict for a network failure',
    caught: 'connection.conflict',
    adapter: fetching(async (deps, url, init) => {
      const response = await deps.fetch(url, init);
      return response.status === 409 ? new Response(null, { status: 500 }) : response;
    }),
  },
  {
    by: 'forgetting when the server wants to be asked again',
    caught: 'connection.asked-to-wait',
    adapter: fetching(async (deps, url, init) => {
      const response = await deps.fetch(url, init);
      return new Response(response.body, { status: response.status });
    }),
  },
  {
    by: 'ignoring the abort',
    caught: 'connection.abort',
    adapter: deaf(),
  },
  {
    by: 'saying that it is alive while nothing comes',
    caught: 'connection.silent',
    adapter: running((adapter, intake, signal) => {
      intake.alive();
      return adapter.run(intake, signal);
    }),
  },
  {
    by: 'swallowing a rate limit and trying again',
    caught: 'delivery.rate-limit',
    adapter: fetching(async (deps, url, init) => {
      const response = await deps.fetch(url, init);
      return response.status === 429 ? deps.fetch(url, init) : response;
    }),
  },
  {
    by: 'sending a text that is too long in two messages',
    caught: 'delivery.length',
    adapter: (deps, open) => {
      const adapter = open(deps);
      return but(adapter, {
        deliver: async (part, signal) => {
          const { op } = part;
          if (op.kind !== 'send' || [...op.body.text].length <= 1_000) return adapter.deliver(part, signal);
          const half = op.body.text.slice(0, 500);
          return adapter.deliver({ ...part, op: { ...op, body: { text: half, plain: half } } }, signal);
        },
      });
    },
  },
  {
    by: 'taking a doubt for a success',
    caught: 'delivery.doubt',
    adapter: judging((outcome) =>
      outcome.kind === 'unknown' ? { kind: 'sent', id: 'x' as never } : outcome,
    ),
  },
  {
    by: 'taking a server error for a final refusal',
    caught: 'delivery.statuses',
    adapter: refusing(),
  },
  {
    by: 'repeating a part under a new key',
    caught: 'delivery.idempotency',
    adapter: (deps, open) => {
      const adapter = open(deps);
      return but(adapter, {
        deliver: (part, signal) =>
          adapter.deliver({ ...part, key: `${part.key}#${part.attempt}` as never }, signal),
      });
    },
  },
  {
    by: 'waiting for a hanging write without its signal',
    caught: 'delivery.hang',
    adapter: (deps, open) => {
      const adapter = open(deps);
      return but(adapter, { deliver: (part) => adapter.deliver(part, new AbortController().signal) });
    },
  },
  {
    by: 'asking the network for what it cannot do',
    caught: 'delivery.undeclared',
    adapter: (deps, open) => {
      const adapter = open(deps);
      return but(adapter, {
        deliver: async (part, signal) => {
          await adapter.hint?.(part.at, 'typing', signal);
          return adapter.deliver(part, signal);
        },
      });
    },
  },
  {
    by: 'writing its token into a log',
    caught: 'hygiene.secrets',
    adapter: (deps, open) => {
      deps.log('debug', 'opened', { config: deps.config });
      return open(deps);
    },
  },
  {
    by: 'writing its token into an outcome',
    caught: 'hygiene.secrets',
    adapter: (deps, open) =>
      judging<Config>((outcome) =>
        outcome.kind === 'rejected' ? { ...outcome, why: `Bearer ${deps.config.token}` } : outcome,
      )(deps, open),
  },
  {
    by: 'calling the network past the given fetch',
    caught: 'hygiene.one-way-out',
    adapter: fetching((_deps, url, init) => fetch(url, init)),
  },
  {
    by: 'calling the network when it is opened',
    caught: 'hygiene.quiet-open',
    adapter: (deps, open) => {
      void deps.fetch(deps.config.base_url).catch(() => {});
      return open(deps);
    },
  },
];

describe.concurrent('an adapter is caught', () => {
  for (const { by, caught, adapter } of broken) {
    it(`${by}: ${caught}`, async ({ expect }) => {
      const variant = brokenBy(adapter, descriptor);
      await expect(items[caught]!.check(variant)).rejects.toBeInstanceOf(AssertionError);
    });
  }
});

it('a skip needs the name of an item and a reason', () => {
  expect(badSkips({ 'connection.conflict': 'the vendor lets several processes listen' })).toEqual([]);
  expect(badSkips({ 'connection.conflikt': 'the vendor lets several processes listen' })).toEqual([
    'connection.conflikt is not an item of the kit',
  ]);
  expect(badSkips({ 'connection.conflict': ' ' })).toEqual([
    'connection.conflict is skipped without a reason',
  ]);
});
