/** What a caller is told about an image or a file that is not taken. */
import type { FileRefused, RefusalReason } from '../../files/refusal.ts';
import { ApiError } from '../errors.ts';
import type { EndpointName } from './limits.ts';

export type MediaKind = 'image' | 'file';

/** Codes as OpenAI names them where it has one; `%` stands for the kind. */
const codes: Readonly<Record<RefusalReason, string>> = {
  too_large: '%_too_large',
  too_many_parts: 'too_many_%s',
  too_many_pixels: '%_too_large',
  type_not_allowed: 'unsupported_%_media_type',
  type_mismatch: 'unsupported_%_media_type',
  type_missing: 'unsupported_%_media_type',
  bad_base64: 'invalid_base64_%',
  bad_data_url: 'invalid_%_url',
  urls_disabled: 'invalid_%_url',
  url_refused: 'invalid_%_url',
  url_failed: 'failed_to_download_%',
  too_many_redirects: 'failed_to_download_%',
  timeout: '%_timeout',
  unreadable_image: '%_parse_error',
  unreadable_pdf: '%_parse_error',
  too_complex: '%_parse_error',
  busy: 'media_busy',
};

/** Reasons whose details would show what the gateway can reach: their callers read one sentence. */
const untold: Partial<Record<RefusalReason, string>> = {
  url_refused: 'its address is not allowed',
  url_failed: 'it could not be downloaded',
};

/** The setting behind a refusal, for those who run the gateway. */
const settings: Partial<Record<RefusalReason, string>> = {
  too_large: 'maxBytes',
  type_not_allowed: 'allowedMimes',
  urls_disabled: 'allowUrl',
};

export interface Refused {
  readonly kind: MediaKind;
  readonly endpoint: EndpointName;
  readonly param: string;
  /** Callers of OpenClaw names read fixed texts (openclaw-http §8.3, §9.3). */
  readonly isOpenClaw: boolean;
}

export function mediaBusy(): ApiError {
  return new ApiError(503, 'Too many images and files are being read at the moment; retry shortly.', {
    code: 'media_busy',
    headers: { 'Retry-After': '1' },
  });
}

const longestDetail = 200;

export function refusedMedia(error: FileRefused, { kind, endpoint, param, isOpenClaw }: Refused): ApiError {
  const code = codes[error.reason].replaceAll('%', kind);
  if (error.reason === 'busy') return mediaBusy();
  if (isOpenClaw) {
    const isImage = endpoint === 'chatCompletions' && kind === 'image';
    return new ApiError(400, isImage ? 'Invalid image_url content in `messages`.' : 'invalid request', {
      param,
      code,
    });
  }
  const detail = untold[error.reason] ?? error.message.slice(0, longestDetail);
  const setting = settings[error.reason];
  const place =
    setting === undefined ? '' : ` The setting is gateway.http.endpoints.${endpoint}.${kind}s.${setting}.`;
  return new ApiError(400, `The ${kind} was refused: ${detail}. ${error.fix}${place}`, { param, code });
}
