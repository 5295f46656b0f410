import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openResults, type Results } from './results.ts';

let home: string;
let results: Results;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hermes-results-'));
  results = openResults(home, 'turn');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const text = (length: number) => 'x'.repeat(length);
const isShort = (content: string | undefined) => content?.startsWith('<persisted-output>') ?? false;

describe('the results of one message', () => {
  test('are kept whole while they fit', async () => {
    const batch = results.batch(0);
    expect(await batch.add('a', text(100_000))).toEqual([{ call: 'a', content: text(100_000) }]);
    expect(await batch.add('b', text(100_000))).toHaveLength(1);
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });

  test('make room from the largest on, also when that one came earlier', async () => {
    const batch = results.batch(0);
    await batch.add('large', text(150_000));
    await batch.add('small', text(20_000));
    const [own, other, ...more] = await batch.add('last', text(60_000));
    expect([own?.call, isShort(own?.content)]).toEqual(['last', false]);
    expect([other?.call, isShort(other?.content)]).toEqual(['large', true]);
    expect(more).toEqual([]);
    expect(readdirSync(join(home, 'cache', 'tool-results'))).toEqual(['turn-large.txt']);
  });

  test('count what an earlier attempt kept, and bound a single result that no tool bounded', async () => {
    const [own, ...more] = await results.batch(150_000).add('page', text(70_000));
    expect([isShort(own?.content), more]).toEqual([true, []]);
    expect(isShort((await results.batch(0).add('read_file', text(500_000)))[0]?.content)).toBe(true);
  });

  test('never exceed the budget by more than their previews, in whatever order and at once', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 150_000 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const batch = results.batch(0);
        const kept = new Map<string, string>();
        const add = async (length: number, index: number) => {
          for (const { call, content } of await batch.add(String(index), text(length)))
            kept.set(call, content);
        };
        await Promise.all(lengths.map(add));
        expect(kept.size).toBe(lengths.length);
        const total = [...kept.values()].reduce((sum, content) => sum + content.length, 0);
        expect(total).toBeLessThanOrEqual(200_000 + 12 * 3_000);
      }),
      { numRuns: 25 },
    );
  });
});
