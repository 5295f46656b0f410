/**
 * Code as Markdown writes it: with as many backticks as it takes that none of the text can end it.
 * Source: CommonMark 0.31, "Fenced code blocks" and "Code spans".
 */

export function codeSpan(text: string): string {
  const ticks = '`'.repeat(longestRun(text) + 1);
  const room = /^`|`$/.test(text) ? ' ' : '';
  return ticks + room + text + room + ticks;
}

/** Starts at the beginning of a line and ends without a newline. `lang` is written as it stands. */
export function fenced(lang: string, text: string): string {
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${lang}\n${text}\n${ticks}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}
