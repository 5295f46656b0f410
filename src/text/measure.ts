/** Lengths in the unit a platform counts in, and places where text may be cut. */

/** Same members as the manifest's `Unit`. */
export type Unit = 'utf16' | 'codepoint' | 'grapheme' | 'byte';

let segmenter: Intl.Segmenter | undefined;

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

export function measure(text: string, unit: Unit): number {
  switch (unit) {
    case 'utf16':
      return text.length;
    case 'byte':
      return Buffer.byteLength(text);
    case 'codepoint': {
      let count = text.length;
      for (let at = 1; at < text.length; at++) if (isPair(text, at)) count--;
      return count;
    }
    case 'grapheme': {
      let count = 0;
      for (const _ of graphemes(text)) count++;
      return count;
    }
  }
}

/** True between the halves of a surrogate pair. */
function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** How far around a cut a grapheme may reach before it counts as an attack and is cut between code points. */
const REACH = 256;

/**
 * The last index ≤ `at` (UTF-16) where `text` may be cut: never inside a surrogate pair, and between graphemes
 * unless one spans more than a few hundred units. Returns 0 only when nothing in front may be cut off.
 */
export function cutBefore(text: string, at: number): number {
  if (at >= text.length) return text.length;
  if (at <= 0) return 0;
  const point = isPair(text, at) ? at - 1 : at;
  if (isSimple(text.charCodeAt(point - 1)) && isSimple(text.charCodeAt(point))) return point;
  const from = Math.max(0, point - REACH);
  const start = from > 0 && isPair(text, from) ? from + 1 : from;
  const found = graphemes(text.slice(start, point + REACH)).containing(point - start);
  const cut = start + (found?.index ?? 0);
  if (cut === point || cut > start) return cut;
  return start === 0 && found !== undefined && found.segment.length < REACH ? 0 : point;
}

/** Printable ASCII never joins its neighbour. */
function isSimple(code: number): boolean {
  return code >= 0x20 && code < 0x7f;
}
