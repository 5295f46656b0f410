/** What the images-and-files pipeline takes from a caller, with the documented defaults (openclaw-http §10, §15). */

export interface SourceLimits {
  /** False: only bytes the caller sent along (base64, data URL). */
  readonly allowUrl: boolean;
  /** `host` or `*.suffix`; blank entries do not count; empty = every public host. Never opens a private address. */
  readonly urlAllowlist: readonly string[];
  /** Lower case, without parameters; empty = the defaults. */
  readonly allowedMimes: readonly string[];
  /** Of one part, decoded; of a picture also after its conversion. */
  readonly maxBytes: number;
  readonly maxRedirects: number;
  /** Over all hops and the body of one download, and again over the work on one PDF or HEIC picture. */
  readonly timeoutMs: number;
}

export interface DocumentLimits extends SourceLimits {
  /** UTF-16 units of text that one file may add to the prompt; the rest is cut. */
  readonly maxChars: number;
  readonly pdf: {
    readonly maxPages: number;
    /** Of one rasterised page. */
    readonly maxPixels: number;
    /** Fewer characters than this, trimmed: the pages are shown to the model as pictures, too. */
    readonly minTextChars: number;
  };
}

/** Of everything in one request together. */
export interface RequestLimits {
  readonly maxImageParts: number;
  readonly maxFileParts: number;
  /** Parts of either kind that name a URL to download. */
  readonly maxUrlParts: number;
  /** Bytes of all pictures (rasterised pages included) and all files. */
  readonly maxTotalBytes: number;
}

export interface FileLimits {
  readonly images: SourceLimits;
  readonly files: DocumentLimits;
  readonly request: RequestLimits;
}

const mebibyte = 1024 * 1024;

const images: SourceLimits = {
  allowUrl: true,
  urlAllowlist: [],
  allowedMimes: ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'image/heif'],
  maxBytes: 10 * mebibyte,
  maxRedirects: 3,
  timeoutMs: 10_000,
};

const files: DocumentLimits = {
  allowUrl: true,
  urlAllowlist: [],
  allowedMimes: [
    'text/plain',
    'text/markdown',
    'text/html',
    'text/csv',
    'application/json',
    'application/pdf',
  ],
  maxBytes: 5 * mebibyte,
  maxChars: 200_000,
  maxRedirects: 3,
  timeoutMs: 10_000,
  pdf: { maxPages: 4, maxPixels: 4_000_000, minTextChars: 200 },
};

/** `gateway.http.endpoints.chatCompletions`: no downloads of pictures, 8 of them, 20 MiB together. */
export const chatLimits: FileLimits = {
  images: { ...images, allowUrl: false },
  files,
  request: { maxImageParts: 8, maxFileParts: 8, maxUrlParts: 8, maxTotalBytes: 20 * mebibyte },
};

/**
 * `gateway.http.endpoints.responses`: 8 downloads. Inline parts are limited by the body; their number and the total
 * are bounded here so that no request holds more than eight of the largest pictures in memory.
 */
export const responsesLimits: FileLimits = {
  images,
  files,
  request: { maxImageParts: 100, maxFileParts: 100, maxUrlParts: 8, maxTotalBytes: 80 * mebibyte },
};

/** The limits in force: an empty list of types means the documented one, blank hosts mean nothing. */
export function effective<L extends SourceLimits>(limits: L, defaults: SourceLimits): L {
  const listed = limits.allowedMimes.map((mime) => mime.trim().toLowerCase()).filter((mime) => mime !== '');
  return {
    ...limits,
    urlAllowlist: limits.urlAllowlist.filter((host) => host.trim() !== ''),
    allowedMimes: listed.length === 0 ? defaults.allowedMimes : listed,
  };
}
