/** Text files as the tools see them: `\n` line ends, no byte order mark; both are put back when writing. */

export interface TextShape {
  readonly bom: boolean;
  readonly crlf: boolean;
}

const mark = '\ufeff';

/** Bytes that no text has, or too many that are not UTF-8. */
export function looksBinary(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 8_192);
  if (sample.includes(0)) return true;
  let odd = 0;
  for (const byte of sample) if (byte < 9 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32)) odd += 1;
  return odd > sample.length * 0.1;
}

/** Throws nothing; `undefined` when the bytes are no UTF-8, which must not be rewritten as if they were. */
export function decode(bytes: Uint8Array): { readonly text: string; readonly shape: TextShape } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const bom = text.startsWith(mark);
  if (bom) text = text.slice(1);
  // Only a file in which every line ends that way is a CRLF file; mixed files are left as they are.
  const crlf = text.includes('\r\n') && !/(?<!\r)\n/.test(text);
  return { text: crlf ? text.replaceAll('\r\n', '\n') : text, shape: { bom, crlf } };
}

export function encode(text: string, shape: TextShape): Buffer {
  const body = shape.crlf ? text.replace(/\r?\n/g, '\r\n') : text;
  return Buffer.from((shape.bom && !body.startsWith(mark) ? mark : '') + body, 'utf8');
}

const binaryExtensions = new Set(
  'exe dll so dylib bin o a class jar war pyc pyo wasm zip gz bz2 xz zst 7z rar tar tgz iso dmg pdf doc docx xls xlsx ppt pptx odt ods mp3 mp4 m4a wav ogg flac avi mov mkv webm ttf otf woff woff2 eot sqlite sqlite3 db'.split(
    ' ',
  ),
);
const imageExtensions = new Set('png jpg jpeg gif webp bmp ico tif tiff heic avif'.split(' '));

export function kindByName(path: string): 'image' | 'binary' | 'text' {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  if (imageExtensions.has(extension)) return 'image';
  return binaryExtensions.has(extension) ? 'binary' : 'text';
}

/** Program text and data, in which an assignment is no sign of a secret. */
export function isSource(path: string): boolean {
  return /\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|c|h|cc|cpp|hpp|cs|php|swift|scala|lua|pl|sh|bash|zsh|sql|html|css|scss|vue|svelte|md)$/i.test(
    path,
  );
}
