/** Lists of hosts as people write them: `host`, `*.suffix`, `host:port` or a whole origin. */

interface HostRule {
  readonly host: string;
  readonly suffix: boolean;
  /** '' = any. */
  readonly port: string;
  /** '' = any; `http:` stands for `ws:` too. */
  readonly scheme: string;
}

/** Lower case, without one trailing dot and without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '');
}

export interface Hosts {
  has(url: URL): boolean;
  /** By name alone, for those who know neither port nor scheme. */
  hasName(host: string): boolean;
}

/** Throws on an entry that is none of the four forms: a rule that silently matches nothing hides a mistake. */
export function parseHosts(entries: readonly string[]): Hosts {
  const rules = entries.map(parseRule);
  return {
    has: (url) => rules.some((rule) => matches(rule, url)),
    hasName: (host) => rules.some((rule) => matchesName(rule, bareHost(host))),
  };
}

function parseRule(entry: string): HostRule {
  const form = /^(?:(?<scheme>https?|wss?):\/\/)?(?<star>\*\.)?(?<rest>[^/?#@*\s]+)\/?$/i.exec(entry.trim());
  const { scheme, star, rest } = form?.groups ?? {};
  const parts =
    rest === undefined
      ? null
      : /^(\[[0-9a-f:.]+\]|[^:[\]]+|[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*)(?::(\d+))?$/i.exec(rest);
  if (parts === null) throw new Error(`not a host, *.suffix, host:port or origin: ${entry}`);
  const plain = scheme === undefined ? '' : plainScheme(`${scheme.toLowerCase()}:`);
  return {
    host: bareHost(parts[1]!),
    suffix: star !== undefined,
    port: parts[2] ?? (plain === '' ? '' : portOf('', plain)),
    scheme: plain,
  };
}

function matches(rule: HostRule, url: URL): boolean {
  const scheme = plainScheme(url.protocol);
  if (rule.scheme !== '' && rule.scheme !== scheme) return false;
  if (rule.port !== '' && rule.port !== portOf(url.port, scheme)) return false;
  return matchesName(rule, bareHost(url.hostname));
}

function matchesName(rule: HostRule, host: string): boolean {
  return rule.suffix ? host.endsWith(`.${rule.host}`) : host === rule.host;
}

function plainScheme(scheme: string): string {
  return scheme === 'ws:' ? 'http:' : scheme === 'wss:' ? 'https:' : scheme;
}

function portOf(port: string, scheme: string): string {
  return port !== '' ? port : scheme === 'https:' ? '443' : '80';
}
