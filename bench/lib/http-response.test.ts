import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ResponseReader } from './http-response.ts';

function read(pieces: readonly Buffer[]) {
  const seen: { status: number; body: string; ended: boolean }[] = [];
  const reader = new ResponseReader({
    head: (status) => void seen.push({ status, body: '', ended: false }),
    body(bytes) {
      const last = seen.at(-1);
      if (last) last.body += bytes.toString();
    },
    end() {
      const last = seen.at(-1);
      if (last) last.ended = true;
    },
  });
  for (const piece of pieces) reader.push(piece);
  return seen;
}

const stream = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello' +
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\nT: r\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nno',
);
const expected = [
  { status: 200, body: 'hello', ended: true },
  { status: 200, body: 'abc0123456789', ended: true },
  { status: 204, body: '', ended: true },
  { status: 502, body: 'no', ended: true },
];

describe('responses on one connection', () => {
  test('are told apart whatever pieces they arrive in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length })), (cuts) => {
        const borders = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const pieces = borders.slice(1).map((end, index) => stream.subarray(borders[index], end));
        expect(read(pieces)).toEqual(expected);
      }),
    );
  });

  test('a body that is not complete has not ended', () => {
    expect(read([stream.subarray(0, 46)])).toMatchObject([{ status: 200, ended: false }]);
  });

  test('something else is refused', () => {
    expect(() => read([Buffer.from('SSH-2.0-x\r\n\r\n')])).toThrow('not an HTTP/1.1 response');
    expect(() => read([Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')])).toThrow(
      'a chunk without a size',
    );
  });
});
