/**
 * Pictures and files of one request, from what the caller sent or named to what the model gets (openclaw-http §10).
 * Nothing here stores anything.
 */
import { type Clock, systemClock } from '../core/clock.ts';
import type { ContentPart } from '../core/message.ts';
import { openBudget } from './budget.ts';
import { convert } from './convert.ts';
import { dimensionsOf } from './dimensions.ts';
import { fileBlock } from './fence.ts';
import type { Picture } from './job.ts';
import { chatLimits, effective, type FileLimits, type SourceLimits } from './limits.ts';
import { type Claim, isHeif, isPdf, parseClaim, sniff } from './mime.ts';
import { refuse } from './refusal.ts';
import { openRemote, type Remote, type RemoteOptions } from './remote.ts';
import { decodeBase64, inlined, type Source } from './source.ts';
import { cutText, decodeText, isText } from './text.ts';

export type ImagePart = Extract<ContentPart, { type: 'image_url' }>;

export interface FileContent {
  /** A fenced block for the system prompt of this turn; not to be stored. */
  readonly text: string;
  /** Pages of a PDF with little text. */
  readonly images: readonly ImagePart[];
}

/** The parts of one request; its budgets count all of them. */
export interface Files {
  /** A data URL of an allowed type; HEIC and HEIF arrive as JPEG. Throws FileRefused or the signal's reason. */
  image(source: Source, signal: AbortSignal): Promise<ImagePart>;
  /** Throws FileRefused or the signal's reason. */
  file(source: Source, signal: AbortSignal): Promise<FileContent>;
  /** Cuts the connections. */
  close(): Promise<void>;
}

/**
 * Pictures we decode ourselves have to fit into memory and time: 24-megapixel phones do. The others are passed on as they
 * are; what states more than any model takes is made to harm.
 */
const maxDecodedPixels = 25_000_000;
const maxStatedPixels = 268_435_456;

interface Loaded {
  readonly bytes: Uint8Array;
  readonly claim: Claim | undefined;
}

/** Opens nothing until it is used: one per request is meant. Throws on an allow-list entry that is not a host. */
export function openFiles(limits: FileLimits, options: RemoteOptions = {}): Files {
  const clock: Clock = options.clock ?? systemClock;
  const images = effective(limits.images, chatLimits.images);
  const files = effective(limits.files, chatLimits.files);
  const budget = openBudget(limits.request);
  const remotes = { image: openRemote(images, options), file: openRemote(files, options) };

  const load = async (
    kind: 'image' | 'file',
    source: Source,
    { maxBytes }: SourceLimits,
    signal: AbortSignal,
  ): Promise<Loaded> => {
    budget.part(kind);
    const from = inlined(source);
    const most = Math.min(maxBytes, budget.left());
    if (from.kind === 'data') {
      const bytes = decodeBase64(from.base64, most);
      return { bytes, claim: from.mime === undefined ? undefined : claimed(from.mime) };
    }
    budget.part('url');
    const remote: Remote = remotes[kind];
    const { bytes, type } = await remote.get(from.url, most, signal);
    return { bytes, claim: claimed(type) };
  };

  const toJpeg = async (bytes: Uint8Array, signal: AbortSignal): Promise<Picture> => {
    const { images: found } = await convert({ kind: 'heic', bytes }, images.timeoutMs, clock, signal);
    const jpeg = found[0];
    if (jpeg === undefined) return refuse('unreadable_image', 'the HEIC picture is empty');
    if (jpeg.bytes.length > images.maxBytes)
      refuse('too_large', `the picture is larger than ${images.maxBytes} bytes as JPEG`);
    return jpeg;
  };

  const readPdf = async (bytes: Uint8Array, signal: AbortSignal) => {
    if (!isPdf(bytes)) refuse('type_mismatch', 'the content is not a PDF');
    const job = {
      kind: 'pdf',
      bytes,
      ...files.pdf,
      maxChars: files.maxChars,
      maxImageBytes: images.maxBytes,
    } as const;
    return convert(job, files.timeoutMs, clock, signal);
  };

  const readText = async (bytes: Uint8Array, { mime, charset }: Claim): Promise<string> => {
    const sniffed = isPdf(bytes) ? 'application/pdf' : await sniff(bytes);
    const decoded = decodeText(bytes, charset);
    if (sniffed === 'application/pdf' || !isText(decoded, sniffed))
      refuse('type_mismatch', `claimed as ${mime}, the content is ${sniffed ?? 'binary'}`);
    return decoded.text;
  };

  return {
    async image(source, signal) {
      const { bytes, claim } = await load('image', source, images, signal);
      const mime = await imageType(bytes, claim?.mime ?? 'image/png', images.allowedMimes);
      const size = dimensionsOf(bytes, mime);
      if (size === undefined) return refuse('unreadable_image', `the ${mime} header is damaged`);
      const most = isHeif(mime) ? maxDecodedPixels : maxStatedPixels;
      if (size.width * size.height > most)
        refuse('too_many_pixels', `${size.width}×${size.height} pixels are more than ${most}`);
      const picture = isHeif(mime) ? await toJpeg(bytes, signal) : { mime, bytes };
      budget.take(picture.bytes.length);
      return imagePart(picture);
    },

    async file(source, signal) {
      const { bytes, claim } = await load('file', source, files, signal);
      if (claim === undefined) return refuse('type_missing', 'input_file missing media type');
      if (!files.allowedMimes.includes(claim.mime))
        refuse('type_not_allowed', `files of type ${claim.mime} are not taken`);
      budget.take(bytes.length);
      const found =
        claim.mime === 'application/pdf'
          ? await readPdf(bytes, signal)
          : { text: await readText(bytes, claim), images: [] };
      for (const page of found.images) budget.take(page.bytes.length);
      const text = cutText(found.text, files.maxChars);
      return {
        text: fileBlock(source.filename, text, found.images.length > 0, clock.hex(8)),
        images: found.images.map(imagePart),
      };
    },

    async close() {
      await Promise.all([remotes.image.close(), remotes.file.close()]);
    },
  };
}

function claimed(type: string): Claim {
  return parseClaim(type) ?? refuse('type_not_allowed', 'the media type is malformed');
}

/**
 * The claim has to be allowed and the content to be an allowed picture. Of two allowed picture types the content's
 * counts: clients name pictures by guess, and models refuse a wrong name.
 */
async function imageType(bytes: Uint8Array, claim: string, allowed: readonly string[]): Promise<string> {
  if (!allowed.includes(claim)) refuse('type_not_allowed', `pictures of type ${claim} are not taken`);
  const sniffed = await sniff(bytes);
  // Some HEIF brands have no known signature; decoding tells.
  const mime = sniffed ?? (isHeif(claim) ? claim : undefined);
  if (mime === undefined) return refuse('unreadable_image', 'the content is no known kind of picture');
  if (!mime.startsWith('image/'))
    return refuse('type_mismatch', `claimed as ${claim}, the content is ${mime}`);
  if (!allowed.includes(mime)) refuse('type_not_allowed', `pictures of type ${mime} are not taken`);
  return mime;
}

function imagePart({ mime, bytes }: { readonly mime: string; readonly bytes: Uint8Array }): ImagePart {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return { type: 'image_url', image_url: { url: `data:${mime};base64,${base64}` } };
}
