/** Delivery: every answer becomes the right outcome, and a doubt stays a doubt. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { brand, type MessageId, type PartKey } from '../../src/core/ids.ts';
import type { Capabilities, Unit } from '../../src/core/manifest.ts';
import { NotSent } from '../../src/core/outcome.ts';
import type { PartOp } from '../../src/platforms/contract.ts';
import { compose } from '../../src/text/compose.ts';
import type { Doc } from '../../src/text/dialect.ts';
import { measure } from '../../src/text/measure.ts';
import { type Bench, type Delivered, letGoMs, onBench, openBench, show, text, within } from './bench.ts';
import { hostile } from './data/hostile.ts';
import type { Conformance } from './descriptor.ts';
import type { Item } from './items.ts';

export const deliveryItems: Readonly<Record<string, Item>> = {
  'delivery.operations': {
    says: 'every declared operation works',
    check: (of) =>
      onReady(of, async (bench) => {
        const { edit, delete: remove, reactions } = of.platform.manifest.capabilities;
        const id = await sent(bench, text('first'));
        const expected = ['send'];
        if (edit !== false) {
          await sent(bench, { kind: 'edit', target: id, body: { text: 'second', plain: 'second' } });
          expected.push('edit');
        }
        if (reactions !== false) {
          await sent(bench, { kind: 'react', target: id, emoji: reactions.allowed?.[0] ?? '👍' });
          expected.push('react');
        }
        if (remove !== false) {
          await sent(bench, { kind: 'delete', target: id });
          expected.push('delete');
        }
        assert.deepEqual(
          bench.fake.seen.map(({ op }) => op),
          expected,
        );
        assert.equal(bench.fake.seen[0]?.text, 'first');
        assert.equal(bench.fake.seen[0]?.id, id);
      }),
  },
  'delivery.undeclared': {
    says: 'an operation that is not declared is rejected without a call',
    check: (of) =>
      onReady(of, async (bench) => {
        const before = bench.asked.length;
        for (const op of undeclared(of.platform.manifest.capabilities)) {
          const outcome = await bench.deliver(op);
          assert.equal(
            outcome.kind === 'rejected' && outcome.code,
            'unsupported',
            `${op.kind}: ${show(outcome)}`,
          );
        }
        assert.equal(bench.asked.length, before, 'the network was asked');
      }),
  },
  'delivery.gone': {
    says: 'a change of a message that does not exist is rejected',
    notFor: ({ platform }) =>
      platform.manifest.capabilities.edit === false ? 'messages cannot be edited' : undefined,
    check: (of) =>
      onReady(of, async (bench) => {
        const target = brand<MessageId>('999999');
        const outcome = await bench.deliver({ kind: 'edit', target, body: { text: 'x', plain: 'x' } });
        assert.equal(outcome.kind, 'rejected', show(outcome));
      }),
  },
  'delivery.statuses': {
    says: 'every refusal has an outcome: never sent, never a throw, a trouble of the server never final',
    check: (of) =>
      onReady(of, async (bench) => {
        for (const [code, meanings] of refusalsOf(of)) {
          await bench.ready();
          bench.fake.fault({ on: 'delivery', kind: 'status', code, times: 1 });
          const outcome = await bench.deliver(text(`refused with ${code}`));
          bench.fake.calm();
          const meaning = outcome.kind === 'rejected' ? `rejected ${outcome.code}` : outcome.kind;
          assert.ok(
            meanings.includes(outcome.kind) || meanings.includes(meaning),
            `${code}: ${show(outcome)}`,
          );
          assert.equal(outcome.threw, undefined, `${code}: deliver threw ${show(outcome.threw)}`);
        }
        assert.deepEqual(bench.fake.seen, []);
      }),
  },
  'delivery.rate-limit': {
    says: 'a rate limit is passed on with its time, if it has one, and a scope wider than one part',
    check: (of) =>
      onReady(of, async (bench) => {
        const code = of.refusals?.tooFast ?? 429;
        const times = of.namesWait === false ? [undefined] : [1_000, 7_000, 3_600_000];
        for (const retryMs of times) {
          const wait = retryMs === undefined ? {} : { retryMs };
          bench.fake.fault({ on: 'delivery', kind: 'status', code, ...wait, times: 1 });
          const before = bench.fake.attempts;
          const outcome = await bench.deliver(text('too fast'));
          assert.ok(outcome.kind === 'retry' && outcome.scope !== 'part', show(outcome));
          assert.equal(outcome.afterMs, retryMs);
          assert.equal(bench.fake.attempts, before + 1, 'the adapter tried again by itself');
        }
      }),
  },
  'delivery.doubt': {
    says: 'what may have been executed is unknown, and nothing else is claimed',
    check: (of) =>
      onReady(of, async (bench) => {
        for (const kind of ['accept-then-reset', 'half-body', 'garbage', 'reset'] as const) {
          await bench.ready();
          bench.fake.fault({ on: 'delivery', kind, times: 1 });
          // Over a socket no answer and an unreadable one are the same: the core's patience ends it.
          const outcome = await bench.deliver(text(kind), { signal: AbortSignal.timeout(1_000) });
          assert.equal(outcome.kind, 'unknown', `${kind}: ${show(outcome)}`);
        }
        const executed = bench.fake.seen.map(({ text }) => text);
        for (const kind of ['accept-then-reset', 'half-body']) {
          const times = executed.filter((text) => text === kind).length;
          assert.equal(times, 1, `${kind}: executed ${times} times`);
        }
      }),
  },
  'delivery.hang': {
    says: 'a write that hangs ends with its signal and is unknown',
    check: (of) =>
      onReady(of, async (bench) => {
        bench.fake.fault({ on: 'delivery', kind: 'hang', times: 1 });
        const abort = new AbortController();
        const hanging = bench.deliver(text('hang'), { signal: abort.signal });
        await sleep(50);
        abort.abort(new Error('enough'));
        const outcome = await within(hanging, letGoMs, 'deliver ends after an abort');
        assert.equal(outcome.kind, 'unknown', show(outcome));
      }),
  },
  'delivery.not-sent': {
    says: 'a write that certainly did not leave may be repeated',
    check: async (of) => {
      const bench = await openBench(of);
      await bench.fake.close();
      const outcome = await bench.deliver(text('nobody listens'));
      assert.equal(outcome.kind, 'retry', show(outcome));
      assert.ok(outcome.threw === undefined || outcome.threw instanceof NotSent);
      await bench.close();
    },
  },
  'delivery.idempotency': {
    says: 'a repeated part is one message',
    notFor: ({ platform }) =>
      platform.manifest.idempotency.kind === 'none' ? 'the platform has no idempotency' : undefined,
    check: (of) =>
      onReady(of, async (bench) => {
        const { kind } = of.platform.manifest.idempotency;
        const key = brand<PartKey>('part-repeated');
        bench.fake.fault({ on: 'delivery', kind: 'accept-then-reset', times: 1 });
        await bench.deliver(text('once'), { key });
        if (kind === 'key') {
          const again = await bench.deliver(text('once'), { key, attempt: 2 });
          assert.equal(again.kind, 'sent', show(again));
        } else {
          assert.ok(bench.adapter.find !== undefined, 'idempotency by lookup needs find');
          const part = {
            key,
            at: { chat: brand<never>(bench.fake.seen[0]!.chat) },
            attempt: 2,
            op: text('once'),
          };
          const found = await bench.adapter.find(part, AbortSignal.timeout(1_000));
          assert.equal(found.kind, 'sent', show(found));
        }
        assert.deepEqual(
          bench.fake.seen.map((write) => write.text),
          ['once'],
        );
        await bench.deliver(text('once'), { key: brand<PartKey>('part-other') });
        assert.equal(bench.fake.seen.length, 2, 'another part with the same text is another message');
      }),
  },
  'delivery.length': {
    says: 'a text of exactly the declared length is taken, and a longer one is rejected as too long',
    check: (of) =>
      onReady(of, async (bench) => {
        const { max, unit } = of.platform.manifest.capabilities.text;
        for (const [script, unitText] of Object.entries(scripts)) {
          const exact = fill(unitText, max, unit);
          const taken = await bench.deliver({ kind: 'send', body: bodyOf(of, exact) });
          assert.equal(taken.kind, 'sent', `${script} of ${max} ${unit}: ${show(taken)}`);
          const over = await bench.deliver({ kind: 'send', body: bodyOf(of, `${exact}${unitText}`) });
          assert.equal(
            over.kind === 'rejected' && over.code,
            'too-long',
            `${script} over ${max} ${unit}: ${show(over)}`,
          );
        }
        assert.equal(bench.fake.seen.length, Object.keys(scripts).length);
      }),
  },
  'delivery.media': {
    says: 'files of every declared kind are sent, and what is too large or cannot be read is rejected unsent',
    notFor: ({ platform }) =>
      Object.keys(platform.manifest.capabilities.media).length === 0 ? 'it sends no files' : undefined,
    check: (of) =>
      onReady(of, async (bench) => {
        const kinds = Object.entries(of.platform.manifest.capabilities.media) as [MediaKind, MediaLimit][];
        const shown = () => bench.fake.seen.flatMap(({ bytes }) => bytes ?? []);
        const carry = (kind: MediaKind, { mime }: MediaLimit, ref: string, bytes?: number) =>
          bench.deliver({
            kind: 'send',
            body: { text: '', plain: '' },
            media: {
              ref,
              kind,
              mime: mime?.[0] ?? `${kind}/x-sample`,
              ...(bytes === undefined ? {} : { bytes }),
            },
          });
        for (const [index, [kind, limit]] of kinds.entries()) {
          const size = 1_000 + index;
          bench.files.set(`/files/${kind}.bin`, new Uint8Array(size));
          const taken = await carry(kind, limit, `/files/${kind}.bin`, size);
          assert.equal(taken.kind, 'sent', `${kind}: ${show(taken)}`);
          assert.equal(shown().at(-1), size, `${kind}: another file arrived`);
          const said = await carry(kind, limit, `/files/${kind}.bin`, limit.maxBytes + 1);
          assert.equal(said.kind, 'rejected', `${kind} said to be too large: ${show(said)}`);
          const gone = await carry(kind, limit, '/files/gone');
          assert.equal(gone.kind, 'rejected', `${kind} that is not there: ${show(gone)}`);
        }
        const [kind, limit] = kinds[0]!;
        for (const [extra, outcome] of [
          [0, 'sent'],
          [1, 'rejected'],
        ] as const) {
          bench.files.set('/files/large.bin', new Uint8Array(limit.maxBytes + extra));
          const large = await carry(kind, limit, '/files/large.bin');
          assert.equal(large.kind, outcome, `${kind} of ${limit.maxBytes + extra} bytes: ${show(large)}`);
        }
        assert.equal(shown().length, kinds.length + 1, 'what was rejected was sent');
      }),
  },
  'delivery.hostile-text': {
    says: 'no text is ever refused for its format',
    check: (of) =>
      onReady(of, async (bench) => {
        const { dialect, manifest } = of.platform;
        for (const [name, markdown] of Object.entries(hostile)) {
          // The first and the last message: cuts and closing markup are at both ends.
          const bodies = compose(markdown, dialect, manifest.capabilities.text);
          for (const body of new Set([bodies.at(0), bodies.at(-1)])) {
            if (body === undefined) continue;
            const outcome = await bench.deliver({ kind: 'send', body });
            assert.equal(outcome.kind, 'sent', `${name}: ${show(outcome)}: ${body.text.slice(0, 200)}`);
          }
        }
      }),
  },
};

type MediaKind = keyof Capabilities['media'];
type MediaLimit = NonNullable<Capabilities['media'][MediaKind]>;

const scripts: Readonly<Record<string, string>> = {
  ASCII: 'x',
  CJK: '語',
  'astral emoji': '😀',
  'combining marks': 'e\u0301',
  'joined emoji': '👩‍👩‍👧',
};

/** As many of `piece` as fit, filled up with single units to exactly `max`. */
function fill(piece: string, max: number, unit: Unit): string {
  const times = Math.floor(max / measure(piece, unit));
  const most = piece.repeat(times);
  return most + 'x'.repeat(max - measure(most, unit));
}

function bodyOf<C>({ platform }: Conformance<C>, value: string) {
  const doc: Doc = { blocks: [{ kind: 'paragraph', children: [{ kind: 'text', text: value }] }] };
  return platform.dialect.render(doc);
}

/** Statuses of HTTP, or the platform's own codes and some that nobody knows; each with what it may mean. */
function* refusalsOf<C>({
  refusals,
  outcomes,
}: Conformance<C>): Iterable<readonly [number, readonly string[]]> {
  if (refusals === undefined) {
    for (let code = 400; code <= 599; code++) {
      // Adapters never see these: fetch makes a failure of 407, and repeats what a 421 says was not done.
      if (code !== 407 && code !== 421) yield [code, outcomes?.[code] ?? expectedKinds(code)];
    }
    return;
  }
  for (const [code, meaning] of Object.entries(refusals.codes)) yield [Number(code), [meaning]];
  for (const code of refusals.strange) yield [code, ['rejected', 'retry', 'unknown']];
}

function expectedKinds(code: number): readonly Delivered['kind'][] {
  if (code === 429) return ['retry'];
  if (code >= 500 || code === 408) return ['retry', 'unknown'];
  return ['rejected', 'retry'];
}

function undeclared(capabilities: Capabilities): PartOp[] {
  const body = { text: 'x', plain: 'x' };
  const target = brand<MessageId>('1');
  const ops: PartOp[] = [];
  if (capabilities.edit === false) ops.push({ kind: 'edit', target, body });
  if (capabilities.delete === false) ops.push({ kind: 'delete', target });
  if (capabilities.reactions === false) ops.push({ kind: 'react', target, emoji: '👍' });
  if (capabilities.buttons === false)
    ops.push({ kind: 'send', body, buttons: [[{ label: 'ok', data: 'ok' }]] });
  for (const kind of ['image', 'audio', 'video', 'file'] as const)
    if (capabilities.media[kind] === undefined)
      ops.push({ kind: 'send', body, media: { ref: 'x', kind, mime: 'application/octet-stream' } });
  return ops;
}

async function sent(bench: Bench, op: PartOp): Promise<MessageId> {
  const outcome = await bench.deliver(op);
  assert.ok(outcome.kind === 'sent', `${op.kind}: ${show(outcome)}`);
  return outcome.id;
}

/** A platform with a socket delivers over it, so it has to be connected first. */
function onReady<C>(of: Conformance<C>, use: (bench: Bench) => Promise<void>): Promise<void> {
  return onBench(of, async (bench) => {
    await bench.ready();
    await use(bench);
  });
}
