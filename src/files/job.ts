/** What a conversion thread is asked and answers; both cross the thread boundary as plain data. */
import type { RefusalReason } from './refusal.ts';

export interface PdfJob {
  readonly kind: 'pdf';
  readonly bytes: Uint8Array;
  readonly maxPages: number;
  readonly maxPixels: number;
  readonly minTextChars: number;
  readonly maxChars: number;
  /** Of one rasterised page. */
  readonly maxImageBytes: number;
}

export interface HeicJob {
  readonly kind: 'heic';
  readonly bytes: Uint8Array;
}

export type Job = PdfJob | HeicJob;

export interface Picture {
  readonly mime: 'image/png' | 'image/jpeg';
  readonly bytes: Uint8Array;
}

export interface Converted {
  /** '' for pictures. */
  readonly text: string;
  readonly images: readonly Picture[];
}

export type Answer =
  | { readonly kind: 'done'; readonly result: Converted }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly why: string };
