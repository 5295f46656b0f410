import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostile, markdown } from '../../text/arbitrary.ts';
import { compose } from '../../text/compose.ts';
import { parse } from '../../text/parse.ts';
import { visibleText } from '../../text/plain.ts';
import { telegramDialect } from './dialect.ts';
import { parseMarkdownV2 } from './markdown-v2.ts';

interface Vectors {
  readonly cases: readonly { readonly markdown: string; readonly telegram_mdv2?: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL('../../text/data/formatting-vectors.json', import.meta.url), 'utf8'),
) as Vectors;

const LIMIT = { max: 4096, unit: 'utf16', counts: 'source' } as const;
const bare = (text: string) => text.replace(/\s+/g, '');

describe('the Telegram dialect', () => {
  test.each(
    vectors.cases.flatMap((one) =>
      one.telegram_mdv2 === undefined ? [] : [[one.markdown, one.telegram_mdv2]],
    ),
  )('writes %j as the vector says', (source, expected) => {
    expect(compose(source!, telegramDialect, LIMIT).map((one) => one.text)).toEqual([expected]);
  });

  test('whatever the model writes is accepted by the strict reader and shows the same text', () =>
    fc.assert(
      fc.property(markdown, (source) => {
        const doc = parse(source);
        const { text, plain } = telegramDialect.render(doc);
        const seen = parseMarkdownV2(text);
        expect(bare(seen.text)).toBe(bare(visibleText(doc)));
        expect(bare(plain)).toBe(bare(seen.text));
      }),
      { numRuns: 1500 },
    ));

  test('every piece of a long answer is accepted by itself and within the limit', () =>
    fc.assert(
      fc.property(markdown, fc.integer({ min: 90, max: 600 }), (source, max) => {
        for (const piece of compose(source, telegramDialect, { ...LIMIT, max })) {
          expect(piece.text.length).toBeLessThanOrEqual(max);
          expect(parseMarkdownV2(piece.text).text.trim()).not.toBe('');
        }
      }),
      { numRuns: 400 },
    ));

  test('hostile input of 64 KiB is delivered in acceptable pieces', () => {
    for (const source of hostile) {
      for (const piece of compose(source, telegramDialect, LIMIT)) {
        expect(piece.text.length).toBeLessThanOrEqual(4096);
        parseMarkdownV2(piece.text);
      }
    }
  });

  test('the number of a piece is escaped in the markup and bare in the plain text', () => {
    const [first] = compose('a'.repeat(5000), telegramDialect, LIMIT);
    expect(first?.text).toBe(`${'a'.repeat(4082)} \\(1/2\\)`);
    expect(first?.plain).toBe(`${'a'.repeat(4082)} (1/2)`);
    expect(first?.mode).toBe('MarkdownV2');
  });

  test('neighbouring and nested italics never form an underline', () => {
    for (const source of ['*a*_b_', '_a *b* c_', '*a**b*', '**_a_**_b_', '||*a*||*b*', '~~*a*~~_b_']) {
      const seen = parseMarkdownV2(telegramDialect.render(parse(source)).text);
      expect(seen.entities.map((entity) => entity.type)).not.toContain('underline');
    }
  });

  test('a fence inside a quote or a list keeps its lines', () => {
    const source = '> before\n>\n> ```py\n> a\n>   b\n> ```\n>\n> after';
    expect(telegramDialect.render(parse(source)).text).toBe('> before\n```py\na\n  b\n```\n> after');
    expect(telegramDialect.render(parse('- x\n\n  ```py\n  a\n  ```')).text).toBe('\\- x\n```py\na\n```');
  });
});
