import { GatewayError } from '../core/errors.ts';

export type ErrorType = 'invalid_request_error' | 'server_error' | 'rate_limit_error';

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    readonly hermes?: Readonly<Record<string, boolean>>;
  };
}

interface Options {
  readonly type?: ErrorType;
  readonly param?: string;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hermes?: Readonly<Record<string, boolean>>;
  /** Sent instead of the envelope, where another documented interface has a shape of its own. */
  readonly wire?: Readonly<Record<string, unknown>>;
}

/** A refusal on the wire: HTTP status plus the four-key envelope (api-server §2.6). The message is for the caller. */
export class ApiError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #options: Options;
  constructor(status: number, message: string, options: Options = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.headers = options.headers ?? {};
    this.#options = options;
  }

  /** What is sent. */
  get wire(): ErrorBody | Readonly<Record<string, unknown>> {
    return this.#options.wire ?? this.body;
  }

  get body(): ErrorBody {
    const { type, param, code, hermes } = this.#options;
    return {
      error: {
        message: this.message,
        type: type ?? (this.status >= 500 ? 'server_error' : 'invalid_request_error'),
        param: param ?? null,
        code: code ?? null,
        ...(hermes === undefined ? {} : { hermes }),
      },
    };
  }
}

export function badRequest(message: string, options: Pick<Options, 'param' | 'code'> = {}): ApiError {
  return new ApiError(400, message, options);
}

/** The shared concurrency cap (api-server §9.1, ruling K7). */
export function tooManyRuns(max: number): ApiError {
  return new ApiError(429, `Too many concurrent runs (max ${max})`, {
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    headers: { 'Retry-After': '1' },
  });
}

export function draining(): ApiError {
  return new ApiError(503, 'Gateway is draining existing work; retry shortly.', {
    type: 'invalid_request_error',
    code: 'gateway_draining',
    headers: { 'Retry-After': '1' },
  });
}

export function notFound(method: string, path: string): ApiError {
  return new ApiError(404, `Not found: ${method} ${path}`, { code: 'not_found' });
}

/**
 * What a caller sees of any failure. Details of unexpected ones stay in the log, found by the request id,
 * because their text may hold paths or secrets.
 */
export function toApiError(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof GatewayError) {
    switch (error.code) {
      case 'BUSY':
        return new ApiError(429, error.message, {
          type: 'rate_limit_error',
          code: 'rate_limit_exceeded',
          headers: { 'Retry-After': '1' },
        });
      case 'DRAINING':
      case 'STORE_CLOSED':
        return draining();
      case 'STORE_FULL':
        return new ApiError(503, 'The gateway cannot store requests at the moment; retry shortly.', {
          code: 'store_full',
          headers: { 'Retry-After': '5' },
        });
      default:
        break;
    }
  }
  return new ApiError(500, `Internal server error: details are in the gateway log under ${requestId}`, {
    headers: { 'x-should-retry': 'false' },
  });
}
