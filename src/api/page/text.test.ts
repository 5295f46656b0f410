import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Block, pageModule, type Token } from './testing.ts';

const { inline, safeAddress } = await pageModule('inline.js');
const { outline } = await pageModule('markdown.js');

/** Tokens in short: text as it is, others as `name(…)`. */
const shortly = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => {
      switch (token.type) {
        case 'text':
          return token.text;
        case 'code':
          return `code(${token.text})`;
        case 'break':
          return '⏎';
        case 'link':
          return `link(${token.href} ${shortly(token.children)})`;
        case 'image':
          return `image(${token.href} ${token.alt})`;
        case 'picture':
          return `picture(${token.source.length} ${token.alt})`;
        default:
          return `${token.type}(${shortly(token.children)})`;
      }
    })
    .join('');

const kinds = (blocks: readonly Block[]) => blocks.map(({ kind }) => kind);

describe('inside of a paragraph', () => {
  test.each([
    ['plain', 'plain'],
    [
      '**bold** and *soft* and __bold__ and _soft_',
      'strong(bold) and em(soft) and strong(bold) and em(soft)',
    ],
    ['***both***', 'strong(em(both))'],
    ['**a *b***', 'strong(a em(b))'],
    ['~~gone~~ but ~home', 'del(gone) but ~home'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
    ['`a < b` and ``x ` y``', 'code(a < b) and code(x ` y)'],
    ['open `tick', 'open `tick'],
    ['one\ntwo', 'one⏎two'],
    ['\\*not\\* \\[this\\]', '*not* [this]'],
    ['[site](https://example.org/a(b) "title")', 'link(https://example.org/a(b) site)'],
    ['[**b**](https://example.org)', 'link(https://example.org/ strong(b))'],
    ['see https://example.org/x?y=1.', 'see link(https://example.org/x?y=1 https://example.org/x?y=1).'],
    ['(https://example.org/x)', '(link(https://example.org/x https://example.org/x))'],
    ['<https://example.org>', 'link(https://example.org/ https://example.org)'],
    ['![cat](https://example.org/cat.png)', 'image(https://example.org/cat.png cat)'],
    ['![dot](data:image/png;base64,AAAA)', 'picture(26 dot)'],
    ['[list](no-address) [x]', '[list](no-address) [x]'],
  ])('%j', (text, expected) => {
    expect(shortly(inline(text))).toBe(expected);
  });

  test.each([
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java\tscript:alert(1))',
    '[x](vbscript:x)',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](data:image/svg+xml;base64,AAAA)',
    '![x](data:text/html;base64,AAAA)',
    '[x](file:///etc/passwd)',
    '[x](/v1/models)',
    '[x](//evil.example)',
    '<javascript:alert(1)>',
    '<img src=x onerror=alert(1)>',
  ])('%j is text and leads nowhere', (text) => {
    for (const token of inline(text)) expect(['text', 'em']).toContain(token.type);
    expect(shortly(inline(text))).toBe(text);
  });

  test('only addresses of the web and of mail are followed', () => {
    expect(safeAddress('https://example.org')).toBe('https://example.org/');
    expect(safeAddress('mailto:a@example.org')).toBe('mailto:a@example.org');
    for (const bad of ['javascript:1', 'data:text/html,x', 'blob:x', 'ftp://x', '', 'x', 'https://']) {
      expect(safeAddress(bad)).toBeUndefined();
    }
  });
});

describe('outline', () => {
  test('finds every kind of block', () => {
    const text =
      '# Head\npara\npara\n\n> q\n> r\n\n- a\n- b\n\n1. x\n2. y\n\n```js\ncode\n```\n\n| a | b |\n|--|:-:|\n| 1 | 2 |\n\n---';
    expect(kinds(outline(text))).toEqual([
      'heading',
      'paragraph',
      'quote',
      'list',
      'list',
      'code',
      'table',
      'rule',
    ]);
  });

  test('an unfinished answer has the block that is being written', () => {
    expect(outline('text\n\n```py\nprint(1)')).toMatchObject([
      { kind: 'paragraph' },
      { kind: 'code', language: 'py', text: 'print(1)' },
    ]);
    expect(kinds(outline('| a | b |\n|---|'))).toEqual(['table']);
  });

  test('lists nest, count from their number and have boxes', () => {
    expect(outline('3. x\n   - deep\n   - deeper\n4. y')).toMatchObject([
      {
        kind: 'list',
        ordered: true,
        start: 3,
        tight: true,
        items: [{ lines: ['x', '- deep', '- deeper'] }, {}],
      },
    ]);
    expect(outline('1. x\n  - by two columns\n2. y')).toHaveLength(1);
    expect(outline('- [x] done\n- [ ] open\n- none')).toMatchObject([
      { items: [{ done: true, lines: ['done'] }, { done: false }, { done: undefined }] },
    ]);
    expect(outline('- a\n\n- b')).toMatchObject([{ tight: false, items: [{}, {}] }]);
    expect(outline('- a\n\n  more\n\nnext')).toMatchObject([
      { kind: 'list', items: [{ lines: ['a', '', 'more'] }] },
      { kind: 'paragraph' },
    ]);
  });

  test('a sentence that begins with a number or a dash alone is a sentence', () => {
    expect(kinds(outline('It was\n- really -\nlate'))).toEqual(['paragraph', 'list']);
    expect(kinds(outline('2026 was good'))).toEqual(['paragraph']);
  });

  test('a table has as many cells in every row as in its head', () => {
    const [table] = outline('| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |\n| x \\| y | z |');
    expect(table?.['rows']).toEqual([
      ['1', ''],
      ['1', '2'],
      ['x | y', 'z'],
    ]);
  });
});

describe('any text', () => {
  const wild = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        ...'*_~`[]()<>!#|-+>.1\\\n \t',
        '```',
        '**',
        '](',
        '](https://x.y)',
        '\n\n',
        '| ',
        '- ',
        '\r\n',
      ),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 2 }),
    ),
    maxLength: 300,
  });

  test('has an outline that keeps all its lines, in order', () => {
    fc.assert(
      fc.property(wild, (text) => {
        const squeezed = (each: string) => each.replace(/\s/g, '');
        expect(
          squeezed(
            outline(text)
              .map(({ source }) => source)
              .join('\n'),
          ),
        ).toBe(squeezed(text));
      }),
    );
  });

  test('has tokens, and no letter of a text without links and code is lost', () => {
    fc.assert(
      fc.property(wild, (text) => {
        const letters = (each: string) => each.replace(/[^\p{L}\p{N}]/gu, '');
        const plain = text.replace(/[`[\]<>\\]|https?:/g, '');
        expect(letters(shortly(inline(plain)).replace(/(?:strong|em|del)\(/g, '('))).toBe(letters(plain));
      }),
    );
  });

  test('what grows keeps the blocks that are complete', () => {
    const text = '# A\n\nfirst\n\n- x\n- y\n\nlast words of it';
    const whole = outline(text).map(({ source }) => source);
    const grown = outline(`${text} go on`).map(({ source }) => source);
    expect(grown.slice(0, -1)).toEqual(whole.slice(0, -1));
  });

  test.each([
    ['stars', '*a '.repeat(50_000)],
    ['more stars', '*'.repeat(100_000)],
    ['pairs', '**a **b '.repeat(20_000)],
    ['underscores', '_a'.repeat(50_000)],
    ['ticks', '`'.repeat(50_000)],
    ['ticks of all lengths', Array.from({ length: 400 }, (_, n) => '`'.repeat(n + 1)).join(' ')],
    ['brackets', '['.repeat(50_000)],
    ['links that do not end', '[a]('.repeat(25_000)],
    ['closed brackets', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['angles', '<https://'.repeat(10_000)],
    ['addresses', 'https://x '.repeat(10_000)],
    ['quotes in quotes', `${'>'.repeat(20_000)} x`],
    ['lists in lists', Array.from({ length: 300 }, (_, n) => `${'  '.repeat(n)}- x`).join('\n')],
    ['a heading of hashes', `# ${'# '.repeat(50_000)}x`],
    ['a rule that is none', `${'- '.repeat(50_000)}x`],
    ['a table of pipes', `${'|'.repeat(50_000)}\n${'|-'.repeat(20_000)}\n${'|'.repeat(50_000)}`],
    ['blank lines', '\n'.repeat(100_000)],
    ['spaces', ' '.repeat(200_000)],
  ])(
    'made to be slow is not: %s',
    (_, text) => {
      for (const block of outline(text)) expect(inline(block.source).length).toBeGreaterThan(0);
    },
    10_000,
  );
});
