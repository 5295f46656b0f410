/**
 * `node scripts/demo-picture.ts`: runs `hermes demo --script` and draws what it printed as a terminal window,
 * docs/images/demo.svg. The picture carries its own background, so it is read the same on light and dark pages.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..');
export const picture = join(root, 'docs/images/demo.svg');

/** What the demo prints into a pipe: without colours. */
export async function demoOutput(): Promise<string> {
  const args = [join(root, 'bin/hermes.js'), 'demo', '--script'];
  const env = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
  return stdout;
}

/** Columns of the window, and pixels of one character. */
const columns = 92;
const advance = 8.43;
const lineHeight = 21;
const padding = 24;
const titleBar = 40;

const colours = {
  window: '#11161d',
  bar: '#1b222c',
  edge: '#3b4654',
  text: '#d7dee8',
  strong: '#f5f8fb',
  dim: '#8b98a9',
  you: '#6cc7e8',
  hermes: '#8fd18a',
};

type Colour = keyof typeof colours;

interface Run {
  readonly text: string;
  readonly colour: Colour;
  readonly column: number;
}

/** One SVG document: no font, script or address outside of it. */
export function draw(output: string, command: string): string {
  const lines = [prompt(command), [], ...linesOf(output.trimEnd())];
  const width = Math.ceil(columns * advance + 2 * padding);
  const height = titleBar + lines.length * lineHeight + 2 * padding;
  const rows = lines.flatMap((runs, index) => {
    const y = titleBar + padding + lineHeight * (index + 0.75);
    return runs.map((run) => textAt(run, y));
  });
  const dots = ['#e0645c', '#e5b64b', '#63b65b'].map(
    (fill, index) => `<circle cx="${24 + index * 20}" cy="${titleBar / 2}" r="6" fill="${fill}"/>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t">`,
    `<title id="t">${escaped(`A terminal: ${command}, and a conversation with the gateway`)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${colours.window}" stroke="${colours.edge}"/>`,
    `<path d="M1 ${titleBar}V11A10 10 0 0 1 11 1H${width - 11}A10 10 0 0 1 ${width - 1} 11V${titleBar}Z" fill="${colours.bar}"/>`,
    ...dots,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" xml:space="preserve">',
    ...rows,
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}

function prompt(command: string): Run[] {
  return [
    { text: '$', colour: 'dim', column: 0 },
    { text: command, colour: 'strong', column: 2 },
  ];
}

/** Lines as printed, long ones continued below the text of their speaker. */
function linesOf(output: string): Run[][] {
  return output.split('\n').flatMap((line, index) => {
    const spoken = /^(You|Hermes)( +)(.*)$/.exec(line);
    if (spoken !== null) {
      const [, who = '', gap = '', text = ''] = spoken;
      const speaker: Run = { text: who, colour: who === 'You' ? 'you' : 'hermes', column: 0 };
      const said = wrapped(text, who.length + gap.length, 'text');
      return [[speaker, ...(said[0] ?? [])], ...said.slice(1)];
    }
    const indent = line.length - line.trimStart().length;
    const colour = index === 0 ? 'strong' : indent === 0 ? 'dim' : 'text';
    return wrapped(line.trimStart(), indent, colour);
  });
}

function wrapped(text: string, column: number, colour: Colour): Run[][] {
  if (text === '') return [[]];
  return wrap(text, columns - column).map((line) => [{ text: line, colour, column }]);
}

/** Breaks at spaces; what is longer than a whole line is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text
    .split(' ')
    .flatMap((each) => each.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''])) {
    const longer = line === '' ? word : `${line} ${word}`;
    if ([...longer].length <= width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line];
}

/** The stated length keeps columns in place whatever font the reader has. */
function textAt({ text, colour, column }: Run, y: number): string {
  const x = (padding + column * advance).toFixed(1);
  const length = ([...text].length * advance).toFixed(1);
  const weight = colour === 'strong' ? ' font-weight="600"' : '';
  return `<text x="${x}" y="${y.toFixed(1)}" textLength="${length}" fill="${colours[colour]}"${weight}>${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** As a reader of the README types it. */
export const shownCommand = 'node bin/hermes.js demo --script';

if (import.meta.main) {
  mkdirSync(dirname(picture), { recursive: true });
  writeFileSync(picture, draw(await demoOutput(), shownCommand));
  console.log(picture.slice(root.length + 1));
}
