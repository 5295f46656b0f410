/** HEIC and HEIF to JPEG; runs in the conversion thread. */
import type { Converted, HeicJob } from './job.ts';
import { refuse } from './refusal.ts';

interface ConvertOptions {
  readonly buffer: Uint8Array;
  readonly format: 'JPEG';
  /** 0 to 1. */
  readonly quality: number;
}

/** openclaw-http §10.4. */
const quality = 0.9;

export async function readHeic(job: HeicJob): Promise<Converted> {
  // Named at run time, because it has no types and is not meant to be bundled.
  const module: { readonly default: (options: ConvertOptions) => Promise<Uint8Array> } = await import(
    import.meta.resolve('heic-convert')
  );
  try {
    const jpeg = await module.default({ buffer: job.bytes, format: 'JPEG', quality });
    return { text: '', images: [{ mime: 'image/jpeg', bytes: new Uint8Array(jpeg) }] };
  } catch (error) {
    return refuse('unreadable_image', 'the HEIC picture cannot be decoded', error);
  }
}
