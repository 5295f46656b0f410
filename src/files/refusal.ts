/** Why a picture or a file of a request is not taken. */

/** Status for callers that want one; `fix` says what the caller can do. */
const reasons = {
  too_large: { status: 413, fix: 'Send a smaller one.' },
  too_many_parts: { status: 400, fix: 'Send fewer pictures or files in one request.' },
  too_many_pixels: { status: 413, fix: 'Scale the picture down.' },
  type_not_allowed: { status: 400, fix: 'Send one of the allowed types.' },
  type_mismatch: { status: 400, fix: 'Name the type that the content really has.' },
  type_missing: { status: 400, fix: 'Name the media type.' },
  bad_base64: { status: 400, fix: 'Send standard base64 with padding.' },
  bad_data_url: { status: 400, fix: 'Send `data:<type>;base64,<data>`.' },
  urls_disabled: { status: 400, fix: 'Send the bytes in the request, or set `allowUrl` for this endpoint.' },
  url_refused: { status: 400, fix: 'Name a public http or https address that the allow-list contains.' },
  url_failed: { status: 400, fix: 'Check that the address answers with status 200.' },
  too_many_redirects: { status: 400, fix: 'Name the final address.' },
  timeout: { status: 400, fix: 'Try again, or send the bytes in the request.' },
  unreadable_image: { status: 400, fix: 'Send an undamaged picture.' },
  unreadable_pdf: { status: 400, fix: 'Send an undamaged PDF without a password.' },
  too_complex: { status: 400, fix: 'Send a simpler document or picture.' },
  busy: { status: 503, fix: 'Try again in a few seconds.' },
} as const;

export type RefusalReason = keyof typeof reasons;

/**
 * One refused part. `message` is for the operator's log: it may name the host and path of a URL, never its query or
 * user information, and never content. `reason` is stable. Endpoints that must not tell (openclaw-http §9.3)
 * answer a fixed text.
 */
export class FileRefused extends Error {
  readonly code = 'FILE_REFUSED';
  readonly reason: RefusalReason;
  readonly status: number;
  readonly fix: string;
  constructor(reason: RefusalReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'FileRefused';
    this.reason = reason;
    this.status = reasons[reason].status;
    this.fix = reasons[reason].fix;
  }
}

export function refuse(reason: RefusalReason, message: string, cause?: unknown): never {
  throw new FileRefused(reason, message, cause);
}
