/** One search-and-replace in a text: find, refuse what is ambiguous, fit, put in place. Pure. */

import { fitTo } from './fit.ts';
import { findMatch, nearMisses, type Strategy } from './match.ts';

export type Replaced =
  | { readonly text: string; readonly count: number; readonly strategy: Strategy }
  | { readonly error: string };

export function replaceIn(text: string, wanted: string, replacement: string, all: boolean): Replaced {
  if (wanted === '') return { error: 'old_string is empty. Use write_file to create a file.' };
  if (wanted === replacement)
    return { error: 'old_string and new_string are the same; nothing would change.' };
  const match = findMatch(text, wanted);
  if (match === undefined) {
    const near = nearMisses(text, wanted);
    const hint = near === '' ? '' : `\n\nDid you mean one of these sections?\n${near}`;
    return { error: `Could not find old_string in the file.${hint}` };
  }
  const { spans, strategy } = match;
  if (spans.length > 1 && !all) {
    return {
      error: `Found ${spans.length} matches for old_string. Provide more context to make it unique, or use replace_all=True.`,
    };
  }
  const out: string[] = [];
  let from = 0;
  for (const { start, end } of spans) {
    const fitted = fitTo(strategy, text.slice(start, end), wanted, replacement);
    if ('refused' in fitted) return { error: fitted.refused };
    out.push(text.slice(from, start), fitted.text);
    from = end;
  }
  out.push(text.slice(from));
  const changed = out.join('');
  if (changed === text) return { error: 'The replacement would leave the file as it is.' };
  return { text: changed, count: spans.length, strategy };
}
