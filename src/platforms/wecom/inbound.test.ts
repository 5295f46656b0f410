import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wecomConfig } from './config.ts';
import { eventType, type Translation, toInbound } from './inbound.ts';
import { policyOf } from './policy.ts';
import { eventPush, parseFrame } from './wire.ts';

const folder = new URL('samples/', import.meta.url);
const samples = readdirSync(folder).map(
  (name) => [name.replace('.json', ''), readFileSync(new URL(name, folder), 'utf8')] as const,
);

function how(values: object = {}): Translation {
  const config = wecomConfig.schema.parse({ bot_id: 'AIBOTID', secret: 'fake-secret', ...values });
  return { policy: policyOf(config), botId: config.bot_id, botName: config.bot_name };
}

const sample = (name: string) => samples.find(([known]) => known === name)?.[1] ?? '';

function translate(raw: string, values: object = {}) {
  const frame = parseFrame(raw);
  if (frame === undefined) throw new Error('no frame');
  return toInbound(frame, raw, how(values));
}

function only(raw: string, values: object = {}) {
  const translated = translate(raw, values);
  if ('skipped' in translated) throw new Error(translated.skipped);
  return translated.event;
}

const said = (content: string, fields: object = {}) =>
  JSON.stringify({
    cmd: 'aibot_msg_callback',
    headers: { req_id: 'R1' },
    body: {
      msgid: 'M1',
      chattype: 'group',
      chatid: 'wr1',
      from: { userid: 'lisi' },
      msgtype: 'text',
      text: { content },
      ...fields,
    },
  });

test('every sample becomes exactly the expected event', () => {
  expect(samples.length).toBeGreaterThan(25);
  const translated = samples.map(([name, raw]) => {
    const frame = parseFrame(raw);
    if (frame?.cmd === eventPush) return [name, `event: ${eventType(frame.body)}`];
    const result = translate(raw);
    if ('skipped' in result) return [name, `skipped: ${result.skipped}`];
    const { raw: kept, ...event } = result.event;
    expect(kept).toBe(raw);
    return [name, event];
  });
  expect(Object.fromEntries(translated)).toMatchSnapshot();
});

describe('the specified cases', () => {
  test('a mention before a command is cut off in groups; a direct message keeps its leading @x', () => {
    expect(only(sample('text-group-mention')).text).toBe('/help');
    expect(only(sample('text-group-wide-space'))).toMatchObject({ text: 'hello', mentionsMe: true });
    expect(only(sample('text-dm'))).toMatchObject({ text: '@x 你好', scope: 'dm' });
    expect(only(sample('text-dm')).mentionsMe).toBeUndefined();
  });

  test('a display name with spaces is cut off as a whole when it is configured', () => {
    expect(only(said('@My Bot do it'), { bot_name: 'My Bot' }).text).toBe('do it');
    expect(only(said('@My Bot do it')).text).toBe('Bot do it');
    expect(only(said('@Other do it'), { bot_name: 'My Bot' }).text).toBe('do it');
  });

  test('a mixed message is its texts line by line and all its images', () => {
    const { text, media } = only(sample('mixed-group'));
    expect(text).toBe('a\nb');
    expect(media).toHaveLength(1);
  });

  test('speech is its transcript, and a base64 image an image of its own type', () => {
    expect(only(sample('voice')).text).toBe('你好');
    expect(only(sample('image-base64')).media).toMatchObject([{ kind: 'image', mime: 'image/png' }]);
    expect(translate(sample('image-base64-not-an-image'))).toMatchObject({ skipped: 'nothing in it' });
  });

  test('a message of only a quote says what is quoted', () => {
    const { text, replyTo } = only(sample('quote-only'));
    expect(text).toBe('summarise me');
    expect(replyTo?.id).toMatch(/^quote:/);
  });

  test('a quote keeps its text beside what is said, and its pictures behind those of the message', () => {
    expect(only(sample('quote-text'))).toMatchObject({
      text: 'and this?',
      replyTo: { text: 'earlier text' },
    });
    expect(only(sample('quote-mixed'))).toMatchObject({
      text: '?',
      replyTo: { text: 'old' },
      media: [{ kind: 'image' }],
    });
    expect(only(sample('quote-video')).media).toMatchObject([{ kind: 'video' }]);
  });

  test('file names lose their folders', () => {
    expect(only(sample('file-named')).media).toMatchObject([
      { name: '季度报告.pdf', mime: 'application/pdf' },
    ]);
    expect(only(sample('file-unnamed')).media).toMatchObject([{ name: 'document.bin' }]);
  });

  test('control characters the server leaves in a text do not lose the message', () => {
    expect(only(sample('control-characters')).text).toBe('two  lines');
  });

  test('words that are not for us never leave the adapter', () => {
    for (const [raw, values] of [
      [sample('text-dm'), { dm_policy: 'disabled' }],
      [said('@Hermes secret'), { group_policy: 'disabled' }],
      [said('@Hermes secret'), { groups: { wr1: { allow_from: ['zhangsan'] } } }],
    ] as const) {
      const event = only(raw, values);
      expect(event).toMatchObject({ addressed: false, raw: '' });
      expect(event.text).toBeUndefined();
      expect(JSON.stringify(event)).not.toMatch(/secret|你好/);
    }
  });
});

describe('keys', () => {
  test('are the same however often and in which order a push comes, also on another connection', () => {
    const bodies = samples.filter(([, raw]) => parseFrame(raw)?.cmd !== eventPush);
    const keyOf = (raw: string, reqId: string) => {
      const frame = parseFrame(raw)!;
      const result = toInbound({ ...frame, reqId }, raw, how());
      return 'event' in result ? result.event.key : undefined;
    };
    const first = bodies.map(([, raw]) => keyOf(raw, 'A'));
    const again = bodies.toReversed().map(([, raw]) => keyOf(raw, 'B'));
    expect(again.toReversed()).toEqual(first);
  });

  test('are pinned', () => {
    expect(only(sample('text-dm')).key).toBe('CAIQ16HmjQYYm4GDgICAAyDZ7qzVCg==');
    expect(only(sample('no-msgid')).key).toBe(
      'sha256:28928a6a81f83df6ef97e0bef347d888c766a947b31e4998969fd6f4be75a12f',
    );
  });

  test('differ between messages without an id', () => {
    const one = only(said('a', { msgid: undefined })).key;
    expect(only(said('b', { msgid: undefined })).key).not.toBe(one);
  });
});

test('nothing that can arrive throws, and what comes out is of the right form', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant('https://x/y'));
  const body = fc.record(
    {
      msgid: leaf,
      chatid: leaf,
      chattype: fc.constantFrom('single', 'group', 'x'),
      from: fc.oneof(leaf, fc.record({ userid: leaf })),
      create_time: fc.oneof(fc.double(), leaf),
      msgtype: fc.constantFrom('text', 'image', 'file', 'video', 'voice', 'mixed', 'appmsg', 'constructor'),
      text: fc.oneof(leaf, fc.record({ content: leaf })),
      image: fc.oneof(leaf, fc.record({ url: leaf, base64: leaf, aeskey: leaf }, { requiredKeys: [] })),
      mixed: fc.oneof(leaf, fc.record({ msg_item: fc.oneof(leaf, fc.array(fc.anything())) })),
      quote: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, (value) => {
      const raw = JSON.stringify({ cmd: 'aibot_msg_callback', headers: { req_id: 'R' }, body: value });
      const result = translate(raw);
      if ('skipped' in result) return;
      const { event } = result;
      for (const field of [event.key, event.at.chat, event.from.name]) expect(typeof field).toBe('string');
      for (const { ref } of event.media ?? []) expect(typeof ref).toBe('string');
    }),
    { numRuns: 500 },
  );
});

test('what is no frame is undefined', () => {
  for (const raw of ['', 'x', '[]', 'null', '"a"', '{', '1']) expect(parseFrame(raw)).toBeUndefined();
  expect(parseFrame('{}')).toMatchObject({ cmd: undefined, reqId: undefined, errcode: undefined });
});
