/** What a message, or the message it quotes, says and carries (wecom §3.1). */
import type { MediaRef } from '../../core/inbound.ts';
import { fileName, guessMime, imageMime } from './names.ts';
import { type Fields, fields, string } from './wire.ts';

export interface Content {
  readonly text: string;
  readonly media: readonly MediaRef[];
}

/** Items of one mixed message; a frame has no documented limit. */
const maxItems = 64;
const maxUrl = 8192;

/** Where the bytes of an attachment are. Written into `MediaRef.ref`, which the store keeps. */
export type Source =
  | { readonly kind: MediaRef['kind']; readonly url: string; readonly key?: string }
  | { readonly kind: MediaRef['kind']; readonly base64: string };

export function readSource(ref: string): Source | undefined {
  try {
    const source = fields(JSON.parse(ref));
    if (string(source?.['url']) === undefined && string(source?.['base64']) === undefined) return undefined;
    return source as unknown as Source;
  } catch {
    return undefined;
  }
}

/** Undefined for a kind of message nobody knows. */
export function contentOf(body: Fields): Content | undefined {
  const type = string(body['msgtype'], 64) ?? '';
  const part = fields(body[type]) ?? {};
  switch (type) {
    case 'text':
    // Speech arrives as its transcript; the sound itself is not delivered.
    case 'voice':
      return { text: string(part['content'])?.trim() ?? '', media: [] };
    case 'image':
      return { text: '', media: image(part) };
    case 'file':
      return { text: '', media: linked('file', part) };
    case 'video':
      return { text: '', media: linked('video', part) };
    case 'mixed':
      return mixed(part);
    case 'appmsg':
      return {
        text: string(part['title'])?.trim() ?? '',
        media: [...linked('file', fields(part['file']) ?? {}), ...image(fields(part['image']) ?? {})],
      };
    default:
      return undefined;
  }
}

function mixed(part: Fields): Content {
  const items = Array.isArray(part['msg_item']) ? part['msg_item'].slice(0, maxItems) : [];
  const contents = items.flatMap((item: unknown) => {
    const known = fields(item);
    // A mixed message inside a mixed message would have no end.
    return known === undefined || known['msgtype'] === 'mixed' ? [] : (contentOf(known) ?? []);
  });
  return {
    text: contents
      .map(({ text }) => text)
      .filter((text) => text !== '')
      .join('\n'),
    media: contents.flatMap(({ media }) => media),
  };
}

function image(part: Fields): MediaRef[] {
  const base64 = string(part['base64']);
  if (base64 === undefined) return linked('image', part);
  // A data URI: everything up to the comma only says what follows.
  const data = base64.slice(base64.indexOf(',') + 1);
  const mime = imageMime(Buffer.from(data.slice(0, 64), 'base64'));
  if (mime === undefined) return [];
  return [{ ref: ref({ kind: 'image', base64: data }), kind: 'image', mime }];
}

function linked(kind: 'image' | 'file' | 'video', part: Fields): MediaRef[] {
  const url = string(part['url'], maxUrl);
  if (url === undefined) return [];
  const key = string(part['aeskey'], 256);
  const source = ref(key === undefined ? { kind, url } : { kind, url, key });
  // What an image or a video is in detail shows only when it is fetched.
  if (kind !== 'file') return [{ ref: source, kind, mime: kind === 'image' ? 'image/*' : 'video/mp4' }];
  const name = fileName(string(part['filename']) ?? string(part['name']), url);
  return [{ ref: source, kind, mime: guessMime(name), name }];
}

function ref(source: Source): string {
  return JSON.stringify(source);
}
