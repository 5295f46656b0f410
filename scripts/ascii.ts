/**
 * JavaScript with every character above U+00FF written as an escape. The engine keeps a source with such a character in
 * two bytes per character for as long as the module lives, which doubled the memory of most bundled files.
 * Throws where an escape would mean something else: the raw text of `String.raw`.
 */
export function ascii(code: string, name: string): string {
  const raw = /String\.raw`(?:[^`\\]|\\.)*[^\x00-\xff]/s.exec(code);
  if (raw !== null) throw new Error(`${name}: a character above U+00FF in the raw text at ${raw.index}`);
  return code.replace(/[^\x00-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
