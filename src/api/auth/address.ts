/** Where a request comes from (openclaw-http §2, "Client IP"). */
import type { IncomingHttpHeaders } from 'node:http';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Undefined for what is not an IP address. IPv4 written as IPv6 is IPv4; zones and ports do not count. */
function parse(text: string | undefined): Address | undefined {
  const trimmed = text?.trim() ?? '';
  const bare =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed;
  const zoneless = bare.replace(/%.*$/, '');
  // The library also reads octal and one-number forms, which nobody sends and filters read differently.
  const isPlain = zoneless.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(zoneless);
  return isPlain && ipaddr.isValid(zoneless) ? ipaddr.process(zoneless) : undefined;
}

const isLocal = (address: Address) => address.range() === 'loopback';

/** One spelling for every form of an address; undefined for what is not one. */
export function normalAddress(text: string | undefined): string | undefined {
  return parse(text)?.toString();
}

export function isLoopback(text: string | undefined): boolean {
  const address = parse(text);
  return address !== undefined && isLocal(address);
}

/**
 * Under which name failures of an address are counted: the address, or its /64 for IPv6, because that is what one
 * subscriber has and could walk through.
 */
export function countedAs(text: string | undefined): string {
  const address = parse(text);
  if (address === undefined) return 'unknown';
  if (address.kind() === 'ipv4' || isLocal(address)) return address.toString();
  const bytes = address.toByteArray();
  return `${ipaddr.fromByteArray(bytes.fill(0, 8)).toString()}/64`;
}

export interface Proxies {
  /** The peer of the TCP connection is one of the configured proxies. */
  includes(peer: string | undefined): boolean;
  /**
   * The client's address: the peer, or what trusted proxies say about it. Undefined when a trusted proxy does not
   * say. Walks `X-Forwarded-For` from the end, because everything before the first address that is no proxy was
   * written by the client.
   */
  clientOf(peer: string | undefined, headers: IncomingHttpHeaders): string | undefined;
}

export function trustedProxies({
  trusted,
  allowRealIp,
}: {
  readonly trusted: readonly string[];
  readonly allowRealIp: boolean;
}): Proxies {
  const ranges = trusted.map((range): [Address, number] => {
    const [base = '', length] = range.split('/');
    const address = ipaddr.parse(base);
    return [address, length === undefined ? address.toByteArray().length * 8 : Number(length)];
  });
  const isProxy = (address: Address) =>
    ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
  return {
    includes(peer) {
      const address = parse(peer);
      return address !== undefined && isProxy(address);
    },
    clientOf(peer, headers) {
      const address = parse(peer);
      if (address === undefined || !isProxy(address)) return address?.toString();
      const forwarded = headers['x-forwarded-for'];
      if (forwarded === undefined) {
        return allowRealIp ? normalAddress(headers['x-real-ip'] as string | undefined) : undefined;
      }
      for (const hop of String(forwarded).split(',').reverse()) {
        const client = parse(hop);
        if (client === undefined) return undefined;
        if (!isLocal(client) && !isProxy(client)) return client.toString();
      }
      return undefined;
    },
  };
}
