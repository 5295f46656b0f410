/** Fetches the bytes of an attachment (Bot API, getFile): a link valid for an hour, read with a size limit. */
import type { Deps } from '../contract.ts';
import { call } from './call.ts';
import { fileCap, fileUrl, type TelegramConfig } from './config.ts';
import { record, text } from './wire.ts';

export class MediaUnavailable extends Error {
  readonly code: 'MEDIA_TOO_LARGE' | 'MEDIA_UNAVAILABLE';
  constructor(code: MediaUnavailable['code'], message: string) {
    super(message);
    this.name = 'MediaUnavailable';
    this.code = code;
  }
}

const unavailable = (why: string) =>
  new MediaUnavailable('MEDIA_UNAVAILABLE', `The file cannot be fetched from Telegram: ${why}`);
const tooLarge = (cap: number) =>
  new MediaUnavailable(
    'MEDIA_TOO_LARGE',
    `The file is larger than the ${cap / 1024 / 1024} MB Telegram lets bots download.`,
  );

/** `ref` is a file id. Rejects with MediaUnavailable; the stream errors with it when the file outgrows the cap. */
export async function openMedia(
  deps: Pick<Deps<TelegramConfig>, 'config' | 'fetch'>,
  ref: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const cap = fileCap(deps.config);
  const answer = await call(deps, 'getFile', { file_id: ref }, signal);
  if (answer.kind === 'unclear') throw unavailable(answer.why);
  if (answer.kind === 'refused')
    throw /file is too big/i.test(answer.description) ? tooLarge(cap) : unavailable(answer.description);
  const file = record(answer.result);
  const path = text(file?.['file_path']);
  if (path === undefined || path.split('/').includes('..')) throw unavailable('no usable file_path');
  // A server started with --local answers with a path of its own disk.
  if (path.startsWith('/'))
    throw unavailable('the Bot API server keeps it on its own disk, not readable by the gateway');
  const size = file?.['file_size'];
  if (typeof size === 'number' && size > cap) throw tooLarge(cap);
  const response = await deps.fetch(fileUrl(deps.config, path), { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw unavailable(`HTTP ${response.status}`);
  }
  let left = cap;
  return response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.byteLength;
        if (left < 0) throw tooLarge(cap);
        controller.enqueue(chunk);
      },
    }),
  );
}
