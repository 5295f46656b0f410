import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cutText, decodeText, isText } from './text.ts';

const decoded = (bytes: readonly number[] | string, charset?: string) =>
  decodeText(Buffer.from(bytes), charset).text;

it('decodes by byte order mark, then by the declared charset, then as UTF-8', () => {
  expect(decoded('é')).toBe('é');
  expect(decoded([0xe9], 'latin1')).toBe('é');
  expect(decoded([0x93, 0xfa], 'Shift_JIS')).toBe('日');
  expect(decoded('é', 'no-such-charset')).toBe('é');
  expect(decoded([0xef, 0xbb, 0xbf, 0xc3, 0xa9], 'latin1')).toBe('é');
  expect(decoded([0xff, 0xfe, 0xe9, 0x00])).toBe('é');
  expect(decoded([0xfe, 0xff, 0x00, 0xe9], 'utf-8')).toBe('é');
  expect(decoded([0x61, 0xff, 0x62])).toBe('a\ufffdb');
});

it.each([
  ['BMW sold more', 'image/bmp'],
  ['MZ is a former country code', 'application/x-msdownload'],
  ['<?xml version="1.0"?><a/>', 'application/xml'],
  ['tab\tline\r\npage\fescape\x1b[0m', undefined],
])('"%s" is text', (text, sniffed) => {
  expect(isText({ text, encoding: 'utf-8' }, sniffed)).toBe(true);
});

it('control bytes at the start and NUL anywhere are binary', () => {
  for (const text of ['\x01', 'a\x08b', `${'x'.repeat(100_000)}\0`])
    expect(isText({ text, encoding: 'utf-8' }, undefined)).toBe(false);
});

it('a signature in what claims to be UTF-16 is no accident', () => {
  expect(isText({ text: '倉䝐', encoding: 'utf-16le' }, 'image/png')).toBe(false);
});

it('the cut is never longer than allowed and tears no character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (text, max) => {
        const cut = cutText(text, max);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(text.startsWith(cut)).toBe(true);
        expect(cut.isWellFormed()).toBe(true);
        expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, max - 1));
      },
    ),
  );
});
