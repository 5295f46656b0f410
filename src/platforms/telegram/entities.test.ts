import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, toMarkdown } from './entities.ts';
import type { WireEntity } from './wire.ts';

const span = (type: string, offset: number, length: number, more = {}): WireEntity => ({
  type,
  offset,
  length,
  ...more,
});
const md = (text: string, ...entities: WireEntity[]) => toMarkdown({ text, entities });

test.each([
  ['bold, italic', [span('bold', 0, 4), span('italic', 6, 6)], '**bold**, *italic*'],
  ['strike spoiler', [span('strikethrough', 0, 6), span('spoiler', 7, 7)], '~~strike~~ ||spoiler||'],
  ['😀 after', [span('bold', 3, 5)], '😀 **after**'],
  ['both at once', [span('bold', 0, 12), span('italic', 5, 2)], '**both *at* once**'],
  ['same', [span('bold', 0, 4), span('italic', 0, 4)], '***same***'],
  ['space around ', [span('bold', 5, 8)], 'space **around** '],
  ['a link', [span('text_link', 2, 4, { url: 'https://e.org/a_(b)' })], 'a [link](https://e.org/a_%28b%29)'],
  ['x = `y`', [span('code', 4, 3)], 'x = `` `y` ``'],
  ['print(1)', [span('pre', 0, 8, { language: 'py' })], '```py\nprint(1)\n```'],
  ['see print(1) ok', [span('pre', 4, 8)], 'see \n```\nprint(1)\n```\n ok'],
  ['one\ntwo\nthree', [span('blockquote', 0, 7)], '> one\n> two\nthree'],
  ['plain *text* _x_', [], 'plain *text* _x_'],
  ['under', [span('underline', 0, 5), span('hashtag', 0, 2)], 'under'],
  ['/run now', [span('bold', 0, 4), span('bold', 5, 3)], '/run **now**'],
  ['a*b', [span('code', 0, 3), span('bold', 1, 1)], '`a*b`'],
])('%s → Markdown', (text, entities, expected) => {
  expect(md(text, ...entities)).toBe(expected);
});

test('cutting moves, shrinks and drops entities', () => {
  const entities = [span('bold', 0, 2), span('mention', 3, 4), span('italic', 3, 9), span('code', 9, 3)];
  expect(cut({ text: 'ab @bot, xyz', entities }, { from: 3, to: 9 })).toEqual({
    text: 'ab xyz',
    entities: [span('bold', 0, 2), span('italic', 3, 3), span('code', 3, 3)],
  });
});

test('whatever the entities are, no letter of the text is lost', () => {
  const entity = fc.record({
    type: fc.constantFrom('bold', 'italic', 'code', 'pre', 'text_link', 'blockquote', 'spoiler', 'url'),
    offset: fc.nat(12),
    length: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(
      fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', ' ', '\n', 'c') }),
      fc.array(entity),
      (text, raw) => {
        const entities = raw.filter(({ offset, length }) => offset + length <= text.length);
        const letters = (value: string) => value.replace(/[^abc]/g, '');
        expect(letters(toMarkdown({ text, entities }))).toBe(letters(text));
      },
    ),
  );
});
