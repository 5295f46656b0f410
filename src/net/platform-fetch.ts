/** What adapters get as `Deps.fetch`: their own hosts, no redirects, bounded answers, errors sorted by certainty. */
import { NotSent } from '../core/outcome.ts';
import { placeOf } from './address.ts';
import { bounded } from './guarded-fetch.ts';
import { bareHost, parseHosts } from './hosts.ts';
import { type Resolve, type Resolved, systemResolve } from './resolve.ts';
import { Pool, WireError } from './wire.ts';

export interface PlatformOrigins {
  /** The manifest's: encrypted connections to public addresses only. */
  readonly origins: readonly string[];
  /** The account's own (a self-hosted server): any scheme, also private and loopback addresses. */
  readonly ownOrigins: readonly string[];
}

export interface PlatformFetchOptions extends PlatformOrigins {
  readonly resolve?: Resolve;
  /** Of one decoded response body. Default 64 MiB: media is streamed, JSON is far smaller. */
  readonly maxBytes?: number;
  /** Connections per origin. Default 16. */
  readonly connections?: number;
  readonly connectMs?: number;
}

export interface PlatformFetch {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export function platformFetch(options: PlatformFetchOptions): PlatformFetch {
  const guard = originGuard(options);
  const { maxBytes = 64 * 1024 * 1024 } = options;
  const pool = new Pool({
    check: guard.addresses,
    resolve: options.resolve ?? systemResolve,
    connections: options.connections ?? 16,
    connectMs: options.connectMs ?? 10_000,
  });
  return {
    async fetch(input, init) {
      const url = guard.url(input);
      const response = await pool.fetch(url, init);
      if (response.status >= 300 && response.status < 400 && response.headers.has('location')) {
        await response.body?.cancel();
        throw new WireError(`${url.host}: refused to follow a redirect (HTTP ${response.status})`);
      }
      return bounded(response, maxBytes);
    },
    close: () => pool.close(),
  };
}

export interface OriginGuard {
  /** Throws `NotSent` when the adapter may not call it; the message names the host only. */
  url(input: string): URL;
  /** Throws when a host's addresses are not what its origin entry allows. */
  addresses(host: string, found: readonly Resolved[]): void;
}

/** One rule for requests and sockets: `ws` counts as `http`, `wss` as `https`. */
export function originGuard({ origins, ownOrigins }: PlatformOrigins): OriginGuard {
  const declared = parseHosts(origins);
  const own = parseHosts(ownOrigins);
  const addresses = (host: string, found: readonly Resolved[]) => {
    const trusted = own.hasName(host);
    for (const { address } of found) {
      const place = placeOf(address);
      if (place !== 'public' && !(trusted && place === 'private'))
        throw new NotSent(`${host} leads to a private, internal or special-use address`);
    }
  };
  return {
    url(input) {
      const url = URL.parse(input);
      if (url === null) throw new NotSent('not a valid absolute URL');
      if (!/^(https?|wss?):$/.test(url.protocol)) throw new NotSent(`${url.protocol} is not allowed`);
      if (url.username !== '' || url.password !== '')
        throw new NotSent(`${url.host}: user information in a URL is not allowed`);
      const host = bareHost(url.hostname);
      if (!own.has(url)) {
        if (!declared.has(url)) throw new NotSent(`${url.host} is not an origin of this platform`);
        if (url.protocol === 'http:' || url.protocol === 'ws:')
          throw new NotSent(`${url.host} is only called over an encrypted connection`);
      }
      if (placeOf(host) !== undefined) addresses(host, [{ address: host, family: 4 }]);
      return url;
    },
    addresses,
  };
}
