import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64, inlined, parseDataUrl } from './source.ts';

it('reads back what was encoded, however the lines were broken', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.constantFrom('', '\n', ' \r\n\t'),
      (bytes, gap) => {
        const text = Buffer.from(bytes).toString('base64').replace(/.{4}/g, `$&${gap}`);
        expect(Buffer.compare(decodeBase64(text, bytes.length), bytes)).toBe(0);
      },
    ),
  );
});

it.each(['', ' \n', 'abc', 'ab=c', 'a===', '====', 'ab-_', 'abcd!', 'YWJj=', 'YQ', '=AAA'])(
  'refuses "%s" as base64',
  (text) => {
    expect(() => decodeBase64(text, 100)).toThrow(expect.objectContaining({ reason: 'bad_base64' }));
  },
);

it('the limit is exact', () => {
  for (const size of [1, 2, 3, 4, 5]) {
    const text = Buffer.alloc(size, 7).toString('base64');
    expect(decodeBase64(text, size)).toHaveLength(size);
    expect(() => decodeBase64(text, size - 1)).toThrow(expect.objectContaining({ reason: 'too_large' }));
  }
});

it.each([
  ['data:image/png;base64,QQ==', 'image/png', 'QQ=='],
  ['DATA:image/png;charset=utf-8;BASE64,QQ==', 'image/png;charset=utf-8', 'QQ=='],
  ['data:text/csv; charset=latin1; base64,QQ==', 'text/csv;charset=latin1', 'QQ=='],
  ['data:;base64,QQ==', undefined, 'QQ=='],
  ['data:charset=a/b;base64,QQ==', undefined, 'QQ=='],
  ['data:image/png;base64,a,b', 'image/png', 'a,b'],
])('reads %s', (url, mime, base64) => {
  expect(parseDataUrl(url)).toEqual(mime === undefined ? { base64 } : { mime, base64 });
});

it.each([
  'data:',
  'data:image/png;base64',
  'data:image/png,QQ==',
  'data:,hello',
  'data:image/png;base64x,QQ==',
])('refuses %s', (url) => {
  expect(() => parseDataUrl(url)).toThrow(expect.objectContaining({ reason: 'bad_data_url' }));
});

it('keeps the name of a file when its data URL becomes data, and leaves other URLs alone', () => {
  expect(inlined({ kind: 'url', url: ' data:text/plain;base64,QQ==', filename: 'a' })).toEqual({
    kind: 'data',
    mime: 'text/plain',
    base64: 'QQ==',
    filename: 'a',
  });
  const remote = { kind: 'url', url: 'https://example.com/data:' } as const;
  expect(inlined(remote)).toBe(remote);
});
