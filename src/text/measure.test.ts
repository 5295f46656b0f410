import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutBefore, measure } from './measure.ts';

const family = '👨‍👩‍👧';

describe('measure', () => {
  test('counts what each platform counts', () => {
    const text = `a${family}e\u0301`;
    expect(measure(text, 'utf16')).toBe(11);
    expect(measure(text, 'codepoint')).toBe(8);
    expect(measure(text, 'grapheme')).toBe(3);
    expect(measure(text, 'byte')).toBe(Buffer.byteLength(text));
  });

  test('a cut is never after the asked place nor inside a surrogate pair', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(60), (text, at) => {
        const cut = cutBefore(text, at);
        expect(cut).toBeLessThanOrEqual(at);
        expect(text.slice(0, cut).isWellFormed()).toBe(true);
        expect(measure(text.slice(0, cut), 'grapheme') + measure(text.slice(cut), 'grapheme')).toBe(
          measure(text, 'grapheme'),
        );
      }),
    ));

  test('a grapheme is kept whole unless it is absurdly long', () => {
    expect(cutBefore(`ab${family}`, 5)).toBe(2);
    expect(cutBefore(family, 3)).toBe(0);
    expect(cutBefore(`a${'\u0301'.repeat(5000)}`, 4000)).toBe(4000);
  });
});
