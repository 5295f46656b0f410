/** Temporary media of the fake: announced, filled chunk by chunk, checked as a whole. */
import { createHash } from 'node:crypto';
import type { Body } from './schema.ts';

const megabyte = 1024 * 1024;
const chunkBytes = 512 * 1024;
const largest: Readonly<Record<string, number>> = {
  image: 10 * megabyte,
  video: 10 * megabyte,
  voice: 2 * megabyte,
  file: 20 * megabyte,
};

type Init = Body<'aibot_upload_media_init'>;

export interface FakeMedia {
  readonly type: Init['type'];
  readonly filename: string;
  readonly bytes: Buffer;
  /** In the order they came. */
  readonly chunks: readonly { readonly index: number; readonly size: number }[];
}

/** Error code and text. */
export type Refusal = readonly [number, string];
/** A refusal, or the body of the answer. */
export type Answer = Refusal | Readonly<Record<string, unknown>>;

export function isRefusal(answer: Answer): answer is Refusal {
  return Array.isArray(answer);
}

export class FakeUploads {
  readonly media = new Map<string, FakeMedia>();
  readonly #open = new Map<string, { readonly init: Init; readonly chunks: Map<number, Buffer> }>();
  #count = 0;

  init(init: Init): Answer {
    if (init.total_size > (largest[init.type] ?? 0)) return [40006, 'invalid file size'];
    if (init.total_chunks > 100) return [40058, 'too many chunks'];
    if (Math.ceil(init.total_size / chunkBytes) !== init.total_chunks)
      return [40058, 'total_chunks does not fit total_size'];
    const upload_id = `upload-${++this.#count}`;
    this.#open.set(upload_id, { init, chunks: new Map() });
    return { upload_id };
  }

  chunk({ upload_id, chunk_index, base64_data }: Body<'aibot_upload_media_chunk'>): Answer {
    const upload = this.#open.get(upload_id);
    if (upload === undefined) return [40058, 'unknown upload_id'];
    if (chunk_index >= upload.init.total_chunks) return [40058, 'chunk_index out of range'];
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64_data)) return [40058, 'not base64'];
    const bytes = Buffer.from(base64_data, 'base64');
    if (bytes.length > chunkBytes) return [40006, 'the chunk is larger than 512 KB'];
    upload.chunks.set(chunk_index, bytes);
    return {};
  }

  finish({ upload_id }: Body<'aibot_upload_media_finish'>): Answer {
    const upload = this.#open.get(upload_id);
    if (upload === undefined) return [40058, 'unknown upload_id'];
    const { init, chunks } = upload;
    const bytes = Buffer.concat([...chunks].toSorted(([a], [b]) => a - b).map(([, chunk]) => chunk));
    if (chunks.size !== init.total_chunks || bytes.length !== init.total_size)
      return [40058, 'chunks are missing'];
    if (init.md5 !== undefined && createHash('md5').update(bytes).digest('hex') !== init.md5)
      return [40058, 'md5 does not match'];
    this.#open.delete(upload_id);
    const media_id = `media-${++this.#count}`;
    this.media.set(media_id, {
      type: init.type,
      filename: init.filename,
      bytes,
      chunks: [...chunks].map(([index, { length }]) => ({ index, size: length })),
    });
    return { type: init.type, media_id, created_at: '1767225600' };
  }
}
