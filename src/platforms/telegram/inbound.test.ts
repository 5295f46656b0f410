import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../core/log.ts';
import { gateRules } from './gate.ts';
import { type Translation, toInbound } from './inbound.ts';
import { configFor } from './testing.ts';
import { parseExact, parseUpdate } from './wire.ts';

const nowhere = { url: 'http://127.0.0.1:1', token: '8000001:fake-token-for-tests-0123456789abcd' };

function how(values: object = {}): Translation {
  return {
    me: { id: '8000001', username: 'hermes_test_bot' },
    rules: gateRules(configFor(nowhere, values), silentLog),
    fileCap: 20 * 1024 * 1024,
  };
}

const folder = new URL('samples/', import.meta.url);
const samples = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name.replace('.json', ''), readFileSync(new URL(name, folder), 'utf8')] as const);

const translate = (raw: string, values: object = {}) =>
  toInbound(parseUpdate(parseExact(raw)), raw, how(values));
const sample = (name: string) => samples.find(([known]) => known === name)?.[1] ?? '';

test('every sample becomes exactly the expected events', () => {
  expect(samples.length).toBeGreaterThan(30);
  const translated = samples.map(([name, raw]) => {
    const result = translate(raw);
    if ('skipped' in result) return [name, `skipped: ${result.skipped}`];
    for (const event of result.events) expect(event.raw).toBe(raw);
    return [name, result.events.map(({ raw: _raw, ...event }) => event)];
  });
  expect(Object.fromEntries(translated)).toMatchSnapshot();
});

describe('the specified cases', () => {
  const only = (name: string, values?: object) => {
    const result = translate(sample(name), values);
    if ('skipped' in result || result.events.length !== 1) throw new Error(`${name} is not one event`);
    return result.events[0]!;
  };

  test('a mention after an emoji is recognised and removed with its comma', () => {
    const event = only('text-group-mention', { require_mention: true });
    expect(event).toMatchObject({ text: '😀 what now?', mentionsMe: true });
    expect(event.addressed).toBeUndefined();
  });

  test('a bare reply-chain thread id is no thread; General of a forum is 1', () => {
    expect(only('text-reply-chain').at).toEqual({ chat: '-1001234567890' });
    expect(only('text-forum-general').at).toEqual({ chat: '-1009876543210', thread: '1' });
  });

  test('words that are not for us never leave the adapter', () => {
    const event = only('text-reply-chain', { allowed_chats: '-5' });
    expect(event).toMatchObject({ addressed: false, raw: '' });
    expect(JSON.stringify(event)).not.toContain('a reply');
  });

  test('observed messages keep their text as context', () => {
    const values = { require_mention: true, observe_unmentioned_group_messages: true };
    expect(only('text-forum-topic', values)).toMatchObject({ addressed: false, text: 'in a topic' });
    expect(only('text-forum-topic', { ...values, ignored_threads: '42' }).text).toBeUndefined();
  });

  test('an anonymous administrator has no sender id and is no bot', () => {
    expect(only('anonymous-admin').from).toEqual({ name: 'Ops', isBot: false, isSelf: false });
  });

  test('the name of a command loses our suffix, its dashes become hyphens', () => {
    expect(only('command-suffix').text).toBe('/new --now');
  });

  test('an album keeps its group, the largest photo and the caption', () => {
    expect(only('photo-album')).toMatchObject({
      group: '1399',
      text: 'look',
      media: [{ ref: 'large', kind: 'image' }],
    });
  });

  test('a voice message over the limit is a note instead of a download', () => {
    const event = only('voice-too-large');
    expect(event.media).toBeUndefined();
    expect(event.text).toBe('[Telegram voice message skipped: file size 21.3 MB exceeds the 20 MB limit.]');
  });

  test('ticks of a live location start nothing', () => {
    expect(translate(sample('live-location-tick'))).toMatchObject({ skipped: 'live location' });
  });

  test('keys differ when an update id is used again for another message', () => {
    const other = sample('text-dm').replace('"message_id": 7', '"message_id": 8');
    const result = translate(other);
    if ('skipped' in result) throw new Error('not translated');
    expect(result.events[0]?.key).not.toBe(only('text-dm').key);
    expect(only('text-dm').key).toBe(only('text-dm').key);
  });
});

test('mutated updates are translated or skipped, never thrown', () => {
  const values = samples.map(([, raw]) => JSON.parse(raw) as unknown);
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(null, -1, 2 ** 60, '\ud800', '', [], {}, 10n ** 30n, Number.NaN, 'x'.repeat(70_000)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...values), fc.nat(), odd, (value, at, replacement) => {
      const copy = structuredClone(value);
      const places = placesIn(copy);
      const place = places[at % places.length];
      if (place) place.holder[place.key] = replacement;
      const result = toInbound(parseUpdate(copy), 'raw', how({ require_mention: true }));
      if ('skipped' in result) return;
      for (const event of result.events) {
        expect(event.key).toMatch(/^\d+:-?\d+:/);
        expect(event.at.chat).toMatch(/^-?\d+$/);
      }
    }),
    { numRuns: 3000 },
  );
});

type Holder = Record<string, unknown>;

function placesIn(value: unknown): { readonly holder: Holder; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Holder;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])]);
}
