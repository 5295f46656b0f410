/** What callers of agents are told of a turn that brought nothing (openclaw-http §8.4 item 4, §14). */
import type { TurnResult } from '../../core/agent-event.ts';
import { ApiError } from '../errors.ts';

interface Kind {
  readonly status: number;
  readonly type: string;
}

const invalid: Kind = { status: 400, type: 'invalid_request_error' };
const broken: Kind = { status: 502, type: 'api_error' };

/**
 * Failure classes of the model's vendor. A key of ours that the vendor refuses is a fault of this side: clients take
 * 401 and 403 for their own token.
 */
const kinds: Readonly<Record<string, Kind>> = {
  auth: { status: 502, type: 'authentication_error' },
  format_error: invalid,
  context_overflow: invalid,
  payload_too_large: invalid,
  image_too_large: invalid,
  model_not_found: invalid,
  rate_limit: { status: 429, type: 'rate_limit_error' },
  billing: { status: 429, type: 'insufficient_quota' },
  overloaded: broken,
  server_error: broken,
  timeout: { status: 504, type: 'api_error' },
};

export function failureOf({ error }: Pick<TurnResult, 'error'>): ApiError {
  const kind = error !== undefined && Object.hasOwn(kinds, error.code) ? kinds[error.code] : undefined;
  const { status, type } = kind ?? { status: 500, type: 'api_error' };
  const message = kind === undefined ? 'internal error' : (error?.message ?? 'internal error');
  // The turn may have used tools, so nobody should repeat it by himself.
  return new ApiError(status, message, {
    headers: { 'x-should-retry': 'false' },
    wire: { error: { message, type } },
  });
}

/** The words for an answer that has none: clients would show ids or roles instead (openclaw-http §18 item 6). */
export const nothingSaid = 'No response from OpenClaw.';
