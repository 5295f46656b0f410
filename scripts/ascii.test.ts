import { expect, it } from 'vitest';
import { ascii } from './ascii.ts';

const meaning = (code: string): unknown => new Function(`return ${code}`)();

it.each([
  ['a string', "'“quoted” – ⚕ é'"],
  ['a template', '`→ ☑`'],
  ['a character of two units', "['👍', '👍'.length]"],
  ['a pattern', "'a“b'.replace(/[“”]/g, '-')"],
  ['a pattern of whole characters', "['👍x'.match(/^[👍👎]/u)?.[0], '👎'.search(/👍/v)]"],
  ['a key', "({ 'ключ': 1, ключ2: 2 })"],
])('%s means the same in escapes', (_what, code) => {
  const escaped = ascii(code, 'a file');
  expect(/^[\x00-\xff]*$/.test(escaped)).toBe(true);
  expect(meaning(escaped)).toEqual(meaning(code));
});

it('raw text that escapes would change stops the build', () => {
  expect(() => ascii('String.raw`→`', 'a file')).toThrow('a file');
});
