/** Real `sudo` words become `sudo -S -p ''`, with the configured password on standard input. */

import { type Simple, scan } from '../guard/scan.ts';

/** `input` has one line per `sudo`, because each may ask. Quoted or nested scripts are not rewritten. */
export function withSudoPassword(
  command: string,
  password: string | undefined,
): { readonly command: string; readonly input: string | undefined } {
  if (password === undefined || !command.includes('sudo')) return { command, input: undefined };
  const places: number[] = [];
  collect(scan(command).commands, places);
  if (places.length === 0) return { command, input: undefined };
  let out = '';
  let from = 0;
  for (const at of places.sort((a, b) => a - b)) {
    out += `${command.slice(from, at)}sudo -S -p ''`;
    from = at + 'sudo'.length;
  }
  return { command: out + command.slice(from), input: `${password}\n`.repeat(places.length) };
}

function collect(commands: readonly Simple[], places: number[]): void {
  for (const simple of commands) {
    for (const inner of simple.inner) collect(inner.commands, places);
    const first = simple.words.find(
      (word) => !/^(?:[a-z_]\w{0,100}=|[!{]$|if$|then$|do$|else$|while$)/i.test(word.text),
    );
    if (first?.text === 'sudo' && !first.quoted) places.push(first.at);
  }
}
