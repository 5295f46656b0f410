/** How callers of the API prove who they are, from the table of keys; what contradicts itself prevents the start. */
import { isIP } from 'node:net';
import type { Problem } from './problem.ts';
import type { KeyReader, Layers } from './resolve.ts';
import type { ApiAuth, ApiKey, GatewayAuth } from './settings.ts';
import { names, text, toBoolean } from './values.ts';

/**
 * What a key can be allowed to do; `*` in a list is all of them. One entry per part of the API and not per route, so
 * that an operator can decide without knowing the routes.
 */
export const apiScopes = [
  /** Names of models and what the server can do. */
  'models',
  /** State of the gateway and its platforms. */
  'health',
  'chat',
  'responses',
  /** Runs with their events, approvals and steering. */
  'runs',
  /** Stored conversations. */
  'sessions',
  /** Scheduled work. */
  'jobs',
  /** Calling one tool without a model. */
  'tools',
] as const;

export type ApiScope = (typeof apiScopes)[number];

type Report = (problem: Problem) => void;

export interface LoadedAuth {
  readonly auth: ApiAuth;
  /** Variables that hold keys, whatever they are called. */
  readonly variables: readonly string[];
}

export function authOf(reader: KeyReader, sources: Layers, report: Report): LoadedAuth {
  const trusted = reader.value('gateway.trustedProxies');
  for (const range of trusted) {
    const wrong = wrongRange(range);
    if (wrong !== undefined) report(error('gateway.trustedProxies', `"${range}" ${wrong}.`));
  }
  const gateway = gatewayOf(reader, trusted, report);
  const others = [reader.value('platforms.api_server.key'), secretOf(gateway)].map(blankless);
  const { keys, variables } = keysOf(reader, sources, others, report);
  return {
    auth: {
      keys,
      gateway,
      rateLimit: {
        maxAttempts: reader.value('gateway.auth.rateLimit.maxAttempts'),
        windowMs: reader.value('gateway.auth.rateLimit.windowMs'),
        lockoutMs: reader.value('gateway.auth.rateLimit.lockoutMs'),
        exemptLoopback: reader.value('gateway.auth.rateLimit.exemptLoopback'),
      },
      proxies: { trusted, allowRealIp: reader.value('gateway.allowRealIpFallback') },
    },
    variables,
  };
}

function error(path: string, message: string, hint?: string): Problem {
  return { severity: 'error', path, message, ...(hint === undefined ? {} : { hint }) };
}

/** Why a range cannot be a trusted proxy; completes the sentence `"…" …`. */
function wrongRange(range: string): string | undefined {
  const [address = '', length, ...rest] = range.split('/');
  const version = isIP(address);
  const bits = Number(length ?? 128);
  const fits = length === undefined || (/^\d{1,3}$/.test(length) && bits <= (version === 4 ? 32 : 128));
  if (version === 0 || rest.length > 0 || !fits) {
    return 'is no IP address and no range such as 10.0.0.0/8';
  }
  return bits === 0 ? 'would trust every address' : undefined;
}

/** What the gateway's own mode compares with, if it compares. */
export function secretOf(gateway: GatewayAuth): string | undefined {
  if ('secret' in gateway) return gateway.secret;
  return gateway.mode === 'trusted-proxy' ? gateway.localPassword : undefined;
}

const blankless = (secret: string | undefined) => (secret?.trim() === '' ? undefined : secret?.trim());

/** The resolution of openclaw-http §2.1. */
function gatewayOf(reader: KeyReader, trusted: readonly string[], report: Report): GatewayAuth {
  const token = blankless(reader.value('gateway.auth.token'));
  const password = blankless(reader.value('gateway.auth.password'));
  const mode = reader.value('gateway.auth.mode');
  // Read in every mode, so that a mistake is seen before it has effect.
  const proxy = proxyOf(reader, password);
  if (mode === undefined && token !== undefined && password !== undefined) {
    report(
      error(
        'gateway.auth.mode',
        'a token and a password are configured, and nothing says which of them counts.',
        'Set gateway.auth.mode to token or password.',
      ),
    );
    return { mode: 'unset' };
  }
  switch (mode) {
    case undefined:
      if (password !== undefined) return { mode: 'password', secret: password };
      return token === undefined ? { mode: 'unset' } : { mode: 'token', secret: token };
    case 'token':
      if (token !== undefined) return { mode, secret: token };
      report(missing('token', 'OPENCLAW_GATEWAY_TOKEN'));
      return { mode: 'unset' };
    case 'password':
      if (password !== undefined) return { mode, secret: password };
      report(missing('password', 'OPENCLAW_GATEWAY_PASSWORD'));
      return { mode: 'unset' };
    case 'none':
      return { mode };
    case 'trusted-proxy':
      checkProxy(proxy, trusted, report);
      return proxy;
  }
}

function missing(what: 'token' | 'password', variable: string): Problem {
  return error('gateway.auth.mode', `${what} needs a ${what}.`, `Set gateway.auth.${what} or ${variable}.`);
}

type ProxyAuth = Extract<GatewayAuth, { readonly mode: 'trusted-proxy' }>;

function proxyOf(reader: KeyReader, localPassword: string | undefined): ProxyAuth {
  const required = reader.value('gateway.auth.trustedProxy.requiredHeaders');
  return {
    mode: 'trusted-proxy',
    userHeader: reader.value('gateway.auth.trustedProxy.userHeader')?.trim().toLowerCase() ?? '',
    requiredHeaders: required.map((name) => name.toLowerCase()),
    allowUsers: reader.value('gateway.auth.trustedProxy.allowUsers'),
    allowLoopback: reader.value('gateway.auth.trustedProxy.allowLoopback'),
    localPassword,
  };
}

function checkProxy(
  { userHeader, requiredHeaders }: ProxyAuth,
  trusted: readonly string[],
  report: Report,
): void {
  const wrong = [userHeader, ...requiredHeaders].find((name) => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name));
  if (wrong !== undefined) {
    const path = `gateway.auth.trustedProxy.${wrong === userHeader ? 'userHeader' : 'requiredHeaders'}`;
    report(error(path, 'trusted-proxy needs the name of a header.', 'For example x-forwarded-user.'));
  }
  if (trusted.length === 0) {
    const hint = 'Set it to the address of the proxy, as the gateway sees it.';
    report(error('gateway.trustedProxies', 'trusted-proxy needs at least one address.', hint));
  }
}

const list = 'platforms.api_server.keys';
const fields = new Set(['name', 'key', 'key_env', 'scopes', 'owner']);

/** A list that is wrong anywhere prevents the start: an entry left out could be the one that was narrowed. */
function keysOf(
  reader: KeyReader,
  sources: Layers,
  others: readonly (string | undefined)[],
  report: Report,
): { readonly keys: readonly ApiKey[]; readonly variables: readonly string[] } {
  const keys: ApiKey[] = [];
  const variables: string[] = [];
  const names = new Set<string>();
  const secrets = new Set(others);
  for (const [index, entry] of (reader.value('platforms.api_server.keys') ?? []).entries()) {
    const refuse = (message: string, hint?: string) => report(error(`${list}.${index}`, message, hint));
    const variable = text().safeParse(entry['key_env']).data;
    if (variable !== undefined) variables.push(variable);
    const unknown = Object.keys(entry).find((field) => !fields.has(field));
    const name = text().safeParse(entry['name']).data?.trim() ?? '';
    const scopes = scopesOf(entry['scopes']);
    const owner = entry['owner'] === undefined ? false : toBoolean(entry['owner']);
    const secret = blankless(
      text().safeParse(entry['key']).data ?? (variable === undefined ? undefined : sources.env.get(variable)),
    );
    if (unknown !== undefined) refuse(`unknown field ${unknown}.`, `Known are ${[...fields].join(', ')}.`);
    else if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name)) {
      refuse('expected a name of up to 32 lower-case letters, digits, - and _.');
    } else if (names.has(name)) refuse(`the name ${name} stands here twice.`);
    else if (secret === undefined) {
      const empty = variable === undefined ? '' : `; the variable ${variable} is not set`;
      refuse(`the key ${name} has no value${empty}.`, 'Set key or key_env.');
    } else if (secrets.has(secret)) {
      refuse(`the value of ${name} is also that of another key.`, 'Give every caller a key of its own.');
    } else if (scopes === undefined) {
      refuse(`the key ${name} needs scopes.`, `Use * or some of ${apiScopes.join(', ')}.`);
    } else if (owner === undefined) refuse('owner: expected true or false.');
    else {
      keys.push({ name, key: secret, scopes, owner });
      names.add(name);
      secrets.add(secret);
    }
  }
  return { keys, variables };
}

/** Undefined unless it is a list of at least one known scope. */
function scopesOf(written: unknown): readonly ApiScope[] | undefined {
  const words = names().safeParse(written).data ?? [];
  if (words.includes('*')) return words.length === 1 ? apiScopes : undefined;
  const known = apiScopes.filter((scope) => words.includes(scope));
  return known.length > 0 && known.length === new Set(words).size ? known : undefined;
}
