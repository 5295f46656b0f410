/** The one decision about who may send a request (api-server §2.2, openclaw-http §2). */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { type ApiScope, apiScopes } from '../config/auth.ts';
import type { ApiSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { isLoopback, trustedProxies } from './auth/address.ts';
import { admit, anyone, type Caller } from './auth/caller.ts';
import { failedAuthLimiter, type Limiter, type SecretClass } from './auth/limiter.ts';
import { isDirectLocal, proxyUser } from './auth/proxy.ts';
import { type Dialect, fromPage, isReading, lockedOut, missingScope, unauthorized } from './auth/refusals.ts';
import { browserRefusal, type CorsVerdict, isForeignPage } from './cors.ts';
import type { ApiError } from './errors.ts';
import { utf8Header } from './headers.ts';

/** What a route needs: nothing, any caller that is known, or a caller with that scope. */
export type Scope = 'public' | 'bearer' | ApiScope;

export function isScope(value: unknown): value is Scope {
  return value === 'public' || value === 'bearer' || apiScopes.some((scope) => scope === value);
}

export interface Access {
  /** Nothing is configured that a caller could show, so every request is from `anyone`. */
  readonly isOpen: boolean;
  /**
   * Decides about one request of either transport from its head. Undefined = let it through; then `callerOf` knows
   * who asks, unless the route is public. `page` is what is known about a web page that may have caused the request,
   * `dialect` the route's own, where it has one.
   */
  refuse(request: IncomingMessage, scope: Scope, page: CorsVerdict, dialect?: Dialect): ApiError | undefined;
}

export interface AccessOptions {
  readonly api: Pick<ApiSettings, 'key' | 'auth'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Addresses of this machine; default: of its network interfaces. */
  readonly ownAddresses?: () => readonly string[];
}

type Verdict =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'locked'; readonly waitMs: number };

export function openAccess(options: AccessOptions): Access {
  const { api, clock, log } = options;
  const { gateway, proxies: trusted, rateLimit } = api.auth;
  const credentials = credentialsOf(api);
  const proxies = trustedProxies(trusted);
  const limiter = failedAuthLimiter(rateLimit, clock);
  const ownAddresses = options.ownAddresses ?? machineAddresses;
  const isOpen = credentials.length === 0 && gateway.mode !== 'trusted-proxy';
  // Whoever has only configured OpenClaw's own credentials has its clients.
  const ownDialect: Dialect = gateway.mode !== 'unset' && !hasKeys(api) ? 'openclaw' : 'hermes';

  let isHinted = false;
  /** Such a proxy is this machine to the limit, which then never applies to anybody behind it. */
  function hintAtProxy({ socket, headers }: IncomingMessage): void {
    const { remoteAddress } = socket;
    if (isHinted || headers['x-forwarded-for'] === undefined) return;
    if (!isLoopback(remoteAddress) || proxies.includes(remoteAddress)) return;
    isHinted = true;
    const what = 'wrong keys come through a proxy on this machine that gateway.trustedProxies does not name';
    log('warn', `[API Server] ${what}: its clients cannot be told apart and are never locked out`);
  }

  function identify(request: IncomingMessage): Verdict {
    if (isOpen) {
      return { kind: 'caller', caller: gateway.mode === 'none' ? narrowed(anyone, request.headers) : anyone };
    }
    let reason = 'no bearer token';
    if (gateway.mode === 'trusted-proxy') {
      const verdict = proxyUser(request, gateway, proxies, ownAddresses);
      if (verdict.kind === 'user') return { kind: 'caller', caller: userOf(verdict.user, request.headers) };
      reason = verdict.reason;
    }
    const client = proxies.clientOf(request.socket.remoteAddress, request.headers);
    return bySecret(request, credentials, { limiter, client, reason });
  }

  return {
    isOpen,
    refuse(request, scope, page, dialect = ownDialect) {
      if (scope === 'public') return undefined;
      const { host } = request.headers;
      const fetchSite = request.headers['sec-fetch-site'] as string | undefined;
      const why = isOpen ? browserRefusal({ host, fetchSite }, page) : undefined;
      if (why !== undefined) return fromPage(why);
      const verdict = identify(request);
      switch (verdict.kind) {
        case 'unknown':
          log('warn', '[API Server] invalid API key', { ...callerFacts(request), reason: verdict.reason });
          hintAtProxy(request);
          return unauthorized(dialect);
        case 'locked':
          // Said once when it began: whoever is locked out must not be able to fill the log.
          log('debug', '[API Server] locked out after wrong API keys', callerFacts(request));
          return lockedOut(dialect, verdict.waitMs);
        case 'caller': {
          const { caller } = verdict;
          // The proxy takes the browser's word, and the browser gives it for every page.
          if (caller.kind === 'user' && isForeignPage(fetchSite, page)) {
            return fromPage('Requests from web pages need their origin to be listed by name.');
          }
          if (scope !== 'bearer' && !caller.scopes.has(scope)) {
            const facts = { ...callerFacts(request), caller: caller.namespace, scope };
            log('warn', '[API Server] missing scope', facts);
            return missingScope(dialect, scope);
          }
          admit(request, caller);
          return undefined;
        }
      }
    },
  };
}

/** A configured secret as a digest, so that the secret itself is not kept by the HTTP layer. */
interface Credential {
  readonly digest: Buffer;
  readonly caller: Caller;
  /** Counts only for programs on this machine that come without a proxy. */
  readonly isLocal: boolean;
}

const sha256 = (text: string) => hash('sha256', text, 'buffer');
const shortHash = (text: string) => sha256(text).toString('hex').slice(0, 16);

const hasKeys = ({ key, auth }: AccessOptions['api']) => auth.keys.length > 0 || (key?.trim() ?? '') !== '';

function credentialsOf({ key, auth }: AccessOptions['api']): readonly Credential[] {
  const { gateway, keys } = auth;
  const found: Credential[] = [];
  const add = (secret: string | undefined, caller: Caller, isLocal = false) => {
    const trimmed = secret?.trim() ?? '';
    // An empty string is not a key.
    if (trimmed !== '') found.push({ digest: sha256(trimmed), caller, isLocal });
  };
  const main = key?.trim() ?? '';
  add(main, { ...anyone, kind: 'key', namespace: shortHash(`namespace\0${main}`) });
  for (const each of keys) {
    // By its name and not by its value, so that a key can be changed without losing what it has stored.
    const namespace = `key-${each.name}`;
    const scopes = new Set(each.scopes);
    add(each.key, { kind: 'key', namespace, isPrimary: false, isOwner: each.owner, scopes });
  }
  const operator = { ...anyone, namespace: 'gateway', isPrimary: false };
  switch (gateway.mode) {
    case 'token':
    case 'password':
      add(gateway.secret, { ...operator, kind: gateway.mode });
      break;
    case 'trusted-proxy':
      add(gateway.localPassword, { ...operator, kind: 'password' }, true);
      break;
    case 'none':
    case 'unset':
      break;
  }
  return found;
}

interface Attempt {
  readonly limiter: Limiter;
  /** Undefined = nobody says. */
  readonly client: string | undefined;
  /** Why nothing else has recognised the caller. */
  readonly reason: string;
}

/**
 * Digests are compared, so lengths and non-ASCII bytes neither leak nor throw, and all of them, so that time does not
 * tell which one was meant. Only a wrong secret counts as a failure.
 */
function bySecret(
  request: IncomingMessage,
  credentials: readonly Credential[],
  { limiter, client, reason }: Attempt,
): Verdict {
  if (credentials.length === 0) return { kind: 'unknown', reason };
  const { headers } = request;
  const isBrowserSocket = headers.upgrade !== undefined && headers.origin !== undefined;
  const kind: SecretClass = isBrowserSocket ? 'browser-socket' : 'shared-secret';
  const waitMs = limiter.waitMs(kind, client);
  if (waitMs > 0) return { kind: 'locked', waitMs };
  const token = bearerOf(headers);
  if (token === undefined) return { kind: 'unknown', reason };
  const digest = sha256(token);
  let caller: Caller | undefined;
  for (const credential of credentials) {
    const isSame = timingSafeEqual(digest, credential.digest);
    if (isSame && (!credential.isLocal || isDirectLocal(request.socket.remoteAddress, headers))) {
      caller ??= credential.caller;
    }
  }
  if (caller !== undefined) {
    limiter.succeeded(kind, client);
    return { kind: 'caller', caller };
  }
  const isLast = limiter.failed(kind, client);
  return { kind: 'unknown', reason: isLast ? 'wrong secret, the address is locked out' : 'wrong secret' };
}

/** The scheme in any case and the value trimmed; undefined when there is nothing to compare. */
function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  const token = /^Bearer (.*)$/is.exec(utf8Header(headers.authorization) ?? '')?.[1]?.trim();
  return token === '' ? undefined : token;
}

function userOf(user: string, headers: IncomingHttpHeaders): Caller {
  const namespace = `user-${shortHash(`user\0${user}`)}`;
  return narrowed({ ...anyone, kind: 'user', namespace, isPrimary: false }, headers);
}

/**
 * `x-openclaw-scopes` takes rights away from callers that no secret has named (openclaw-http §2); without the header
 * they have all, with an empty one they have none.
 */
function narrowed(caller: Caller, headers: IncomingHttpHeaders): Caller {
  const header = headers['x-openclaw-scopes'];
  if (header === undefined) return caller;
  const given = new Set(
    String(header)
      .split(',')
      .map((scope) => scope.trim()),
  );
  if (given.has('operator.admin')) return caller;
  const scopes = apiScopes.filter(
    (scope) => given.has('operator.write') || (given.has('operator.read') && isReading(scope)),
  );
  return { ...caller, isOwner: false, scopes: new Set(scopes) };
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map(({ address }) => address),
  );
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
