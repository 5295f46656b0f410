import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../core/message.ts';
import { missingResult, repair, withoutOpaque } from './repair.ts';

const user = (content: string): Message => ({ role: 'user', content });
const says = (content: string, ...ids: string[]): Message => ({
  role: 'assistant',
  content,
  ...(ids.length > 0 && { toolCalls: ids.map((id) => ({ id, name: 't', arguments: '{}' })) }),
});
const result = (toolCallId: string, content = 'r'): Message => ({
  role: 'tool',
  toolCallId,
  name: 't',
  content,
});

test('two messages of one side in a row become one', () => {
  expect(repair([user('a'), user('b'), says('c'), says('d', '1'), result('1')])).toEqual([
    user('a\n\nb'),
    says('c\n\nd', '1'),
    result('1'),
  ]);
});

test('results without a call are dropped, calls without a result get one', () => {
  expect(repair([user('a'), result('lost'), says('', '1', '2'), result('2'), user('b')])).toEqual([
    user('a'),
    says('', '1', '2'),
    result('1', missingResult),
    result('2'),
    user('b'),
  ]);
});

test('an id that is used again belongs to the call before it', () => {
  const messages = [user('a'), says('', '1'), result('1', 'first'), says('', '1'), result('1', 'second')];
  const results = repair(messages).flatMap((message) => (message.role === 'tool' ? [message.content] : []));
  expect(results).toEqual(['first', 'second']);
});

test('text is trimmed and well-formed, empty results are not empty, empty messages are gone', () => {
  expect(repair([user('  a\ud800 '), says('', '1'), result('1', ' '), says(' ')])).toEqual([
    user('a\ufffd'),
    says('', '1'),
    result('1', '(no output)'),
  ]);
});

test('images survive the merge of user messages', () => {
  const image = { type: 'image_url' as const, image_url: { url: 'https://x/y.png' } };
  expect(repair([user('a'), { role: 'user', content: [image] }])).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'a' }, image] },
  ]);
});

test('opaque data goes, everything else stays', () => {
  const meta = { provider: 'p', data: 1 };
  const message: Message = {
    role: 'assistant',
    content: 'c',
    meta,
    toolCalls: [{ id: '1', name: 't', arguments: '{}', meta }],
  };
  expect(withoutOpaque([message])).toEqual([says('c', '1')]);
});

test('any conversation becomes one that strict providers take, and repairing it again changes nothing', () => {
  const id = fc.constantFrom('1', '2', '3');
  const text = fc.constantFrom('', ' ', 'a', ' b ');
  const message = fc.oneof(
    text.map(user),
    fc.tuple(text, fc.array(id, { maxLength: 3 })).map(([content, ids]) => says(content, ...ids)),
    fc.tuple(id, text).map(([call, content]) => result(call, content)),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      const out = repair(messages);
      let open: string[] = [];
      for (const [index, item] of out.entries()) {
        if (item.role === 'tool') expect(open.shift()).toBe(item.toolCallId);
        else {
          expect(open).toEqual([]);
          expect(out[index - 1]?.role).not.toBe(item.role);
        }
        if (item.role === 'assistant') open = (item.toolCalls ?? []).map((call) => call.id);
      }
      expect(open).toEqual([]);
      expect(repair(out)).toEqual(out);
    }),
  );
});
