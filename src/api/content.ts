import type { Content, ContentPart } from '../core/message.ts';
import { badRequest } from './errors.ts';
import { type Brought, byId, fileSource, imageOfSource, onlyFiles } from './media/brought.ts';

/** Limits of api-server §3; what exceeds them is cut, as documented there. */
const maxDepth = 10;
const maxItems = 1_000;
const maxText = 65_536;

const textTypes: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text']);
const imageTypes: ReadonlySet<string> = new Set(['image_url', 'input_image']);
const fileTypes: ReadonlySet<string> = new Set(['file', 'input_file']);

type Part = Readonly<Record<string, unknown>>;

const isPart = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const typeOf = (part: Part) => (typeof part.type === 'string' ? part.type.trim().toLowerCase() : '');

/** Cuts by code point, so that no surrogate pair is torn. */
function cut(text: string): string {
  if (text.length <= maxText) return text;
  let end = 0;
  for (let taken = 0; taken < maxText && end < text.length; taken += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const textOfPart = (part: Part) => (textTypes.has(typeOf(part)) ? scalar(part.text) : '');

/** Text only: system messages and steering. Images and unknown parts are skipped (api-server §3.1). */
export function flattenText(content: unknown, depth = 0): string {
  if (depth > maxDepth) return '';
  if (!Array.isArray(content)) return scalar(content);
  const pieces: string[] = [];
  let length = 0;
  for (const item of content.slice(0, maxItems)) {
    const piece = Array.isArray(item)
      ? flattenText(item, depth + 1)
      : isPart(item)
        ? textOfPart(item)
        : typeof item === 'string'
          ? cut(item)
          : '';
    if (piece === '') continue;
    pieces.push(piece);
    length += piece.length;
    if (length >= maxText) break;
  }
  return cut(pieces.join('\n'));
}

/** Whether some of it exceeds the limits and is left out. */
export function isCut(content: unknown): boolean {
  if (typeof content === 'string') return content.length > maxText && cut(content).length < content.length;
  if (!Array.isArray(content)) return false;
  if (content.length > maxItems) return true;
  const texts = content.map((item: unknown) => (isPart(item) ? item.text : item));
  return texts.reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0) > maxText;
}

/** How a place that was cut is named among what had no effect. */
export const cutAt = (place: string) => `${place} (cut)`;

/**
 * User and assistant content in its canonical form: one string when there is only text, else text and image parts in
 * order. Files are no part of it: they go to `brought`, and where nothing collects them they are refused. Throws the
 * 400s of api-server §3.2 with `param`.
 */
export function normalizeContent(content: unknown, param: string, brought?: Brought): Content {
  if (isPart(content)) {
    throw badRequest('Message content must be a string or an array of content parts.', {
      param,
      code: 'invalid_content_part',
    });
  }
  if (!Array.isArray(content)) return scalar(content);
  const parts: ContentPart[] = [];
  let length = 0;
  let files = 0;
  const addText = (text: string) => {
    if (text === '' || length >= maxText) return;
    parts.push({ type: 'text', text });
    length += text.length;
  };
  for (const item of content.slice(0, maxItems)) {
    if (typeof item === 'string') addText(cut(item));
    if (!isPart(item)) continue;
    const type = typeOf(item);
    if (textTypes.has(type)) addText(scalar(item.text));
    else if (imageTypes.has(type)) parts.push(noted(imagePart(item, param), param, brought));
    else if (fileTypes.has(type) && brought !== undefined) {
      const source = fileSource(item, param);
      files += 1;
      if (typeof source === 'string') addText(source);
      else brought.files.push({ source, param });
    }
    // A replayed refusal is the assistant's own words about nothing we can use.
    else if (type !== 'refusal') throw unsupportedPart(item, type, param);
  }
  if (parts.some((part) => part.type === 'image_url')) return parts;
  if (files > 0 && !isVisible(parts)) return onlyFiles;
  return cut(parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'));
}

function noted(part: ImagePart, param: string, brought: Brought | undefined): ImagePart {
  const { url } = part.image_url;
  if (brought !== undefined && !brought.images.has(url)) brought.images.set(url, param);
  return part;
}

function unsupportedPart(part: Part, type: string, param: string): Error {
  const code = 'unsupported_content_type';
  if (fileTypes.has(type)) {
    return badRequest(
      'Inline image inputs are supported, but uploaded files and document inputs are not supported on this endpoint.',
      { param, code },
    );
  }
  const shown = String(part.type ?? '').slice(0, 64);
  return badRequest(
    `Unsupported content part type '${shown}'. Only text and image_url/input_image parts are supported.`,
    { param, code },
  );
}

type ImagePart = Extract<ContentPart, { type: 'image_url' }>;

function imagePart(part: Part, param: string): ImagePart {
  const ref = part.image_url ?? imageOfSource(part.source);
  const raw = isPart(ref) ? ref.url : ref;
  const detail = isPart(ref) && ref.detail !== undefined ? ref.detail : part.detail;
  const url = typeof raw === 'string' ? raw.trim() : '';
  if (url === '') {
    if (typeof part.file_id === 'string' && part.file_id !== '') throw byId(param);
    throw badRequest('Image parts must include a non-empty image URL.', { param, code: 'invalid_image_url' });
  }
  const scheme = url.slice(0, 11).toLowerCase();
  if (scheme.startsWith('data:')) {
    if (scheme !== 'data:image/' || !url.includes(',')) {
      throw badRequest('Only image data URLs are supported. Non-image data payloads are not supported.', {
        param,
        code: 'unsupported_content_type',
      });
    }
  } else if (!scheme.startsWith('http://') && !scheme.startsWith('https://')) {
    throw badRequest('Image inputs must use http(s) URLs or data:image/... URLs.', {
      param,
      code: 'invalid_image_url',
    });
  }
  if (detail === undefined || detail === null) return { type: 'image_url', image_url: { url } };
  if (typeof detail !== 'string' || detail.trim() === '') {
    throw badRequest('Image detail must be a non-empty string when provided.', {
      param,
      code: 'invalid_content_part',
    });
  }
  return { type: 'image_url', image_url: { url, detail: detail.trim() } };
}

/** True when there is something to answer: non-blank text or any image. */
export function isVisible(content: Content): boolean {
  if (typeof content === 'string') return content.trim() !== '';
  return content.some((part) => part.type === 'image_url' || part.text.trim() !== '');
}
