import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetTypes } from './assets.ts';
import { pageModule, type Said } from './testing.ts';

const { eventCutter } = await pageModule('sse.js');
const { messagesOf } = await pageModule('conversation.js');
const { lasting, platformState } = await pageModule('words.js');

const folder = join(import.meta.dirname, 'assets');

test('the scripts of the page have no type error', () => {
  const tsc = join(import.meta.dirname, '../../../node_modules/.bin/tsc');
  expect(execFileSync(tsc, ['-p', folder], { encoding: 'utf8' })).toBe('');
}, 60_000);

test('every file of the page is served, and nothing else', () => {
  const files = readdirSync(folder).filter((name) => name !== 'tsconfig.json');
  expect(Object.keys(assetTypes).sort()).toEqual(files.sort());
});

describe('the stream', () => {
  const text =
    ': keepalive\n\ndata: {"a":1}\n\nevent: hermes.tool.progress\ndata: x\r\ndata: y\r\n\r\nid: 7\ndata:z\r\rdata: [DONE]\n\n';
  const events = [
    { event: 'message', data: '{"a":1}' },
    { event: 'hermes.tool.progress', data: 'x\ny' },
    { event: 'message', data: 'z' },
    { event: 'message', data: '[DONE]' },
  ];

  test('has the same events however it is cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 12 }), (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), text.length];
        const cut = eventCutter();
        const got = cuts.slice(1).flatMap((end, index) => cut(text.slice(cuts[index], end)));
        expect(got).toEqual(events);
      }),
    );
  });

  test('that never ends its line is given up', () => {
    const cut = eventCutter();
    expect(() => {
      for (let n = 0; n < 10; n += 1) cut('x'.repeat(1_000_000));
    }).toThrow('too long');
  });
});

describe('the messages of a request', () => {
  const user = (text: string, ...pictures: string[]): Said => ({ role: 'user', text, pictures });
  const hermes = (text: string): Said => ({ role: 'assistant', text });

  test('are what was said, without answers that never began', () => {
    expect(messagesOf([user('a'), hermes('b'), user('c'), hermes(''), user('d', 'data:1')])).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'd' },
          { type: 'image_url', image_url: { url: 'data:1' } },
        ],
      },
    ]);
    expect(messagesOf([user('', 'data:1')])[0]?.content).toEqual([
      { type: 'image_url', image_url: { url: 'data:1' } },
    ]);
  });

  test('lose the pictures of older messages first, then the oldest messages, never the newest', () => {
    const picture = `data:${'x'.repeat(500)}`;
    const said = [user('old', picture), hermes('fine'), user('new', picture)];
    expect(messagesOf(said, 900).map(({ content }) => content)).toEqual([
      'old\n[a picture]',
      'fine',
      expect.any(Array),
    ]);
    expect(messagesOf(said, 10).map(({ content }) => content)).toEqual([expect.any(Array)]);
  });
});

test('numbers and codes are said in words', () => {
  expect([0, 59_400, 60_000, 3_600_000, 5_000_000, 200_000_000].map(lasting)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '1 h 23 min',
    '2 days',
  ]);
  expect(platformState({ state: 'connected' })).toBe('connected');
  expect(platformState({ state: 'retrying', code: 'network' })).toBe(
    'trying again: the network cannot be reached',
  );
  expect(platformState({ state: 'fatal', code: 'auth' })).toBe(
    'off until somebody helps: its credential was refused',
  );
  expect(platformState({ state: 'new-state', code: 'new_code' })).toBe('new-state: new_code');
});
