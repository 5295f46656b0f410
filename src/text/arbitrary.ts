/** Test equipment: generators of Markdown for property tests, sensible documents, markup soup and hostile repetition. */
import * as fc from 'fast-check';

const WORDS = [
  'word',
  'snake_case_name',
  '2 * 3',
  'C:\\path',
  'a|b',
  '😀',
  '👨‍👩‍👧',
  'e\u0301',
  '字字字。',
  'x < y & z',
  '[0]',
  '(ok)',
  'end.',
  'wow!',
  '#tag',
  '+1',
  '{a}=b',
  '~/dir',
  '\\*',
  '>',
  '`',
  '||',
  '&amp;',
  '<b>',
  'مرحبا',
];
const MARKERS = [
  ...[
    '*',
    '**',
    '***',
    '_',
    '__',
    '`',
    '``',
    '```',
    '~~',
    '~',
    '||',
    '|',
    '[',
    ']',
    '(',
    ')',
    '](',
    '![',
    '<',
    '>',
  ],
  ...[
    '\n',
    '\n\n',
    ' ',
    '\\',
    '#',
    '# ',
    '- ',
    '1. ',
    '> ',
    '    ',
    '|-|-|\n',
    '---',
    '\t',
    '\r\n',
    '\0',
    '\ud800',
  ],
  ...['a', 'b c', 'http://e.com/a_(b)', 'x.', '!', '=', '+', '{', '}', '**>', '\u200b', '\u2028', '\u0301'],
];

const word = fc.constantFrom(...WORDS);
const words = fc.array(word, { minLength: 1, maxLength: 8 }).map((all) => all.join(' '));

const inline = fc.oneof(
  words,
  words.map((text) => `**${text}**`),
  words.map((text) => `*${text}*`),
  words.map((text) => `***${text}***`),
  words.map((text) => `_${text} **${text}** x_`),
  words.map((text) => `~~${text}~~`),
  words.map((text) => `||${text}||`),
  words.map((text) => `\`${text.replaceAll('`', '')}\``),
  words.map((text) => `[${text}](https://e.com/x_(1)?a=1&b=2)`),
  fc.constant('![img](http://e.com/a.png)'),
  fc.constant('https://e.com/a_b'),
);
const line = fc.array(inline, { minLength: 1, maxLength: 4 }).map((all) => all.join(' '));

const block = fc.oneof(
  line,
  fc.array(line, { minLength: 2, maxLength: 3 }).map((lines) => lines.join('\n')),
  line.map((text) => `## ${text}`),
  fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.map((text) => `- ${text}`).join('\n')),
  fc
    .array(line, { minLength: 1, maxLength: 4 })
    .map((lines) => lines.map((text, at) => `${at + 3}. ${text}\n   - ${text}`).join('\n')),
  fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.map((text) => `> ${text}`).join('\n')),
  words.map((text) => `> quote\n>\n> - ${text}\n>\n> \`\`\`\n> ${text}\n> \`\`\`\n>\n> end`),
  fc
    .array(words, { maxLength: 6 })
    .map((lines) => `\`\`\`py\n${lines.join('\n').replaceAll('`', "'")}\n\`\`\``),
  words.map((text) => `| A | B |\n|---|---|\n| ${text.replaceAll('|', '/')} | *1* |\n| y | |`),
  words.map((text) => `- item\n\n  \`\`\`js\n  ${text}\n  \`\`\`\n\n  more`),
  fc.constant('---'),
);

const soup = fc.array(fc.constantFrom(...MARKERS), { maxLength: 60 }).map((all) => all.join(''));
const repeated = fc
  .tuple(
    fc.array(fc.constantFrom(...MARKERS), { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 1, max: 300 }),
  )
  .map(([unit, times]) => unit.join('').repeat(times));

export const markdown: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(block, { minLength: 1, maxLength: 8 }).map((all) => all.join('\n\n')) },
  { weight: 3, arbitrary: soup },
  { weight: 1, arbitrary: repeated },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
);

/** 64 KiB each of what makes careless parsers slow or overflow. */
export const hostile: readonly string[] = [
  ...['[', '*', '>', '> ', '- ', '1. ', '`', '![', '[a](', '<', '|', '_', '~~a ', '||', '||a', '[[a](b)'],
  ...[
    '**a*',
    '*~~_**',
    '*_',
    '\\',
    '-\n',
    ' - a\n',
    '- a\n\n',
    '> - ',
    '```\n',
    '|a|b|\n|-|-|\n',
    'a@',
    'www.',
    '\t',
  ],
].map((unit) => unit.repeat(Math.ceil(65_536 / unit.length)));
