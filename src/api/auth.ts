import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './errors.ts';
import { utf8Header } from './headers.ts';

/** Who may call a route. `public` needs nothing; `bearer` needs the API key whenever one is configured. */
export type Scope = 'public' | 'bearer';

/** The configured key as a digest, so that the key itself is not kept by the HTTP layer. */
export interface Credential {
  readonly digest: Buffer;
  /** Names this key in session keys and idempotency scopes without revealing it. */
  readonly namespace: string;
}

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest();

/** Undefined for a missing or blank key: an empty string is not a key. */
export function credentialOf(key: string | undefined): Credential | undefined {
  const trimmed = key?.trim();
  if (trimmed === undefined || trimmed === '') return undefined;
  const digest = sha256(trimmed);
  return { digest, namespace: sha256(`namespace\0${trimmed}`).toString('hex').slice(0, 16) };
}

/**
 * The one decision about access. Digests are compared, so lengths and non-ASCII bytes neither leak nor throw
 * (api-server §2.2).
 */
export function authenticate(
  scope: Scope,
  headers: IncomingHttpHeaders,
  credential: Credential | undefined,
): boolean {
  if (scope === 'public' || credential === undefined) return true;
  const header = utf8Header(headers.authorization);
  const token = header === undefined ? undefined : /^Bearer (.*)$/is.exec(header)?.[1]?.trim();
  return token !== undefined && token !== '' && timingSafeEqual(sha256(token), credential.digest);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Invalid API key', {
    code: 'invalid_api_key',
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}

const oneLine = (text: string | readonly string[] | undefined, max: number) =>
  String(text ?? '')
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .slice(0, max);

/** What the log says about a refused caller: never the token, no line breaks, bounded lengths. */
export function callerFacts(request: {
  readonly method: string;
  readonly url: string;
  readonly ip: string;
  readonly headers: IncomingHttpHeaders;
}): Record<string, string> {
  return {
    peer: oneLine(request.ip, 200),
    forwardedFor: oneLine(request.headers['x-forwarded-for'], 200),
    realIp: oneLine(request.headers['x-real-ip'], 200),
    method: oneLine(request.method, 16),
    path: oneLine(request.url.split('?')[0], 500),
    userAgent: oneLine(request.headers['user-agent'], 300),
  };
}
