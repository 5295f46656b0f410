/**
 * V4A patches: `*** Begin Patch`, then per file `*** Update|Add|Delete File: path` with hunks of ` `, `-` and `+`
 * lines under optional `@@ hint @@`, then `*** End Patch`. Parsing and applying are pure; nothing throws.
 */

import { fitTo } from './fit.ts';
import { findMatch } from './match.ts';

export interface Hunk {
  readonly hint: string;
  readonly lines: readonly { readonly kind: ' ' | '-' | '+'; readonly text: string }[];
}

export type FileChange =
  | { readonly kind: 'update'; readonly path: string; readonly hunks: readonly Hunk[] }
  | { readonly kind: 'add'; readonly path: string; readonly text: string }
  | { readonly kind: 'delete'; readonly path: string };

const maxFiles = 100;

export function parseV4A(
  patch: string,
): { readonly changes: readonly FileChange[] } | { readonly error: string } {
  const lines = patch.replaceAll('\r\n', '\n').split('\n');
  const begin = lines.findIndex((line) => line.trim() === '*** Begin Patch');
  const end = lines.findLastIndex((line) => line.trim() === '*** End Patch');
  if (begin < 0) return { error: "The patch must start with '*** Begin Patch'." };
  if (end <= begin) return { error: "The patch must end with '*** End Patch'." };

  const changes: FileChange[] = [];
  let at = begin + 1;
  while (at < end) {
    const line = lines[at]!;
    if (line.trim() === '') {
      at += 1;
      continue;
    }
    const header = /^\*\*\* (Update|Add|Delete) File: (.+)$/.exec(line.trimEnd());
    if (header === null)
      return {
        error: `Line ${at + 1}: expected '*** Update|Add|Delete File: <path>', found: ${line.slice(0, 100)}`,
      };
    const path = header[2]!.trim();
    if (path === '' || path.includes('\0')) return { error: `Line ${at + 1}: the path is empty or invalid.` };
    if (path.split(/[/\\]/).includes('..'))
      return { error: `Line ${at + 1}: '..' is not allowed in a path: ${path}` };
    if (changes.some((change) => change.path === path))
      return { error: `${path} appears twice; use one section per file.` };
    if (changes.length >= maxFiles) return { error: `At most ${maxFiles} files in one patch.` };
    const from = at + 1;
    at = from;
    while (at < end && !/^\*\*\* (?:Update|Add|Delete) File: /.test(lines[at]!)) at += 1;
    const body = lines.slice(from, at);
    const change = section(header[1]!, path, body, from);
    if ('error' in change) return change;
    changes.push(change);
  }
  return changes.length === 0 ? { error: 'The patch changes no file.' } : { changes };
}

function section(
  verb: string,
  path: string,
  body: readonly string[],
  from: number,
): FileChange | { readonly error: string } {
  if (verb === 'Delete') {
    const extra = body.findIndex((line) => line.trim() !== '');
    return extra < 0
      ? { kind: 'delete', path }
      : { error: `Line ${from + extra + 1}: nothing may follow 'Delete File'.` };
  }
  if (verb === 'Add') {
    const rows = body.at(-1) === '' ? body.slice(0, -1) : body;
    const wrong = rows.findIndex((line) => !line.startsWith('+'));
    if (wrong >= 0)
      return { error: `Line ${from + wrong + 1}: every line of an added file must start with '+'.` };
    return { kind: 'add', path, text: rows.map((line) => `${line.slice(1)}\n`).join('') };
  }
  const hunks: { hint: string; lines: Hunk['lines'][number][] }[] = [];
  for (const [index, line] of body.entries()) {
    const marker = line[0];
    if (line.startsWith('@@'))
      hunks.push({
        hint: line
          .replace(/^@@\s?/, '')
          .replace(/\s?@@\s*$/, '')
          .trim(),
        lines: [],
      });
    else if (line.trim() === '*** End of File') continue;
    else if (marker === ' ' || marker === '-' || marker === '+' || line === '') {
      // Editors and models drop the space of an empty context line; between sections it is only spacing.
      if (line === '' && body.slice(index).every((rest) => rest === '')) break;
      if (hunks.length === 0) hunks.push({ hint: '', lines: [] });
      hunks
        .at(-1)!
        .lines.push({ kind: marker === '-' || marker === '+' ? marker : ' ', text: line.slice(1) });
    } else
      return {
        error: `Line ${from + index + 1}: expected ' ', '-', '+' or '@@', found: ${line.slice(0, 100)}`,
      };
  }
  const changing = hunks.filter((hunk) => hunk.lines.some(({ kind }) => kind !== ' '));
  return changing.length === 0
    ? { error: `The section of ${path} changes nothing.` }
    : { kind: 'update', path, hunks: changing };
}

/** Applies the hunks of one file in order. An error leaves nothing half done: no text is returned. */
export function applyHunks(
  text: string,
  hunks: readonly Hunk[],
): { readonly text: string } | { readonly error: string } {
  let at = 0;
  for (const [index, hunk] of hunks.entries()) {
    const done = applyHunk(text, hunk, at);
    if ('error' in done) return { error: `Hunk ${index + 1}: ${done.error}` };
    ({ text, at } = done);
  }
  return { text };
}

function applyHunk(text: string, hunk: Hunk, from: number): { text: string; at: number } | { error: string } {
  const before = hunk.lines.filter(({ kind }) => kind !== '+').map((line) => line.text);
  const after = hunk.lines.filter(({ kind }) => kind !== '-').map((line) => line.text);
  let start = from;
  if (hunk.hint !== '') {
    const hint = findLine(text, hunk.hint, from);
    if (hint === undefined) {
      if (before.length === 0) return { error: `The hint '${hunk.hint.slice(0, 100)}' is not in the file.` };
    } else start = before.length === 0 ? hint.end : hint.start;
  }
  if (before.length === 0) {
    const place = hunk.hint === '' ? text.length : start;
    const lead = place > 0 && text[place - 1] !== '\n' ? '\n' : '';
    const added = `${lead}${after.join('\n')}\n`;
    return { text: text.slice(0, place) + added + text.slice(place), at: place + added.length };
  }
  const wanted = before.join('\n');
  const rest = text.slice(start);
  const match = findMatch(rest, wanted) ?? undefined;
  if (match === undefined)
    return {
      error: `These lines are not in the file${from > 0 ? ' after the previous hunk' : ''}:\n${wanted.slice(0, 500)}`,
    };
  const whole =
    match.strategy === 'exact'
      ? match.spans.filter((span) => isWholeLines(rest, span.start, span.end))
      : match.spans;
  if (whole.length === 0)
    return { error: `These lines are only parts of lines in the file:\n${wanted.slice(0, 500)}` };
  if (whole.length > 1 && hunk.hint === '') {
    return { error: `Found ${whole.length} matches for these lines. Add context lines or an '@@ hint @@'.` };
  }
  const span = whole[0]!;
  const fitted = fitTo(match.strategy, rest.slice(span.start, span.end), wanted, after.join('\n'));
  if ('refused' in fitted) return { error: fitted.refused };
  let [head, tail] = [text.slice(0, start + span.start), rest.slice(span.end)];
  // Lines that are removed altogether take their line end with them.
  if (after.length === 0) {
    if (tail.startsWith('\n')) tail = tail.slice(1);
    else head = head.replace(/\n$/, '');
  }
  return { text: head + fitted.text + tail, at: head.length + fitted.text.length };
}

function isWholeLines(text: string, start: number, end: number): boolean {
  return (start === 0 || text[start - 1] === '\n') && (end === text.length || text[end] === '\n');
}

function findLine(text: string, hint: string, from: number): { start: number; end: number } | undefined {
  const at = text.indexOf(hint, from);
  if (at < 0) return undefined;
  const start = text.lastIndexOf('\n', at) + 1;
  const end = text.indexOf('\n', at);
  return { start, end: end < 0 ? text.length : end + 1 };
}
