/**
 * File text in the prompt: a block that its content cannot leave, marked as somebody else's words (openclaw-http
 * §10.9–10.10). It belongs into the system prompt of one turn and is not stored.
 */

/**
 * `text` blank: only a note, by whether pages were rendered to pictures. `id` has to be new and unpredictable for every
 * block.
 */
export function fileBlock(filename: string | undefined, text: string, rendered: boolean, id: string): string {
  const open = `<file name="${escapedName(filename)}">`;
  if (text.trim() === '')
    return `${open}${rendered ? '[PDF content rendered to images]' : '[No extractable text]'}</file>`;
  return `${open}
<<<EXTERNAL_UNTRUSTED_CONTENT id="${id}">>>
Source: External
---
${neutral(text)}
<<<END_EXTERNAL_UNTRUSTED_CONTENT id="${id}">>>
</file>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const longestName = 255;

function escapedName(filename: string | undefined): string {
  const name = (filename ?? '')
    .slice(0, 4 * longestName)
    .replace(/[\x00-\x1f\x7f\u2028\u2029]/g, ' ')
    .toWellFormed()
    .trim();
  const shown = name === '' ? 'file' : [...name].slice(0, longestName).join('');
  return shown.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

function neutral(text: string): string {
  return withoutMarkers(text)
    .replace(/<\s*\/\s*file\s*>/gi, '&lt;/file&gt;')
    .replace(/<((?:\s*\/)?\s*file)/gi, '&lt;$1');
}

/** What a reader may take for an angle bracket. */
const brackets = /[\u2039\u2329\u276e\u27e8\u3008\u300a\u00ab\u226a\ufe64\uff1c]/g;
const invisible = '\\u00ad\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\ufeff';
const gap = `[\\s_\\-${invisible}]*`;
const spelled = (word: string) => [...word].join(`[${invisible}]*`);
const words = new RegExp(['external', 'untrusted', 'content'].map(spelled).join(gap), 'gi');
const opening = new RegExp(`<[${invisible}]*<[<\\s${invisible}]*(?:${spelled('end')}${gap})?$`, 'i');
/** How far before the words an opening is looked for; keeps the search linear. */
const reach = 48;

/** Breaks what looks like our own markers; the rest of the text stays as it is. */
function withoutMarkers(text: string): string {
  const plain = folded(text);
  let result = '';
  let from = 0;
  for (const found of plain.matchAll(words)) {
    const start = Math.max(from, found.index - reach);
    const before = opening.exec(plain.slice(start, found.index));
    if (before === null) continue;
    result += `${text.slice(from, start + before.index)}[[MARKER_SANITIZED]]`;
    from = found.index + found[0].length;
  }
  return from === 0 ? text : result + text.slice(from);
}

/** The same number of UTF-16 units, so that positions hold: full-width letters and look-alike brackets become ASCII. */
function folded(text: string): string {
  return text
    .replace(brackets, '<')
    .replace(/[\uff01-\uff5e]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0xfee0));
}
