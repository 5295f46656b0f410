import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventData } from './chat-wire-sse.ts';

const bytes = (text: string) => Buffer.from(text);

function read(whole: Uint8Array, cuts: readonly number[] = []): string[] {
  const events = eventData();
  const ends = [...cuts, whole.length].sort((a, b) => a - b);
  let from = 0;
  const out: string[] = [];
  for (const end of ends) {
    out.push(...events.push(whole.subarray(from, end)));
    from = end;
  }
  return [...out, ...events.end()];
}

test('an event is its data: names, ids, comments and empty events say nothing', () => {
  const text =
    ': hello\n\nevent: message\nid: 7\ndata: one\nretry: 5\n\n:ping\n\ndata:\n\ndata:two\n\ndata:  three\n\n';
  expect(read(bytes(text))).toEqual(['one', 'two', ' three']);
});

test('data lines of one event are joined, those of two are not', () => {
  expect(read(bytes('data: {"a":\ndata: 1}\n\ndata: 2\n\n'))).toEqual(['{"a":\n1}', '2']);
});

test('lines end with LF, CRLF or CR, and a byte order mark may lead', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    expect(read(bytes(`\ufeffdata: a${end}data: b${end}${end}data: c${end}${end}`))).toEqual(['a\nb', 'c']);
  }
});

test('an event without its blank line is given at the end', () => {
  const events = eventData();
  expect(events.push(bytes('data: a\n\ndata: b'))).toEqual(['a']);
  expect(events.end()).toEqual(['b']);
});

test('bytes that are not UTF-8 become replacement characters', () => {
  expect(read(Buffer.from('data: \xff\xfe!\n\n', 'latin1'))).toEqual(['\ufffd\ufffd!']);
});

test('a line of many chunks is put together once', () => {
  const piece = 'x'.repeat(1000);
  const events = eventData();
  events.push(bytes('data: '));
  for (let n = 0; n < 1000; n++) expect(events.push(bytes(piece))).toEqual([]);
  expect(events.push(bytes('\n\n'))).toEqual([piece.repeat(1000)]);
});

test('any chunking of any bytes gives the same data', () => {
  const words = fc.constantFrom(
    'data: ',
    'data',
    ':',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    'é',
    '😀',
    '漢',
    '{}',
    ' ',
    '\ufeff',
  );
  const stream = fc.array(fc.oneof(words, fc.string()), { maxLength: 40 });
  const noise = fc.uint8Array({ maxLength: 6 });
  fc.assert(
    fc.property(stream, noise, fc.array(fc.nat(200), { maxLength: 12 }), (parts, raw, at) => {
      const whole = Buffer.concat([bytes(parts.join('')), raw, bytes('\ndata: end\n\n')]);
      const cuts = at.map((cut) => cut % (whole.length + 1));
      expect(read(whole, cuts)).toEqual(read(whole));
    }),
    { numRuns: 500 },
  );
});
