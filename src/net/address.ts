/**
 * What kind of place an IP address is. Sources: the IANA special-purpose address registries (RFC 6890 and
 * successors), openclaw-http §11.7–11.9 and agent-runtime §17.9.
 *
 * - `public`: may be called.
 * - `private`: loopback, private, link-local, reserved, multicast … : only with an explicit permission.
 * - `metadata`: instance credentials of clouds live there: never.
 */
import ipaddr from 'ipaddr.js';

export type Place = 'public' | 'private' | 'metadata';

type V4 = ipaddr.IPv4;
type V6 = ipaddr.IPv6;

const metadata4 = ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32'].map((range) =>
  ipaddr.IPv4.parseCIDR(range),
);
const metadata6 = ipaddr.IPv6.parse('fd00:ec2::254');

/** IPv6 ranges whose last or middle 32 bits are an IPv4 address that is what really gets called. */
const embeddings: readonly { readonly range: [V6, number]; readonly at: (bytes: number[]) => number[] }[] = [
  { range: ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), at: (bytes) => bytes.slice(12) },
  { range: ipaddr.IPv6.parseCIDR('::ffff:0:0:0/96'), at: (bytes) => bytes.slice(12) },
  { range: ipaddr.IPv6.parseCIDR('::/96'), at: (bytes) => bytes.slice(12) },
  { range: ipaddr.IPv6.parseCIDR('64:ff9b::/96'), at: (bytes) => bytes.slice(12) },
  { range: ipaddr.IPv6.parseCIDR('2002::/16'), at: (bytes) => bytes.slice(2, 6) },
  {
    range: ipaddr.IPv6.parseCIDR('2001::/32'),
    at: (bytes) => bytes.slice(12).map((byte) => byte ^ 0xff),
  },
];

/** Undefined = not an IP address in canonical notation. */
export function placeOf(address: string): Place | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return place4(ipaddr.IPv4.parse(address));
  // A zone (`%eth0`) names an interface of this machine: never a public place.
  if (address.includes('%')) return ipaddr.IPv6.isValid(address) ? 'private' : undefined;
  if (!ipaddr.IPv6.isValid(address)) return undefined;
  return place6(ipaddr.IPv6.parse(address));
}

/** True for 127.0.0.0/8, `::1` and the IPv4-mapped forms of the former. */
export function isLoopback(address: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).range() === 'loopback';
  if (!ipaddr.IPv6.isValid(address) || address.includes('%')) return false;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().range() === 'loopback';
  return parsed.range() === 'loopback';
}

function place4(address: V4): Place {
  if (metadata4.some((range) => address.match(range))) return 'metadata';
  return address.range() === 'unicast' ? 'public' : 'private';
}

function place6(address: V6): Place {
  if (address.toNormalizedString() === metadata6.toNormalizedString()) return 'metadata';
  const range = address.range();
  if (range === 'loopback' || range === 'unspecified') return 'private';
  const bytes = address.toByteArray();
  const inner = embeddings.find((each) => address.match(each.range));
  if (inner !== undefined) return place4(new ipaddr.IPv4(inner.at(bytes)));
  // ISATAP: interface id 0000:5efe or 0200:5efe (flag bits 0x0300) followed by an IPv4 address.
  const isatap = (bytes[8]! & 0xfc) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  if (isatap) {
    const place = place4(new ipaddr.IPv4(bytes.slice(12)));
    if (place !== 'public') return place;
  }
  return range === 'unicast' ? 'public' : 'private';
}
