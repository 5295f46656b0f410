import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { markdown } from './arbitrary.ts';
import { compose } from './compose.ts';
import { parse } from './parse.ts';
import { plainDialect, visibleText } from './plain.ts';
import { MarkdownStream } from './stream.ts';

function stable(prefix: string): string {
  const stream = new MarkdownStream();
  stream.feed(prefix);
  return stream.stable();
}
const bare = (text: string) => text.replace(/\s+/g, '');

const ANSWER = `# A **bold** title

Some *words*, \`code **not bold**\`, and ***both of them***; ~~gone~~ and ||hidden **too**||.
A second line with [a **page**](https://e.com/x_(1)) and ![a picture](https://e.com/a.png), snake_case_name, 2 * 3.

1. first **item**
2. second _item_
   - nested \`x\`

\`\`\`py
def f(a, *b):
    return "**"
\`\`\`

| Name | Value |
|------|-------|
| **x** | 1 |
| y | \`2\` |

> quoted **text
> over** two lines

- item

  \`\`\`js
  let a = \`b\`;
  \`\`\`

The array[0] is (not) a link. The end.`;

describe('MarkdownStream', () => {
  test.each([
    ['a **bo', 'a **bo**'],
    ['a **bold** and *i', 'a **bold** and *i*'],
    ['a **', 'a'],
    ['a **b *c', 'a **b *c***'],
    ['a **b ', 'a **b**'],
    ['a `co', 'a `co`'],
    ['a ``c`d', 'a ``c`d``'],
    ['a ~~b', 'a ~~b~~'],
    ['a ||b', 'a ||b||'],
    ['a \\', 'a'],
    ['see [the pa', 'see'],
    ['see [the page](http://e', 'see'],
    ['see **[the page', 'see'],
    ['see [x] no', 'see [x] no'],
    ['see ![x', 'see'],
    ['text\n-', 'text'],
    ['text\n\n- **it', 'text\n\n- **it**'],
    ['text\n``', 'text'],
    ['text\n```p', 'text'],
    ['```py\nx = 1', '```py\nx = 1\n```'],
    ['```py\nx = 1\n``', '```py\nx = 1\n```'],
    ['```py\nx = 1\n```\nmore', '```py\nx = 1\n```\nmore'],
    ['- a\n  ```py\n  x', '- a\n  ```py\n  x\n  ```'],
    ['t\n\n| A | B |', 't'],
    ['t\n\n| A | B |\n|--', 't'],
    ['2 * 3 and snake_ca', '2 * 3 and snake_ca'],
  ])('of %j shows %j', (prefix, shown) => {
    expect(stable(prefix)).toBe(shown);
  });

  test('every prefix shows a prefix of what the whole answer shows', () => {
    const whole = bare(visibleText(parse(ANSWER)));
    const stream = new MarkdownStream();
    for (const char of ANSWER) {
      stream.feed(char);
      const shown = bare(visibleText(parse(stream.stable())));
      expect(whole.startsWith(shown), JSON.stringify(stream.stable().slice(-80))).toBe(true);
    }
    expect(stream.end()).toBe(ANSWER);
    expect(bare(visibleText(parse(stream.stable())))).toBe(whole);
  });

  test('how the text was cut into deltas makes no difference', () =>
    fc.assert(
      fc.property(markdown, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (source, sizes) => {
        const stream = new MarkdownStream();
        for (let at = 0, turn = 0; at < source.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          stream.feed(source.slice(at, at + size));
          at += size;
        }
        expect(stream.stable()).toBe(stable(source));
        expect(stream.end()).toBe(source);
      }),
      { numRuns: 300 },
    ));

  test('every prefix of anything can be parsed and sent', () =>
    fc.assert(
      fc.property(markdown, (source) => {
        const stream = new MarkdownStream();
        const limit = { max: 4000, unit: 'utf16', counts: 'source' } as const;
        for (const char of source.slice(0, 120)) {
          stream.feed(char);
          for (const { text } of compose(stream.stable(), plainDialect, limit))
            expect(text.trim()).not.toBe('');
        }
        expect(stream.end()).toBe(source.slice(0, [...source.slice(0, 120)].join('').length));
      }),
      { numRuns: 60 },
    ));

  // Scanning the whole again for every delta would take minutes here.
  test('a long answer in single characters is scanned once', () => {
    for (const unit of ['word **bold** ', '[', '|a', '`', '*', '**a ', 'a']) {
      const stream = new MarkdownStream();
      const source = unit.repeat(200_000 / unit.length);
      for (const char of source) stream.feed(char);
      expect(stream.stable().length).toBeGreaterThanOrEqual(0);
      expect(stream.end().length).toBe(source.length);
    }
  });
});
