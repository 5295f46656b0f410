import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeSpan, fenced } from './backticks.ts';
import { parse } from './parse.ts';

const code = fc
  .array(fc.constantFrom('`', '``', '```', 'a', ' b', '*'), { minLength: 1 })
  .map((all) => all.join(''));

test('no text ends the span it stands in', () => {
  expect(codeSpan('a')).toBe('`a`');
  expect(codeSpan('``a`')).toBe('``` ``a` ```');
  fc.assert(
    fc.property(code, (text) => {
      const [paragraph, ...more] = parse(`x ${codeSpan(text)}`).blocks;
      expect(more).toEqual([]);
      const inline = paragraph?.kind === 'paragraph' ? paragraph.children : [];
      expect(inline).toEqual([
        { kind: 'text', text: 'x ' },
        { kind: 'code', text },
      ]);
    }),
  );
});

test('no line ends the fence it stands in', () => {
  expect(fenced('ts', 'a')).toBe('```ts\na\n```');
  fc.assert(
    fc.property(fc.array(code, { minLength: 1 }), (lines) => {
      const text = lines.join('\n');
      expect(parse(fenced('', text)).blocks).toEqual([{ kind: 'fence', lang: '', text }]);
    }),
  );
});
