import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { GatewayAuth } from '../../config/settings.ts';
import { utf8Header } from '../headers.ts';
import { isLoopback, normalAddress, type Proxies } from './address.ts';

export type ProxySettings = Extract<GatewayAuth, { readonly mode: 'trusted-proxy' }>;

/** `reason` is for the log alone: a caller could learn from it what to forge. */
export type ProxyVerdict =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'refused'; readonly reason: string };

const refused = (reason: string): ProxyVerdict => ({ kind: 'refused', reason: `trusted_proxy_${reason}` });

const written = (value: string | readonly string[] | undefined) => utf8Header(value)?.trim() ?? '';

/**
 * Whom a trusted proxy has signed in (openclaw-http §2). Only the address of the TCP connection says that it is the
 * proxy; every rule that cannot be checked refuses. `ownAddresses` are those of this machine: what connects from them
 * runs here and is no proxy unless loopback is allowed.
 */
export function proxyUser(
  { socket, headers, rawHeaders }: Pick<IncomingMessage, 'socket' | 'headers' | 'rawHeaders'>,
  settings: ProxySettings,
  proxies: Proxies,
  ownAddresses: () => readonly string[],
): ProxyVerdict {
  const peer = socket.remoteAddress;
  if (!proxies.includes(peer)) return refused('untrusted_source');
  if (!settings.allowLoopback) {
    if (isLoopback(peer)) return refused('loopback_source');
    const address = normalAddress(peer);
    if (ownAddresses().some((own) => normalAddress(own) === address)) {
      return refused('local_interface_source');
    }
  }
  const absent = settings.requiredHeaders.find((name) => written(headers[name]) === '');
  if (absent !== undefined) return refused(`missing_header_${absent}`);
  const user = written(headers[settings.userHeader]);
  if (user === '') return refused('user_missing');
  // A proxy that adds its header instead of replacing it lets its clients choose who they are.
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  if (names.filter((name) => name.toLowerCase() === settings.userHeader).length > 1) {
    return refused('user_repeated');
  }
  const isAllowed = settings.allowUsers.length === 0 || settings.allowUsers.includes(user);
  return isAllowed ? { kind: 'user', user } : refused('user_not_allowed');
}

const forwarding = /^(?:forwarded|x-forwarded-.*|x-real-ip)$/;

/** A program on this machine that speaks to the server itself: no proxy has touched the request. */
export function isDirectLocal(peer: string | undefined, headers: IncomingHttpHeaders): boolean {
  return isLoopback(peer) && !Object.keys(headers).some((name) => forwarding.test(name));
}
