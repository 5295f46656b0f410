import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Log } from '../core/log.ts';
import { admit, anyone, type Caller } from './auth/caller.ts';
import { ApiError } from './errors.ts';
import { utf8Header } from './headers.ts';

/** Who may call a route. `public` needs nothing; `bearer` needs the API key whenever one is configured. */
export type Scope = 'public' | 'bearer';

/** A configured secret as a digest, so that the secret itself is not kept by the HTTP layer. */
interface Credential {
  readonly digest: Buffer;
  readonly caller: Caller;
}

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest();

/** Undefined for a missing or blank key: an empty string is not a key. */
function credentialOf(key: string | undefined): Credential | undefined {
  const trimmed = key?.trim();
  if (trimmed === undefined || trimmed === '') return undefined;
  const digest = sha256(trimmed);
  const namespace = sha256(`namespace\0${trimmed}`).toString('hex').slice(0, 16);
  return { digest, caller: { ...anyone, kind: 'key', namespace } };
}

export interface Access {
  /** Nothing is configured that a caller could show. */
  readonly isOpen: boolean;
  /**
   * The one decision about a request, of either transport. Afterwards `callerOf` knows who asks, unless the route is
   * public. Undefined = let it through.
   */
  refuse(request: IncomingMessage, scope: Scope): ApiError | undefined;
}

export function openAccess(key: string | undefined, log: Log): Access {
  const credential = credentialOf(key);
  return {
    isOpen: credential === undefined,
    refuse(request, scope) {
      if (scope === 'public') return undefined;
      if (!authenticate(scope, request.headers, credential)) {
        log('warn', '[API Server] invalid API key', callerFacts(request));
        return unauthorized();
      }
      admit(request, credential?.caller ?? anyone);
      return undefined;
    },
  };
}

/** Digests are compared, so lengths and non-ASCII bytes neither leak nor throw (api-server §2.2). */
function authenticate(
  scope: Scope,
  headers: IncomingHttpHeaders,
  credential: Credential | undefined,
): boolean {
  if (scope === 'public' || credential === undefined) return true;
  const header = utf8Header(headers.authorization);
  const token = header === undefined ? undefined : /^Bearer (.*)$/is.exec(header)?.[1]?.trim();
  return token !== undefined && token !== '' && timingSafeEqual(sha256(token), credential.digest);
}

function unauthorized(): ApiError {
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
function callerFacts(request: IncomingMessage): Record<string, string> {
  return {
    peer: oneLine(request.socket.remoteAddress, 200),
    forwardedFor: oneLine(request.headers['x-forwarded-for'], 200),
    realIp: oneLine(request.headers['x-real-ip'], 200),
    method: oneLine(request.method, 16),
    path: oneLine(request.url?.split('?')[0], 500),
    userAgent: oneLine(request.headers['user-agent'], 300),
  };
}
