/** Fetching a URL that somebody supplied: guarded at every hop, connected to the address that was checked. */
import { fail } from '../core/errors.ts';
import { limitBytes } from './body.ts';
import { checkAddresses, checkName, type EgressPolicy, isRefused } from './egress.ts';
import { type Resolve, systemResolve } from './resolve.ts';
import { Pool, WireError } from './wire.ts';

export interface GuardedOptions {
  readonly policy?: EgressPolicy;
  readonly resolve?: Resolve;
  /** Default 5; 0 = the first redirect is refused. */
  readonly maxRedirects?: number;
  /** Of the decoded body. Default 10 MiB. */
  readonly maxBytes?: number;
  readonly connectMs?: number;
}

export interface GuardedFetch {
  /**
   * Follows redirects. The caller's signal is the deadline over all hops and the body. Throws URL_REFUSED for
   * the URL, any of its addresses or any redirect that must not be followed, `NotSent` or `WireError` otherwise.
   */
  fetch(url: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

const followed = new Set([301, 302, 303, 307, 308]);

/** What survives a redirect to another origin (openclaw-http §11.4): nothing that identifies the caller. */
const harmless = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-language',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'pragma',
  'range',
  'user-agent',
]);

export function guardedFetch(options: GuardedOptions = {}): GuardedFetch {
  const { policy = {}, resolve = systemResolve, maxRedirects = 5, maxBytes = 10 * 1024 * 1024 } = options;
  const pool = new Pool({
    check: (host, found) => checkAddresses(host, found, policy),
    resolve,
    connections: 8,
    connectMs: options.connectMs ?? 10_000,
  });

  const follow = async (first: string, init: RequestInit): Promise<Response> => {
    let url = checkName(first, policy);
    let request = init;
    const seen = new Set([url.href]);
    for (;;) {
      const response = await pool.fetch(url, request);
      if (!followed.has(response.status)) return bounded(response, maxBytes);
      await response.body?.cancel();
      const location = response.headers.get('location');
      if (location === null) throw new WireError(`${url.host}: redirect without a location`);
      const next = URL.parse(location, url);
      if (next === null) fail('URL_REFUSED', { url: url.origin, why: 'it redirects to a malformed URL' });
      const checked = checkName(next.href, policy);
      if (seen.has(checked.href)) fail('URL_REFUSED', { url: url.origin, why: 'it redirects in a circle' });
      if (seen.size > maxRedirects) fail('URL_REFUSED', { url: url.origin, why: 'it redirects too often' });
      seen.add(checked.href);
      request = nextRequest(request, response.status, checked.origin === url.origin);
      url = checked;
    }
  };

  return {
    async fetch(url, init = {}) {
      try {
        return await follow(url, init);
      } catch (error) {
        // The address check runs while connecting; the caller sees the refusal, not the broken connection.
        if (error instanceof Error && isRefused(error.cause)) throw error.cause;
        throw error;
      }
    },
    close: () => pool.close(),
  };
}

function nextRequest(init: RequestInit, status: number, sameOrigin: boolean): RequestInit {
  const method = (init.method ?? 'GET').toUpperCase();
  const becomesGet = status === 303 ? method !== 'HEAD' : status <= 302 && method === 'POST';
  const headers = new Headers(init.headers);
  for (const name of [...headers.keys()]) {
    if (!sameOrigin && !harmless.has(name)) headers.delete(name);
    if (becomesGet && name.startsWith('content-')) headers.delete(name);
  }
  if (!becomesGet) return { ...init, headers };
  const { body: _, ...rest } = init;
  return { ...rest, method: 'GET', headers };
}

/** The same response whose body fails with `BodyTooLarge` after `limit` bytes. */
export function bounded(response: Response, limit: number): Response {
  if (response.body === null) return response;
  // Of the same class: the global one would load the built-in fetch.
  const Same = response.constructor as typeof Response;
  const same = new Same(response.body.pipeThrough(limitBytes(limit)), response);
  Object.defineProperty(same, 'url', { value: response.url });
  return same;
}
