/** Images and files that callers of the OpenAI-compatible endpoints send (openclaw-http §8.3, §10, §15). */
import { flag, hosts, names, whole } from '../values.ts';
import { type Key, key, unset } from './shape.ts';

const mebibyte = 1024 * 1024;

const source = (noun: string) => ({
  urlAllowlist: key(
    hosts(),
    [],
    `Hosts that ${noun} may be downloaded from, \`host\` or \`*.suffix\`; none = all.`,
    {
      guard: true,
    },
  ),
  maxRedirects: key(whole({ min: 0 }), 3, 'Redirects one download may follow.'),
  timeoutMs: key(whole({ min: 1 }), 10_000, 'Milliseconds for one download, and again for opening one file.'),
});

const images = {
  'images.allowUrl': unset(
    flag(),
    'Download images that are named by address. Unset: pass the address on to the model; for `openclaw` names download (responses) or refuse (chat). `false`: refuse.',
    { guard: true },
  ),
  'images.allowedMimes': key(
    names(),
    ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'image/heif'],
    'Image types that are taken; an empty list means the default.',
    { guard: true },
  ),
  'images.maxBytes': key(whole({ min: 1 }), 10 * mebibyte, 'Bytes of one image.'),
  ...under('images', source('images')),
};

const files = {
  'files.allowUrl': key(flag(), true, 'Download files that are named by address.', { guard: true }),
  'files.allowedMimes': key(
    names(),
    ['text/plain', 'text/markdown', 'text/html', 'text/csv', 'application/json', 'application/pdf'],
    'File types that are taken; an empty list means the default.',
    { guard: true },
  ),
  'files.maxBytes': key(whole({ min: 1 }), 5 * mebibyte, 'Bytes of one file.'),
  'files.maxChars': key(whole({ min: 1 }), 200_000, 'Characters of one file that the model is shown.'),
  ...under('files', source('files')),
  'files.pdf.maxPages': key(whole({ min: 1 }), 4, 'Pages of a PDF that are read.'),
  'files.pdf.maxPixels': key(whole({ min: 1 }), 4_000_000, 'Pixels of a PDF page shown as an image.'),
  'files.pdf.minTextChars': key(
    whole({ min: 0 }),
    200,
    'A PDF with less text than this is shown as images, too.',
  ),
};

const body =
  'Bytes of one request. Unset: 10000000, or 20971520 as soon as this endpoint is switched on or a size is set here';

const chat = {
  maxBodyBytes: unset(whole({ min: 1 }), `${body}.`),
  maxImageParts: key(whole({ min: 0 }), 8, 'Images of the newest message.'),
  maxTotalImageBytes: key(
    whole({ min: 1 }),
    20 * mebibyte,
    'Bytes of all images and files of the newest message.',
  ),
  ...images,
  ...files,
};

const responses = {
  maxBodyBytes: unset(whole({ min: 1 }), `${body}; then at least twice the largest image or file.`),
  maxUrlParts: key(whole({ min: 0 }), 8, 'Images and files of one request that are named by address.'),
  ...images,
  ...files,
};

export const httpKeys = {
  ...fields('chatCompletions', chat),
  ...fields('responses', responses),
} as const;

type Under<P extends string, K> = { [N in keyof K & string as `${P}.${N}`]: K[N] };

function under<const P extends string, K extends Readonly<Record<string, Key>>>(place: P, rows: K) {
  const entries = Object.entries(rows).map(([name, row]) => [`${place}.${name}`, row] as const);
  return Object.fromEntries(entries) as Under<P, K>;
}

/** The rows of one endpoint; the field of `Settings` is called as the key is. */
function fields<const E extends string, K extends Readonly<Record<string, Key>>>(endpoint: E, rows: K) {
  const entries = Object.entries(rows).map(([name, row]) => [
    name,
    { ...row, field: `http.${endpoint}.${name}` },
  ]);
  return under(`gateway.http.endpoints.${endpoint}`, Object.fromEntries(entries) as K);
}
