/** Intake: nothing is lost, nothing is acknowledged early, nothing breaks the reader. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inbound } from '../../src/core/inbound.ts';
import { type Bench, chatsOf, onBench, say, until, within } from './bench.ts';
import type { Conformance, Sample } from './descriptor.ts';
import type { Item } from './items.ts';
import { deep, mutations } from './mutate.ts';

export const intakeItems: Readonly<Record<string, Item>> = {
  'intake.samples': {
    says: 'every sample frame becomes exactly the expected inbound, and other frames none',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        for (const [index, sample] of of.samples.entries()) {
          const before = connection.accepted.length;
          await bench.inject(sample.event);
          await passed(bench, of, connection.accepted, 9_000 + index);
          const news = connection.accepted.slice(before).filter(({ text }) => !isMarker(text));
          assertSample(sample, news);
        }
      }),
  },
  'intake.raw': {
    says: 'every inbound keeps the frame it was made of',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        await say(bench, of, 1, 'findable in raw');
        const [inbound] = await connection.events(1);
        assert.match(inbound!.raw, /findable in raw/);
      }),
  },
  'intake.store-fails': {
    says: 'what could not be stored is not acknowledged, and comes again',
    check: (of) =>
      onBench(of, async (bench) => {
        const failing = bench.connect({ accept: () => Promise.reject(new Error('disk full')) });
        await say(bench, of, 1, 'precious');
        const why = await within(failing.ended, 2_000, 'run ends when accept rejects');
        assert.ok(why !== undefined, 'run has to throw when accept rejects');
        if (acknowledges(of))
          assert.ok(bench.fake.unacknowledged > 0, 'acknowledged although it was not stored');
        // Nobody has to repeat it here; when somebody does, it must not be taken for a known one.
        else await bench.redeliver();
        const again = bench.connect({ cursor: failing.cursor });
        assert.deepEqual(texts(await again.events(1)), ['precious']);
      }),
  },
  'intake.store-slow': {
    says: 'nothing is acknowledged while it is being stored',
    check: (of) =>
      onBench(of, async (bench) => {
        let calls = 0;
        let store = () => {};
        const slow = bench.connect({
          accept: () => {
            calls += 1;
            return new Promise((resolve) => {
              store = resolve;
            });
          },
        });
        await say(bench, of, 1, 'precious');
        await until('accept is called', () => calls > 0);
        if (!acknowledges(of)) await say(bench, of, 2, 'next');
        await sleep(100);
        if (acknowledges(of)) {
          assert.ok(bench.fake.unacknowledged > 0, 'acknowledged before it was stored');
          store();
          await slow.events(1);
          await until('it is acknowledged after it was stored', () => bench.fake.unacknowledged === 0);
        } else {
          // Not reading on is all an adapter can do here: the network then keeps what follows.
          assert.equal(calls, 1, 'read on before it was stored');
          store();
          await until('the next one is read after it was stored', () => calls > 1);
          store();
          assert.deepEqual(texts(await slow.events(2)), ['precious', 'next']);
        }
      }),
  },
  'intake.resume': {
    says: 'after a restart from the stored position nothing is missing and nothing new comes twice',
    check: (of) =>
      onBench(of, async (bench) => {
        const first = bench.connect();
        for (const n of [1, 2, 3]) await say(bench, of, n, `before ${n}`);
        await first.events(3);
        await first.stop();
        for (const n of [4, 5]) await say(bench, of, n, `after ${n}`);
        const second = bench.connect({ cursor: first.cursor });
        await until('both new events are accepted', () =>
          ['after 4', 'after 5'].every((text) => texts(second.accepted).includes(text)),
        );
        const known = new Set(first.accepted.map(({ key }) => key));
        const fresh = second.accepted.filter(({ key }) => !known.has(key));
        assert.deepEqual(texts(fresh), ['after 4', 'after 5']);
      }),
  },
  'intake.redelivery': {
    says: 'an event that is given again has the same key, on the same connection and the next',
    check: (of) =>
      onBench(of, async (bench) => {
        const first = bench.connect();
        const news = of.samples.filter(({ inbound }) => inbound !== undefined);
        for (const { event } of news) await bench.inject(event);
        const keys = keysOf(await first.events(news.length));
        await until('all are acknowledged', () => bench.fake.unacknowledged === 0);
        await bench.redeliver();
        await passed(bench, of, first.accepted, 8_001);
        await until('the marker is acknowledged', () => bench.fake.unacknowledged === 0);
        assert.deepEqual(keysOf(first.accepted), keys);
        await first.stop();
        await bench.redeliver();
        const second = bench.connect({ cursor: first.cursor });
        await passed(bench, of, second.accepted, 8_002);
        const strange = keysOf(second.accepted).filter((key) => !keys.includes(key));
        assert.deepEqual(strange, [], 'keys of redelivered events changed');
      }),
  },
  'intake.senders': {
    says: 'messages of the bot itself and of other bots are told from those of people',
    check: async ({ samples }) => {
      const senders = samples.map(({ inbound }) => inbound?.from);
      assert.ok(
        senders.some((from) => from?.isSelf === true),
        'no sample of an own message',
      );
      assert.ok(
        senders.some((from) => from?.isBot === true && from.isSelf === false),
        'no sample of a message of another bot',
      );
      assert.ok(
        senders.some((from) => from?.isBot === false),
        'no sample of a message of a person',
      );
    },
  },
  'intake.addresses': {
    says: 'an answer to an inbound goes to the chat it came from',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        const chats = chatsOf(of);
        for (const [n, chat] of [...chats, ...chats].entries()) await say(bench, of, n, `${n}`, chat);
        const inbounds = await connection.events(4);
        const body = { text: 'answer', plain: 'answer' };
        for (const { at } of inbounds)
          assert.equal((await bench.deliver({ kind: 'send', body }, { at })).kind, 'sent');
        assert.deepEqual(
          bench.fake.seen.map(({ chat }) => chat),
          [...chats, ...chats],
        );
      }),
  },
  'intake.damage': {
    says: 'damaged, huge and deeply nested frames end nothing and hide nothing',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        for (const [index, { event }] of of.samples.entries()) {
          for (const bad of mutations(event, 40, index + 1)) await bench.inject(bad);
          await bench.inject({ ...event, nested: deep(2_000) });
        }
        await passed(bench, of, connection.accepted, 7_000);
        for (const { key, raw, at } of connection.accepted)
          for (const field of [key, raw, at.chat]) assert.equal(typeof field, 'string');
      }),
  },
  'intake.garbage': {
    says: 'an answer that cannot be read loses nothing and acknowledges nothing',
    check: (of) =>
      onBench(of, async (bench) => {
        for (const kind of ['garbage', 'half-body'] as const) {
          bench.fake.fault({ on: 'intake', kind, times: 1 });
          await say(bench, of, 1, kind);
          const broken = bench.connect();
          const ended = broken.ended.then(() => true);
          await Promise.race([ended, broken.events(1)]);
          await broken.stop();
          const next = bench.connect({ cursor: broken.cursor });
          if (!texts(broken.accepted).includes(kind))
            await until(`${kind} is accepted`, () => texts(next.accepted).includes(kind));
          await next.stop();
        }
      }),
  },
};

/** False = the network tells and forgets: there is nothing to hold back. */
function acknowledges<C>({ platform }: Conformance<C>): boolean {
  return platform.manifest.redelivery.windowMs !== 'never';
}

/** Injects a marker and waits for it: everything before it has been through the adapter. */
async function passed<C>(
  bench: Bench,
  of: Conformance<C>,
  accepted: readonly Inbound[],
  n: number,
): Promise<void> {
  await say(bench, of, n, `marker ${n}`);
  await until(`the events before marker ${n} are read`, () => texts(accepted).includes(`marker ${n}`));
}

function isMarker(text: string | undefined): boolean {
  return text?.startsWith('marker ') === true;
}

function texts(inbounds: readonly Inbound[]): (string | undefined)[] {
  return inbounds.map(({ text }) => text);
}

/** Without repeats, in order. */
function keysOf(inbounds: readonly Inbound[]): string[] {
  return [...new Set(inbounds.filter(({ text }) => !isMarker(text)).map(({ key }) => key))];
}

function assertSample({ name, inbound }: Sample, news: readonly Inbound[]): void {
  assert.equal(news.length, inbound === undefined ? 0 : 1, `${name}: number of inbounds`);
  if (inbound !== undefined) assert.partialDeepStrictEqual(news[0], inbound, name);
}
