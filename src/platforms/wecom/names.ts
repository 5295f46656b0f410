/** File names and MIME types, where WeCom says neither. */

const types: Readonly<Record<string, string>> = {
  amr: 'audio/amr',
  csv: 'text/csv',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  gif: 'image/gif',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  md: 'text/markdown',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  ppt: 'application/vnd.ms-powerpoint',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  txt: 'text/plain',
  wav: 'audio/wav',
  webp: 'image/webp',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  xml: 'application/xml',
  zip: 'application/zip',
};

export function guessMime(name: string): string {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return types[extension] ?? 'application/octet-stream';
}

/** The given name, else the last piece of the URL if it looks like a file, else `document.bin`. No folders. */
export function fileName(given: string | undefined, url: string): string {
  const named = bare(given ?? '');
  if (named !== '') return named;
  const last = bare(decoded(URL.parse(url)?.pathname ?? ''));
  return /\.[a-z0-9]{1,8}$/i.test(last) ? last : 'document.bin';
}

function bare(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  const visible = last.replace(/[\u0000-\u001f\u007f]/g, '').trim();
  return /^\.*$/.test(visible) ? '' : visible.slice(-200).toWellFormed();
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const signatures: readonly (readonly [string, (head: Buffer) => boolean])[] = [
  ['image/png', (head) => head.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', (head) => head.subarray(0, 3).toString('latin1') === '\xff\xd8\xff'],
  ['image/gif', (head) => /^GIF8[79]a/.test(head.subarray(0, 6).toString('latin1'))],
  ['image/webp', (head) => /^RIFF.{4}WEBP$/s.test(head.subarray(0, 12).toString('latin1'))],
];

/** By the first bytes; undefined = none of the images WeCom sends. */
export function imageMime(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.subarray(0, 16));
  return signatures.find(([, matches]) => matches(bytes))?.[0];
}
