import { describe, expect, test } from 'vitest';
import { compose } from './compose.ts';
import type { Dialect } from './dialect.ts';
import { lower } from './lower.ts';
import { parse } from './parse.ts';
import { plainDialect } from './plain.ts';

const limit = { max: 4000, unit: 'utf16', counts: 'source' } as const;
const plain = (source: string) => compose(source, plainDialect, limit)[0]?.text;
const native = Object.fromEntries(Object.keys(plainDialect.supports).map((node) => [node, 'native']));
const supports = (change: Partial<Dialect['supports']>) => ({ ...native, ...change }) as Dialect['supports'];

describe('lower', () => {
  test('a fully native dialect gets the tree unchanged', () => {
    const doc = parse(
      '# a **b**\n\n> c ||d||\n\n- e\n\n| f |\n|---|\n| ![g](http://h) |\n\n```\ni\n```\n\n---',
    );
    expect(lower(doc, supports({}))).toEqual(doc);
  });

  test('a stripped table becomes one bold-led list per row, without empty cells', () => {
    const doc = lower(
      parse('| A | B | C |\n|-|-|-|\n| x | 1 | |\n| y | | 2 |'),
      supports({ table: 'strip' }),
    );
    expect(plainDialect.render(doc).text).toBe('x\n• B: 1\n\ny\n• C: 2');
    expect(doc.blocks[0]).toMatchObject({ children: [{ kind: 'bold' }, { kind: 'break' }, {}, {}, {}, {}] });
  });

  test('an approximated table becomes a fence with aligned columns', () => {
    const doc = lower(parse('| A | 名前 |\n|---|---|\n| long | x |'), supports({ table: 'approximate' }));
    expect(doc.blocks).toEqual([
      { kind: 'fence', lang: '', text: '| A    | 名前 |\n|------|------|\n| long | x    |' },
    ]);
  });

  test('a heading becomes one bold line, an image a link', () => {
    const doc = lower(parse('# a\n\n![b](http://c)'), supports({ heading: 'strip', image: 'strip' }));
    expect(doc.blocks).toEqual([
      { kind: 'paragraph', children: [{ kind: 'bold', children: [{ kind: 'text', text: 'a' }] }] },
      {
        kind: 'paragraph',
        children: [{ kind: 'link', url: 'http://c', children: [{ kind: 'text', text: 'b' }] }],
      },
    ]);
  });

  test('plain text keeps targets and quote signs that markup would have carried', () => {
    expect(plain('see [docs](https://e.com/a) and https://e.com/b')).toBe(
      'see docs (https://e.com/a) and https://e.com/b',
    );
    expect(plain('> a\n> b\n\nc')).toBe('> a\n> b\n\nc');
    expect(plain('**a** _b_ ~~c~~ ||d|| `e`')).toBe('a b c d e');
    expect(plain('# T\n\n```py\nx\n```')).toBe('T\n\nx');
  });
});
