import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { percentile, spread } from './percentiles.ts';

describe('a percentile', () => {
  test('is a sample that was measured, found by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([10, 9], 0.5)).toBe(9);
  });

  test('does not exist without samples', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });

  test('never has more than its share of the samples below it', () => {
    const samples = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const found = percentile(values, share);
        expect(values).toContain(found);
        expect(values.filter((value) => value < found).length).toBeLessThanOrEqual(share * values.length);
      }),
    );
  });
});

describe('the spread of rounds', () => {
  test('is their median, least and greatest, in any order', () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([]).median).toBeNaN();
  });
});
