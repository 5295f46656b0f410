/**
 * Command detection (gateway-core §3.3): the first word, lower-cased, without `/` and without a bot suffix. A first
 * word with another `/` is a path, not a command. Phones rewrite dashes in arguments; they are written back.
 */
export function readCommand(text: string): { readonly name: string; readonly args: string } | undefined {
  if (!text.startsWith('/')) return undefined;
  const [word = '', ...rest] = text.slice(1).split(/\s+/);
  if (word === '' || word.includes('/')) return undefined;
  const name = word.split('@')[0]!.toLowerCase();
  if (name === '') return undefined;
  const args = rest.join(' ').trim().replaceAll('——', '--').replaceAll('—', '--').replaceAll('–', '-');
  return { name, args };
}
