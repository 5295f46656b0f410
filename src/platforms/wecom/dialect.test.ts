import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markdown } from '../../text/arbitrary.ts';
import { compose } from '../../text/compose.ts';
import { wecomDialect } from './dialect.ts';
import { manifest } from './manifest.ts';

const limit = manifest.capabilities.text;
const rendered = (source: string) => compose(source, wecomDialect, limit).map(({ text }) => text);

test.each([
  ['bold and italic', '**b** and *i*', '**b** and *i*'],
  ['a heading is a bold line', '# Title\n\ntext', '**Title**\n\ntext'],
  ['a link', '[label](https://x.example/a(b))', '[label](https://x.example/a%28b%29)'],
  ['a bare link', 'https://x.example', 'https://x.example'],
  ['a quote', '> said', '> said'],
  ['a list', '- a\n- b', '- a\n- b'],
  ['code', '`a_b`', '`a_b`'],
  ['code with ticks', '`` a`b ``', '``a`b``'],
  ['a fence', '```ts\nx\n```', '```ts\nx\n```'],
  ['a fence with a fence inside', '````\n```\nx\n```\n````', '````\n```\nx\n```\n````'],
  ['names with underscores stay readable', 'my_long_name', 'my_long_name'],
  ['struck text is plain', '~~old~~', 'old'],
])('%s', (_, source, expected) => {
  expect(rendered(source)).toEqual([expected]);
});

test('every piece of any text is within the limit, not empty and well-formed', () => {
  fc.assert(
    fc.property(fc.array(markdown, { maxLength: 6 }), (parts) => {
      for (const text of rendered(parts.join('\n\n'))) {
        expect([...text].length).toBeLessThanOrEqual(limit.max);
        expect(text.trim()).not.toBe('');
        expect(text.isWellFormed()).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test('the number of a piece never stands in its closing fence', () => {
  const code = Array.from({ length: 900 }, (_, n) => `\`\`\` ${n}`).join('\n');
  const pieces = rendered(`\`\`\`\`\n${code}\n\`\`\`\``);
  expect(pieces.length).toBeGreaterThan(1);
  for (const [index, piece] of pieces.entries())
    expect(piece.split('\n').slice(-2)).toEqual(['````', `(${index + 1}/${pieces.length})`]);
});
