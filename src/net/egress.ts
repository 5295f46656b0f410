/**
 * The guard for every URL that a person, a model, a page or a caller supplied: no such URL reaches an address of
 * this machine, its network or its cloud's metadata service (agent-runtime §17.9, openclaw-http §11).
 */
import { fail, GatewayError } from '../core/errors.ts';
import { placeOf } from './address.ts';
import { bareHost, parseHosts } from './hosts.ts';
import { type Resolve, type Resolved, systemResolve } from './resolve.ts';

export interface EgressPolicy {
  /** `security.allow_private_urls`: private and loopback addresses may be called, metadata services never. */
  readonly allowPrivate?: boolean;
  /** Only these hosts (`host`, `*.suffix`, `host:port` or origin). Absent = every public host. */
  readonly hosts?: readonly string[];
}

export interface CheckedUrl {
  readonly url: URL;
  /** Every address of the host, each of them allowed. Connect only to these. */
  readonly addresses: readonly Resolved[];
}

const metadataNames = ['metadata.google.internal', 'metadata.goog'];
const privateNames = ['localhost', 'localhost.localdomain'];
const privateSuffixes = ['.localhost', '.local', '.internal'];

/**
 * Parses and judges a URL and all addresses of its host. Throws URL_REFUSED; the message holds neither the
 * query nor user information, which may be secrets.
 */
export async function checkUrl(
  input: string,
  policy: EgressPolicy = {},
  resolve: Resolve = systemResolve,
): Promise<CheckedUrl> {
  const url = checkName(input, policy);
  const host = bareHost(url.hostname);
  const family = literalFamily(host);
  if (family !== undefined) return { url, addresses: [{ address: host, family }] };
  const addresses = await resolve(host).catch((cause: unknown) => {
    return fail('URL_REFUSED', { url: shown(url), why: 'the host name cannot be resolved' }, cause);
  });
  checkAddresses(shown(url), addresses, policy);
  return { url, addresses };
}

/** Everything that can be judged without asking a name server. */
export function checkName(input: string, policy: EgressPolicy): URL {
  const url = URL.parse(input.trim());
  if (url === null) return refuse('(malformed)', 'it is not a valid absolute URL');
  const where = shown(url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse(where, 'only http and https are allowed');
  if (url.username !== '' || url.password !== '') refuse(where, 'it carries user information');
  const host = bareHost(url.hostname);
  if (host === '') refuse(where, 'it has no host');
  if (metadataNames.includes(host)) refuse(where, 'cloud metadata services are never called');
  if (policy.hosts !== undefined && !parseHosts(policy.hosts).has(url))
    refuse(where, 'the host is not in the allow-list');
  if (literalFamily(host) !== undefined) {
    if (!isCanonical(input, url)) refuse(where, 'the address is not in its usual notation');
    checkAddresses(where, [{ address: host, family: 4 }], policy);
  } else if (policy.allowPrivate !== true) {
    if (privateNames.includes(host) || privateSuffixes.some((suffix) => host.endsWith(suffix)))
      refuse(where, 'the host name belongs to a private network');
  }
  return url;
}

/** Throws URL_REFUSED unless every address may be called. */
export function checkAddresses(where: string, found: readonly Resolved[], policy: EgressPolicy): void {
  if (found.length === 0) refuse(where, 'the host name has no address');
  for (const { address } of found) {
    const place = placeOf(address);
    if (place === 'metadata') refuse(where, 'cloud metadata services are never called');
    if (place === undefined || (place === 'private' && policy.allowPrivate !== true))
      refuse(where, 'it leads to a private, internal or special-use address');
  }
}

export function isRefused(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'URL_REFUSED';
}

function refuse(url: string, why: string): never {
  return fail('URL_REFUSED', { url, why });
}

/** Origin and path only. */
function shown(url: URL): string {
  return url.origin === 'null' ? url.protocol : `${url.origin}${url.pathname}`;
}

function literalFamily(host: string): 4 | 6 | undefined {
  if (host.includes(':')) return 6;
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? 4 : undefined;
}

/**
 * The URL parser turns `2130706433`, `0x7f.1`, `%31…` and full-width digits into a dotted address. Nobody writes
 * a public address that way; somebody who wants past a filter does (openclaw-http §11.10).
 */
function isCanonical(input: string, url: URL): boolean {
  const written = /^[a-z][a-z0-9+.-]*:\/\/([^/\\?#]*)/i.exec(input.trim())?.[1] ?? '';
  const host = written.replace(/^.*@/, '').replace(/:\d*$/, '');
  if (url.hostname.startsWith('[')) return /^\[[0-9a-f:.]+\]$/i.test(host);
  return host === url.hostname;
}
