/** Fetches the bytes of an attachment and opens them (wecom §3.3). Links are valid for five minutes. */
import { BodyTooLarge, readBody } from '../../net/body.ts';
import type { Deps } from '../contract.ts';
import type { WeComConfig } from './config.ts';
import { readSource, type Source } from './content.ts';
import { decryptMedia } from './crypto.ts';
import { fileMax } from './manifest.ts';
import { imageMime } from './names.ts';

export class MediaUnavailable extends Error {
  readonly code: 'MEDIA_TOO_LARGE' | 'MEDIA_UNAVAILABLE';
  constructor(code: MediaUnavailable['code'], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'MediaUnavailable';
    this.code = code;
  }
}

const fetchMs = 30_000;
const unavailable = (why: string, cause?: unknown) =>
  new MediaUnavailable('MEDIA_UNAVAILABLE', `The attachment cannot be fetched from WeCom: ${why}`, { cause });

/** Rejects with MediaUnavailable, or the abort reason. Checked as a whole before the first byte is handed out. */
export async function openMedia(
  deps: Pick<Deps<WeComConfig>, 'fetch' | 'clock'>,
  ref: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const source = readSource(ref);
  if (source === undefined) throw unavailable('its reference is damaged');
  const bytes =
    'base64' in source ? Buffer.from(source.base64, 'base64') : await download(deps, source, signal);
  if (bytes.length > fileMax) throw tooLarge();
  if (source.kind === 'image' && imageMime(bytes) === undefined) throw unavailable('it is no image');
  return new Blob([bytes]).stream();
}

async function download(
  deps: Pick<Deps<WeComConfig>, 'fetch' | 'clock'>,
  source: Extract<Source, { readonly url: string }>,
  signal: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  const late = new AbortController();
  const cancel = deps.clock.after(fetchMs, () => late.abort(new Error(`not within ${fetchMs} ms`)));
  let encrypted: Uint8Array;
  try {
    const until = AbortSignal.any([signal, late.signal]);
    const response = await deps.fetch(source.url, {
      headers: { 'user-agent': 'HermesAgent/1.0' },
      signal: until,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`HTTP ${response.status}`);
    }
    // The padding is at most a block longer than the file.
    encrypted = await readBody(response, fileMax + 32, until);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof BodyTooLarge) throw tooLarge();
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    cancel();
  }
  try {
    return Buffer.from(source.key === undefined ? encrypted : decryptMedia(encrypted, source.key));
  } catch (cause) {
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function tooLarge(): MediaUnavailable {
  return new MediaUnavailable(
    'MEDIA_TOO_LARGE',
    `The attachment is larger than the ${fileMax / 1024 / 1024} MB that are fetched from WeCom.`,
  );
}
