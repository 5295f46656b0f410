/** What the parts of one request may take together. */
import type { RequestLimits } from './limits.ts';
import { refuse } from './refusal.ts';

export type PartKind = 'image' | 'file' | 'url';

export interface Budget {
  /** Counts a part; throws FileRefused `too_many_parts` instead of counting one too many. */
  part(kind: PartKind): void;
  /** Counts bytes that were taken; throws FileRefused `too_large` when all parts together are over the limit. */
  take(bytes: number): void;
  /** Bytes that may still be taken. */
  left(): number;
}

export function openBudget(limits: RequestLimits): Budget {
  const most = { image: limits.maxImageParts, file: limits.maxFileParts, url: limits.maxUrlParts };
  const used = { image: 0, file: 0, url: 0 };
  let taken = 0;
  return {
    part(kind) {
      if (used[kind] >= most[kind]) refuse('too_many_parts', `more than ${most[kind]} ${kind} parts`);
      used[kind] += 1;
    },
    take(bytes) {
      if (taken + bytes > limits.maxTotalBytes)
        refuse('too_large', `all parts together are larger than ${limits.maxTotalBytes} bytes`);
      taken += bytes;
    },
    left: () => limits.maxTotalBytes - taken,
  };
}
