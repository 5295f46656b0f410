/** What the messages of one request bring besides text, as it was sent. Nothing is downloaded or decoded here. */
import type { Source } from '../../files/source.ts';
import { badRequest } from '../errors.ts';

export interface FilePart {
  readonly source: Source;
  /** Place of its message in the request. */
  readonly param: string;
}

/** Filled while messages are read. */
export interface Brought {
  readonly files: FilePart[];
  /** Image addresses, data URLs included, each with the place it is first seen at. */
  readonly images: Map<string, string>;
  /** Place of the message that is answered; undefined when a tool result is. */
  newest: string | undefined;
}

export const nothingBrought = (): Brought => ({ files: [], images: new Map(), newest: undefined });

/** Said for a person who sent files and no word (openclaw-http §9.2). */
export const onlyFiles = 'User sent file(s) with no text.';

type Part = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textIn = (part: Part, field: string): string | undefined => {
  const value = part[field];
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
};

/**
 * The file of a `file` or `input_file` part: `{file: {file_data, filename}}` of Chat Completions, `file_data` or
 * `file_url` of Responses, `source` of OpenClaw. A string instead when only the name is left, as in the items that are
 * listed later. Throws 400 for a file by id and for a part without a file.
 */
export function fileSource(part: Part, param: string): Source | string {
  const file = isObject(part.file) ? part.file : part;
  const { source } = file;
  if (isObject(source)) return ofSource(source, textIn(file, 'filename'), param);
  const filename = textIn(file, 'filename');
  const named = filename === undefined ? {} : { filename };
  const data = textIn(file, 'file_data');
  if (data !== undefined) {
    if (/^\s*data:/i.test(data)) return { kind: 'url', url: data, ...named };
    const mime = filename === undefined ? undefined : mimeOf(filename);
    return { kind: 'data', base64: data, ...(mime === undefined ? {} : { mime }), ...named };
  }
  const url = textIn(file, 'file_url') ?? textIn(file, 'url');
  if (url !== undefined) return { kind: 'url', url: url.trim(), ...named };
  if (textIn(file, 'file_id') !== undefined) throw byId(param);
  if (filename !== undefined && part.type === 'input_file') return gone(filename);
  throw badRequest("File parts must have 'file_data' or 'file_url'.", {
    param,
    code: 'unsupported_content_type',
  });
}

/** Address or data URL of the image in OpenClaw's `source` (openclaw-http §9.3); undefined when there is none. */
export function imageOfSource(source: unknown): string | undefined {
  if (!isObject(source)) return undefined;
  if (source.type === 'url') return textIn(source, 'url');
  const data = textIn(source, 'data');
  if (source.type !== 'base64' || data === undefined) return undefined;
  return `data:${(textIn(source, 'media_type') ?? '').replace(/[,\s]/g, '')};base64,${data}`;
}

const gone = (filename: string) =>
  `[The file ${JSON.stringify(filename.slice(0, 255))} was sent earlier; its content is not stored.]`;

/** Uploads do not exist here, so their ids lead nowhere. */
export function byId(param: string): Error {
  return badRequest(
    "Files by id are not supported. Send the content in 'file_data' or its address in 'file_url'.",
    { param, code: 'unsupported_content_type' },
  );
}

function ofSource(source: Part, outer: string | undefined, param: string): Source {
  const filename = textIn(source, 'filename') ?? outer;
  const named = filename === undefined ? {} : { filename };
  const url = textIn(source, 'url');
  if (source.type === 'url' && url !== undefined) return { kind: 'url', url: url.trim(), ...named };
  const base64 = textIn(source, 'data');
  if (source.type === 'base64' && base64 !== undefined) {
    const mime = textIn(source, 'media_type');
    return { kind: 'data', base64, ...(mime === undefined ? {} : { mime }), ...named };
  }
  throw badRequest(
    "The 'source' of a file must be {type: 'url', url} or {type: 'base64', media_type, data}.",
    { param, code: 'invalid_content_part' },
  );
}

const mimes: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  md: 'text/markdown',
  markdown: 'text/markdown',
  html: 'text/html',
  htm: 'text/html',
  csv: 'text/csv',
  json: 'application/json',
  pdf: 'application/pdf',
};

/** Bare base64 of the Responses form has no other type than its name's; the content is looked at later. */
function mimeOf(filename: string): string | undefined {
  const ending = /\.([a-z]+)$/i.exec(filename.trim())?.[1]?.toLowerCase();
  return ending === undefined || !Object.hasOwn(mimes, ending) ? undefined : mimes[ending];
}

/**
 * An input item as it is kept and listed: its images and files in the standard form, without the bytes of files, which
 * are stored nowhere (docs/decisions/016).
 */
export function listedItem<I extends Part>(item: I): I {
  const content = listed(item.content);
  const output = listed(item.output);
  if (content === item.content && output === item.output) return item;
  return {
    ...item,
    ...(content === item.content ? {} : { content }),
    ...(output === item.output ? {} : { output }),
  };
}

function listed(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  const parts = list.map(listedPart);
  return parts.some((part, index) => part !== list[index]) ? parts : list;
}

const typeOf = (part: Part) => (typeof part.type === 'string' ? part.type.trim().toLowerCase() : '');

function listedPart(part: unknown): unknown {
  if (!isObject(part)) return part;
  switch (typeOf(part)) {
    case 'input_image': {
      const url = part.image_url === undefined ? imageOfSource(part.source) : undefined;
      if (url === undefined) return part;
      return { type: 'input_image', image_url: url, detail: part.detail ?? 'auto' };
    }
    case 'file':
    case 'input_file':
      return bareFile(part);
    default:
      return part;
  }
}

function bareFile(part: Part): Part {
  const file = isObject(part.file) ? part.file : part;
  const source = isObject(file.source) ? file.source : file;
  const filename = textIn(source, 'filename') ?? textIn(file, 'filename');
  const url = textIn(source, 'file_url') ?? textIn(source, 'url');
  return {
    type: 'input_file',
    filename: filename ?? 'file',
    ...(url === undefined || /^\s*data:/i.test(url) ? {} : { file_url: url }),
  };
}
