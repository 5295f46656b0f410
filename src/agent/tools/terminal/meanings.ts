/** Exit codes that are answers, not failures: said so that the model does not "repair" them. */

import { callsOf } from '../guard/calls.ts';

const meanings: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  grep: { 1: 'No matches found (not an error)' },
  egrep: { 1: 'No matches found (not an error)' },
  fgrep: { 1: 'No matches found (not an error)' },
  rg: { 1: 'No matches found (not an error)' },
  diff: { 1: 'Files differ (not an error)' },
  colordiff: { 1: 'Files differ (not an error)' },
  find: { 1: 'Some directories could not be read; what was found is still valid' },
  test: { 1: 'The condition is false (not an error)' },
  '[': { 1: 'The condition is false (not an error)' },
  curl: {
    6: 'The host name could not be resolved',
    7: 'The connection was refused',
    22: 'The server answered with an HTTP error status (400 or above)',
    28: 'The request timed out',
  },
  git: { 1: 'Often normal: differences found, nothing to commit, or no match' },
};

/** For the last command of the line, whose code the shell reports. */
export function exitMeaning(command: string, code: number): string | undefined {
  if (code === 0) return undefined;
  const last = callsOf(command).calls.findLast((call) => call.name !== '');
  if (last === undefined || !Object.hasOwn(meanings, last.name)) return undefined;
  return meanings[last.name]?.[code];
}
