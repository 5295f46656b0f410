/** Makes a replacement fit the place that was found by an imprecise match. */

import { decodeEscapes, type Strategy } from './match.ts';

/** What must be said instead of replacing, or the text to put in place of `region`. */
export type Fitted = { readonly text: string } | { readonly refused: string };

export function fitTo(strategy: Strategy, region: string, wanted: string, replacement: string): Fitted {
  if (strategy === 'exact') return { text: replacement };
  for (const escaped of ["\\'", '\\"']) {
    if (wanted.includes(escaped) && replacement.includes(escaped) && !region.includes(escaped)) {
      return {
        refused: `Escape drift: old_string and new_string contain ${escaped}, but the file has the plain quote there. Give both strings without the backslashes.`,
      };
    }
  }
  let text = replacement;
  if (strategy === 'escape_normalized') {
    if (region.includes('\n') && wanted.includes('\\n')) text = text.replaceAll('\\n', '\n');
    wanted = decodeEscapes(wanted);
  }
  if (region.includes('\t')) text = text.replaceAll('\\t', '\t');
  if (region.includes('\r')) text = text.replaceAll('\\r', '\r');
  return { text: reindent(text, wanted, region) };
}

const indentOf = (line: string) => /^[ \t]*/.exec(line)![0];

/**
 * Translates the indentation of `text` from the model's to the file's. Lines of both versions are compared in
 * pairs, which gives the file's indent for each of the model's; indents in between and beyond follow the same
 * proportion, so that two-space text becomes four-space or tab-indented text at every depth.
 */
export function reindent(text: string, wanted: string, region: string): string {
  const pairs = indentPairs(wanted, region);
  if (pairs.size === 0 || [...pairs].every(([from, to]) => from === to)) return text;
  const known = [...pairs].sort(([a], [b]) => width(a) - width(b));
  return text
    .split('\n')
    .map((line) => {
      const indent = indentOf(line);
      // A blank line gets no indent it did not have.
      if (indent.length === line.length) return line;
      return translate(indent, pairs, known) + line.slice(indent.length);
    })
    .join('\n');
}

/** Model's indent → file's indent, from lines that stand at the same place. The first one of each wins. */
function indentPairs(wanted: string, region: string): ReadonlyMap<string, string> {
  const [ours, theirs] = [wanted.split('\n'), region.split('\n')];
  const pairs = new Map<string, string>();
  const exactly = ours.length === theirs.length || ours.length === theirs.length + 1;
  for (const [index, line] of ours.entries()) {
    const other = theirs[index];
    if (line.trim() === '' || other === undefined || other.trim() === '') continue;
    if (!pairs.has(indentOf(line))) pairs.set(indentOf(line), indentOf(other));
    // Only the first line is comparable when the number of lines differs.
    if (!exactly) break;
  }
  return pairs;
}

function translate(
  indent: string,
  pairs: ReadonlyMap<string, string>,
  known: readonly (readonly [string, string])[],
): string {
  const direct = pairs.get(indent);
  if (direct !== undefined) return direct;
  const [lowFrom, lowTo] = known[0]!;
  const [highFrom, highTo] = known.at(-1)!;
  const spread = width(highFrom) - width(lowFrom);
  const ratio = spread > 0 ? (width(highTo) - width(lowTo)) / spread : 1;
  // From the nearest known indent at or below.
  const [from, to] = known.findLast(([each]) => width(each) <= width(indent)) ?? known[0]!;
  const more = Math.round((width(indent) - width(from)) * (ratio > 0 ? ratio : 1));
  if (more < 0) return to.slice(0, Math.max(0, columnsToLength(to, width(to) + more)));
  const tabs = [...pairs.values()].some((each) => each.includes('\t'));
  return to + (tabs && more % tabWidth === 0 ? '\t'.repeat(more / tabWidth) : ' '.repeat(more));
}

const tabWidth = 4;

function width(indent: string): number {
  let columns = 0;
  for (const c of indent) columns += c === '\t' ? tabWidth : 1;
  return columns;
}

function columnsToLength(indent: string, columns: number): number {
  let at = 0;
  for (let have = 0; at < indent.length && have < columns; at += 1)
    have += indent[at] === '\t' ? tabWidth : 1;
  return at;
}
