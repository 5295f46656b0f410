import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostile, markdown } from './arbitrary.ts';
import { compose } from './compose.ts';
import type { Dialect } from './dialect.ts';
import { lower } from './lower.ts';
import { measure, type Unit } from './measure.ts';
import { parse } from './parse.ts';
import { plainDialect, visibleText } from './plain.ts';
import { split } from './split.ts';

interface Chunking {
  readonly chunking: readonly Readonly<Record<string, string | number>>[];
}
const { chunking } = JSON.parse(
  readFileSync(new URL('data/formatting-vectors.json', import.meta.url), 'utf8'),
) as Chunking;

const render = (doc: Parameters<Dialect['render']>[0]) => plainDialect.render(doc);
const unit: fc.Arbitrary<Unit> = fc.constantFrom('utf16', 'codepoint', 'grapheme', 'byte');
const bare = (text: string) => text.replace(/\s+/g, '');
/** Shows fences as markup, so that re-opening them is visible. */
const fenced: Dialect = {
  ...plainDialect,
  supports: { ...plainDialect.supports, fence: 'native' },
  render(doc) {
    const { plain } = plainDialect.render(doc);
    const [only, ...more] = doc.blocks;
    if (only?.kind !== 'fence' || more.length > 0) return { text: plain, plain };
    return { text: `\`\`\`${only.lang}\n${only.text}\n\`\`\``, plain };
  },
};

describe('chunking vectors', () => {
  test('5000 letters give a first body of the stated length and numbered pieces', () => {
    const vector = chunking[0]!;
    const pieces = compose('a'.repeat(5000), plainDialect, { max: 4096, unit: 'utf16', counts: 'source' });
    expect(pieces).toHaveLength(Number(vector['chunks']));
    expect(pieces[0]?.text).toBe(
      'a'.repeat(Number(vector['first_body_units'])) + String(vector['first_suffix']),
    );
    expect(pieces[1]?.text.endsWith(String(vector['second_suffix']))).toBe(true);
  });

  test('no surrogate pair is cut', () => {
    const pieces = compose('\u{1F600}'.repeat(2100), plainDialect, {
      max: 4096,
      unit: 'utf16',
      counts: 'source',
    });
    expect(pieces).toHaveLength(2);
    for (const { text } of pieces) {
      expect(text.length).toBeLessThanOrEqual(4096);
      expect(text.isWellFormed()).toBe(true);
    }
  });

  test('a long fence is closed and re-opened with its language', () => {
    const source = `\`\`\`py\n${'x = 1\n'.repeat(1000)}\`\`\``;
    const pieces = compose(source, fenced, { max: 2000, unit: 'utf16', counts: 'source' });
    expect(pieces.length).toBeGreaterThan(2);
    for (const { text } of pieces) {
      expect(text).toMatch(/^```py\n[^`]*\n```\n\(\d+\/\d+\)$/);
      expect(text.length).toBeLessThanOrEqual(2000);
    }
  });

  test('exactly the limit is one message without a number', () => {
    const text = 'a'.repeat(4096);
    expect(compose(text, plainDialect, { max: 4096, unit: 'utf16', counts: 'source' })).toEqual([
      { text, plain: text },
    ]);
  });
});

describe('split', () => {
  test('every piece is within the limit, none is blank, and together they are the whole visible text', () =>
    fc.assert(
      fc.property(markdown, fc.integer({ min: 60, max: 400 }), unit, (source, max, unit) => {
        const doc = lower(parse(source), plainDialect.supports);
        const pieces = split(doc, { max, unit, counts: 'source', render });
        for (const piece of pieces) {
          expect(measure(piece.rendered.text, unit)).toBeLessThanOrEqual(max);
          expect(piece.rendered.plain.trim()).not.toBe('');
        }
        expect(bare(pieces.map((piece) => visibleText(piece.doc)).join(' '))).toBe(bare(visibleText(doc)));
      }),
      { numRuns: 600 },
    ));

  test('composing is within the limit, number included, in every unit', () =>
    fc.assert(
      fc.property(markdown, fc.integer({ min: 60, max: 400 }), unit, (source, max, unit) => {
        for (const { text } of compose(source, plainDialect, { max, unit, counts: 'source' })) {
          expect(measure(text, unit)).toBeLessThanOrEqual(max);
        }
      }),
      { numRuns: 300 },
    ));

  test('64 KiB of hostile markup is split like everything else', () => {
    for (const source of hostile) {
      for (const { text } of compose(source, plainDialect, { max: 2000, unit: 'utf16', counts: 'source' })) {
        expect(text.length).toBeLessThanOrEqual(2000);
      }
    }
  });

  test('rendering work grows in step with the text, not with its square', () => {
    const drawn = (paragraphs: number) => {
      let work = 0;
      split(parse('Some **bold** words and `code` here.\n\n'.repeat(paragraphs)), {
        max: 1000,
        unit: 'utf16',
        counts: 'source',
        render(doc) {
          const rendered = plainDialect.render(doc);
          work += rendered.text.length;
          return rendered;
        },
      });
      return work;
    };
    expect(drawn(4000)).toBeLessThan(drawn(500) * 8 * 1.5);
  });

  test('blocks are kept together before anything else is', () => {
    const first = `${'one '.repeat(30)}end.`;
    const second = `${'two '.repeat(30)}end.`;
    const pieces = compose(`${first}\n\n${second}`, plainDialect, {
      max: 200,
      unit: 'utf16',
      counts: 'source',
    });
    expect(pieces.map((piece) => piece.plain)).toEqual([`${first} (1/2)`, `${second} (2/2)`]);
  });

  test('a heading stays with the text below it', () => {
    const source = `${'one '.repeat(22)}\n\n# Title\n\n${'two '.repeat(30)}`;
    const bold: Dialect = { ...plainDialect, supports: { ...plainDialect.supports, bold: 'native' } };
    const pieces = compose(source, bold, { max: 150, unit: 'utf16', counts: 'source' });
    expect(pieces[0]?.plain).not.toContain('Title');
    expect(pieces[1]?.plain.startsWith('Title\n\ntwo')).toBe(true);
  });

  test('list numbers go on in the next piece, and the rest of a cut item has no number', () => {
    const items = Array.from({ length: 12 }, (_, at) => `${at + 5}. item number ${at + 5} of the list`).join(
      '\n',
    );
    const pieces = compose(items, plainDialect, { max: 120, unit: 'utf16', counts: 'source' });
    const all = pieces.map((piece) => piece.plain.replace(/ \(\d+\/\d+\)$/, '')).join('\n');
    expect(all).toBe(items);
    const long = compose(`1. ${'word '.repeat(40)}\n2. next`, plainDialect, {
      max: 120,
      unit: 'utf16',
      counts: 'source',
    });
    expect(long[1]?.plain.startsWith('word')).toBe(true);
    expect(long.at(-1)?.plain).toContain('2. next');
  });

  test('a link is never cut', () => {
    const source = Array.from(
      { length: 40 },
      (_, at) => `see [a page with a name](https://e.com/${at})`,
    ).join(' ');
    const doc = parse(source);
    const pieces = split(doc, { max: 150, unit: 'utf16', counts: 'source', render });
    const links = pieces.flatMap((piece) =>
      piece.doc.blocks.flatMap((block) =>
        block.kind === 'paragraph' ? block.children.filter((node) => node.kind === 'link') : [],
      ),
    );
    expect(links).toHaveLength(40);
    for (const link of links) expect(link.children).toEqual([{ kind: 'text', text: 'a page with a name' }]);
  });

  test('visible counting leaves markup out of the measure', () => {
    const render = (doc: Parameters<Dialect['render']>[0]) => {
      const { plain } = plainDialect.render(doc);
      return { text: plain.replaceAll('.', '\\.'), plain };
    };
    const doc = parse('.'.repeat(100));
    expect(split(doc, { max: 100, unit: 'utf16', counts: 'visible', render })).toHaveLength(1);
    expect(split(doc, { max: 100, unit: 'utf16', counts: 'source', render }).length).toBeGreaterThan(1);
  });

  test('blank input gives no message', () => {
    for (const source of ['', '  \n\t\n', '\n\n']) {
      expect(compose(source, plainDialect, { max: 100, unit: 'utf16', counts: 'source' })).toEqual([]);
    }
  });
});
