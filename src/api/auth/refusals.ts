/** What refused callers are told: never why in detail, in the shape of the interface they use. */
import type { ApiScope } from '../../config/auth.ts';
import { ApiError } from '../errors.ts';

/** `openclaw`: the shapes of openclaw-http §14; `hermes`: the envelope of api-server §2.6. */
export type Dialect = 'hermes' | 'openclaw';

const openclaw = (type: string, message: string) => ({ error: { message, type } });

export function unauthorized(dialect: Dialect): ApiError {
  return new ApiError(401, 'Invalid API key', {
    code: 'invalid_api_key',
    headers: { 'WWW-Authenticate': 'Bearer' },
    ...(dialect === 'openclaw' ? { wire: openclaw('unauthorized', 'Unauthorized') } : {}),
  });
}

export function lockedOut(dialect: Dialect, waitMs: number): ApiError {
  const message = 'Too many failed authentication attempts. Please try again later.';
  return new ApiError(429, message, {
    type: 'rate_limit_error',
    code: 'auth_rate_limited',
    // Clients that repeat by themselves would only find the door closed again.
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)), 'x-should-retry': 'false' },
    ...(dialect === 'openclaw' ? { wire: openclaw('rate_limited', message) } : {}),
  });
}

export function missingScope(dialect: Dialect, scope: ApiScope): ApiError {
  const operator = `missing scope: ${isReading(scope) ? 'operator.read' : 'operator.write'}`;
  return new ApiError(403, `This API key lacks the scope ${scope}.`, {
    code: 'insufficient_scope',
    ...(dialect === 'openclaw'
      ? { wire: { ok: false, error: { type: 'forbidden', message: operator } } }
      : {}),
  });
}

export function fromPage(why: string): ApiError {
  return new ApiError(403, why, { code: 'browser_refused' });
}

/** Scopes that change nothing and start nothing. */
export function isReading(scope: ApiScope): boolean {
  return scope === 'models' || scope === 'health';
}
