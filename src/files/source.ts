/** How a request names a picture or a file, and the bytes it carries itself. */
import { refuse } from './refusal.ts';

export type Source =
  /** `http:`, `https:` or `data:`. A data URL is read, never downloaded. */
  | { readonly kind: 'url'; readonly url: string; readonly filename?: string }
  /** `mime` as claimed, parameters allowed. */
  | { readonly kind: 'data'; readonly base64: string; readonly mime?: string; readonly filename?: string };

/** Turns a data URL into inline data, so that there is one way on; leaves the others alone. */
export function inlined(source: Source): Source {
  if (source.kind === 'data' || !/^\s*data:/i.test(source.url)) return source;
  const { mime, base64 } = parseDataUrl(source.url);
  return {
    kind: 'data',
    base64,
    ...(mime === undefined ? {} : { mime }),
    ...(source.filename === undefined ? {} : { filename: source.filename }),
  };
}

/**
 * `data:[type][;params];base64,<data>` (openclaw-http §8.3). The media type is the first parameter with a slash. Throws
 * FileRefused `bad_data_url`, also for data that is not base64.
 */
export function parseDataUrl(url: string): { readonly mime?: string; readonly base64: string } {
  const comma = url.indexOf(',');
  const head = url.slice(0, Math.max(comma, 0)).trim();
  if (comma < 0 || !/^data:/i.test(head)) refuse('bad_data_url', 'a data URL without data');
  const params = head
    .slice('data:'.length)
    .split(';')
    .map((param) => param.trim());
  if (!params.some((param) => param.toLowerCase() === 'base64'))
    refuse('bad_data_url', 'a data URL that is not base64');
  const type = params.findIndex((param) => param.includes('/') && !param.includes('='));
  const base64 = url.slice(comma + 1);
  if (type < 0) return { base64 };
  const rest = params.slice(type + 1).filter((param) => param.includes('='));
  return { mime: [params[type], ...rest].join(';'), base64 };
}

/** Standard base64 with padding; white space does not count. Its size is judged before anything is decoded. */
export function decodeBase64(text: string, maxBytes: number): Uint8Array {
  const plain = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  if (plain === '') refuse('bad_base64', 'the data is empty');
  const padding = plain.endsWith('==') ? 2 : plain.endsWith('=') ? 1 : 0;
  const size = (plain.length / 4) * 3 - padding;
  if (size > maxBytes) refuse('too_large', `the data is larger than ${maxBytes} bytes`);
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(plain))
    refuse('bad_base64', 'the data is not base64');
  const bytes = Buffer.from(plain, 'base64');
  if (bytes.length > maxBytes) refuse('too_large', `the data is larger than ${maxBytes} bytes`);
  return bytes;
}
