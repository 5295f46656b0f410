/** Text files: bytes to characters, and whether they are text at all. */

export interface Decoded {
  readonly text: string;
  /** The encoding used, in the Encoding Standard's spelling. */
  readonly encoding: string;
}

/** Byte order mark, else the declared charset, else UTF-8; an unknown label counts as none (openclaw-http §10.6). */
export function decodeText(bytes: Uint8Array, charset: string | undefined): Decoded {
  const decoder = decoderFor(marked(bytes) ?? charset ?? 'utf-8');
  return { text: decoder.decode(bytes), encoding: decoder.encoding };
}

function marked(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function decoderFor(label: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(label);
  } catch {
    return new TextDecoder('utf-8');
  }
}

/** "Binary data bytes" of the MIME Sniffing Standard, §3. */
const binary = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/;
const looked = 4_096;

/**
 * True when the content is text whatever it claims. `sniffed` alone does not decide: two-letter signatures (`BM`,
 * `MZ`) also begin ordinary words. In UTF-16 a signature is no accident.
 */
export function isText({ text, encoding }: Decoded, sniffed: string | undefined): boolean {
  if (binary.test(text.slice(0, looked)) || text.includes('\0')) return false;
  return sniffed === undefined || sniffed.startsWith('text/') || !encoding.startsWith('utf-16');
}

/** At most `max` UTF-16 units; no surrogate pair is torn. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
