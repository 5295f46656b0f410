/**
 * Finds the text a model wants to replace although it copied it imprecisely (agent-runtime §16.5): nine
 * strategies from exact to similar, the first with a match wins. All positions are offsets in the given text.
 */

import { distance } from 'fastest-levenshtein';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Strategy =
  | 'exact'
  | 'line_trimmed'
  | 'whitespace_normalized'
  | 'indentation_flexible'
  | 'escape_normalized'
  | 'trimmed_boundary'
  | 'unicode_normalized'
  | 'block_anchor'
  | 'context_aware';

export interface Match {
  readonly strategy: Strategy;
  readonly spans: readonly Span[];
}

const strategies: readonly (readonly [Strategy, (text: string, wanted: string) => readonly Span[]])[] = [
  ['exact', exact],
  ['line_trimmed', (text, wanted) => byLines(text, wanted, (line) => line.trim())],
  ['whitespace_normalized', (text, wanted) => byLines(text, wanted, (line) => line.replace(/[ \t]+/g, ' '))],
  ['indentation_flexible', (text, wanted) => byLines(text, wanted, (line) => line.replace(/^[ \t]+/, ''))],
  ['escape_normalized', escapeNormalized],
  ['trimmed_boundary', trimmedBoundary],
  ['unicode_normalized', unicodeNormalized],
  ['block_anchor', blockAnchor],
  ['context_aware', contextAware],
];

/** More matches than this are not told apart. */
const maxSpans = 10_000;

export function findMatch(text: string, wanted: string): Match | undefined {
  if (wanted === '') return undefined;
  for (const [strategy, find] of strategies) {
    const spans = find(text, wanted);
    if (spans.length > 0) return { strategy, spans };
  }
  return undefined;
}

function exact(text: string, wanted: string): readonly Span[] {
  const spans: Span[] = [];
  for (
    let at = text.indexOf(wanted);
    at >= 0 && spans.length < maxSpans;
    at = text.indexOf(wanted, at + wanted.length)
  ) {
    spans.push({ start: at, end: at + wanted.length });
  }
  return spans;
}

interface Lines {
  readonly lines: readonly string[];
  /** Offset of each line; one more for the end. */
  readonly starts: readonly number[];
}

function split(text: string): Lines {
  const lines = text.split('\n');
  const starts: number[] = [];
  let at = 0;
  for (const line of lines) {
    starts.push(at);
    at += line.length + 1;
  }
  return { lines, starts };
}

/** The lines `from` … `from + count - 1`, without the last line end unless the model gave one. */
function spanOf({ lines, starts }: Lines, from: number, count: number, withEnd: boolean): Span {
  const last = from + count - 1;
  const end = starts[last]! + lines[last]!.length;
  return { start: starts[from]!, end: withEnd && last + 1 < lines.length ? end + 1 : end };
}

/** The wanted lines; a final line end is not a line of its own. */
function wantedLines(wanted: string): { readonly lines: readonly string[]; readonly withEnd: boolean } {
  const withEnd = wanted.endsWith('\n') && wanted.length > 1;
  return { lines: (withEnd ? wanted.slice(0, -1) : wanted).split('\n'), withEnd };
}

/** Whole lines that are equal after `fold`. Blank text never matches, it would match everywhere. */
function byLines(text: string, wanted: string, fold: (line: string) => string): readonly Span[] {
  const { lines: search, withEnd } = wantedLines(wanted);
  const folded = search.map(fold);
  if (folded.every((line) => line.trim() === '')) return [];
  const file = split(text);
  const hay = file.lines.map(fold);
  return windows(hay, folded).map((from) => spanOf(file, from, folded.length, withEnd));
}

function windows(hay: readonly string[], needle: readonly string[]): readonly number[] {
  // The rarest thing to look at first is a line that is not blank.
  const anchor = Math.max(
    0,
    needle.findIndex((line) => line.trim() !== ''),
  );
  const found: number[] = [];
  for (let from = 0; from + needle.length <= hay.length && found.length < maxSpans; from += 1) {
    if (hay[from + anchor] === needle[anchor] && needle.every((line, index) => hay[from + index] === line)) {
      found.push(from);
      from += needle.length - 1;
    }
  }
  return found;
}

export function decodeEscapes(text: string): string {
  return text.replace(/\\([ntr])/g, (_, letter) => (letter === 'n' ? '\n' : letter === 't' ? '\t' : '\r'));
}

function escapeNormalized(text: string, wanted: string): readonly Span[] {
  const decoded = decodeEscapes(wanted);
  return decoded === wanted ? [] : exact(text, decoded);
}

function trimmedBoundary(text: string, wanted: string): readonly Span[] {
  const { lines: search, withEnd } = wantedLines(wanted);
  const last = search.length - 1;
  if (search.every((line) => line.trim() === '')) return [];
  const file = split(text);
  const [head, tail] = [search[0]!.trim(), search[last]!.trim()];
  const spans: Span[] = [];
  for (let from = 0; from + last < file.lines.length && spans.length < maxSpans; from += 1) {
    if (file.lines[from]!.trim() !== head || file.lines[from + last]!.trim() !== tail) continue;
    let equal = true;
    for (let index = 1; index < last && equal; index += 1) equal = file.lines[from + index] === search[index];
    if (equal) spans.push(spanOf(file, from, search.length, withEnd));
  }
  return spans;
}

const folds: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201a': "'",
  '\u201b': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u201e': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2015': '-',
  '\u2212': '-',
  '\u2026': '...',
  '\u00a0': ' ',
  '\u202f': ' ',
  '\u2009': ' ',
};
const foldable = /[\u2018-\u201b\u201c-\u201e\u2010-\u2015\u2212\u2026\u00a0\u202f\u2009]/g;

function unicodeNormalized(text: string, wanted: string): readonly Span[] {
  const folded = text.replace(foldable, (c) => folds[c] ?? c);
  const needle = wanted.replace(foldable, (c) => folds[c] ?? c);
  if (folded === text && needle === wanted) return [];
  // An ellipsis becomes three characters, so positions are counted back.
  const ellipses = [...text.matchAll(/\u2026/g)].map((found, index) => found.index + 2 * index);
  const back = (at: number) => {
    let [low, high] = [0, ellipses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ellipses[middle]! < at) low = middle + 1;
      else high = middle;
    }
    const inside = low > 0 && at < ellipses[low - 1]! + 3;
    return { at: at - 2 * low + (inside ? ellipses[low - 1]! + 3 - at : 0), inside };
  };
  return exact(folded, needle).flatMap(({ start, end }) => {
    const [from, to] = [back(start), back(end)];
    // Half an ellipsis cannot be replaced.
    return from.inside || to.inside ? [] : [{ start: from.at, end: to.at }];
  });
}

const maxCandidates = 50;
/** Characters compared by similarity in all; keeps hostile input from holding up the process. */
const maxCompared = 20_000_000;

function similarity(a: string, b: string): number {
  const longest = Math.max(a.length, b.length);
  return longest === 0 ? 1 : 1 - distance(a, b) / longest;
}

function blockAnchor(text: string, wanted: string): readonly Span[] {
  const { lines: search, withEnd } = wantedLines(wanted);
  if (search.length < 3) return [];
  const file = split(text);
  const last = search.length - 1;
  const [head, tail] = [search[0]!.trim(), search[last]!.trim()];
  if (head === '' || tail === '') return [];
  const candidates: number[] = [];
  for (let from = 0; from + last < file.lines.length && candidates.length < maxCandidates; from += 1) {
    if (file.lines[from]!.trim() === head && file.lines[from + last]!.trim() === tail) candidates.push(from);
  }
  const threshold = candidates.length === 1 ? 0.5 : 0.7;
  let left = maxCompared;
  return candidates
    .filter((from) => {
      let sum = 0;
      for (let index = 1; index < last; index += 1) {
        const [a, b] = [
          file.lines[from + index]!.trim().slice(0, 2_000),
          search[index]!.trim().slice(0, 2_000),
        ];
        left -= (a.length * b.length) / 32 + 1;
        if (left < 0) return false;
        sum += similarity(a, b);
      }
      return sum / (last - 1) >= threshold;
    })
    .map((from) => spanOf(file, from, search.length, withEnd));
}

function contextAware(text: string, wanted: string): readonly Span[] {
  const { lines: search, withEnd } = wantedLines(wanted);
  const folded = search.map((line) => line.trim().slice(0, 2_000));
  if (folded.every((line) => line === '')) return [];
  const file = split(text);
  const hay = file.lines.map((line) => line.trim().slice(0, 2_000));
  const needed = folded.length * 0.5;
  let left = maxCompared;
  let best = { count: 0, spans: [] as Span[] };
  for (let from = 0; from + folded.length <= hay.length; from += 1) {
    let alike = 0;
    for (const [index, line] of folded.entries()) {
      const other = hay[from + index]!;
      const longest = Math.max(line.length, other.length);
      left -= 1;
      if (line === other) alike += 1;
      else if (Math.abs(line.length - other.length) <= longest * 0.2) {
        left -= (line.length * other.length) / 32;
        if (similarity(line, other) >= 0.8) alike += 1;
      }
      if (left < 0) return [];
      if (alike + folded.length - index - 1 < needed) break;
    }
    if (alike < needed || alike === 0) continue;
    const span = spanOf(file, from, folded.length, withEnd);
    // The best window wins; equally good ones that do not overlap stay ambiguous.
    if (alike > best.count) best = { count: alike, spans: [span] };
    else if (alike === best.count && span.start >= best.spans.at(-1)!.end) best.spans.push(span);
  }
  return best.spans;
}

/** Up to three places that look most like what was wanted, with line numbers, for the error message. */
export function nearMisses(text: string, wanted: string): string {
  const first = wanted
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim()
    .slice(0, 300);
  if (first === undefined) return '';
  const lines = text.split('\n');
  const scored: { at: number; score: number }[] = [];
  for (const [at, line] of lines.slice(0, 20_000).entries()) {
    const other = line.trim().slice(0, 300);
    if (other === '' || Math.abs(other.length - first.length) > Math.max(other.length, first.length) * 0.6)
      continue;
    const score = similarity(first, other);
    if (score > 0.4) scored.push({ at, score });
  }
  return scored
    .sort((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ at }) =>
      lines
        .slice(Math.max(0, at - 1), at + 4)
        .map((line, index) => `${Math.max(0, at - 1) + index + 1}| ${line.slice(0, 200)}`)
        .join('\n'),
    )
    .join('\n---\n');
}
