/** Who may call the API: keys beside the main one, and the gateway's own token, password or proxy. */
import { choice, entries, flag, names, text, whole } from '../values.ts';
import { apiServer } from './api.ts';
import { key, unset } from './shape.ts';

export const authKeys = {
  'platforms.api_server.keys': unset(
    entries(),
    'More API keys: each with `name`, `key` or `key_env`, `scopes`, and `owner: true` for the operator’s own.',
    { also: apiServer('keys'), guard: true, field: 'api.auth.keys' },
  ),
  'gateway.auth.mode': unset(
    choice(['token', 'password', 'trusted-proxy', 'none']),
    'How callers of the API prove themselves beside API keys; unset = what is configured.',
    { guard: true, field: 'api.auth.gateway' },
  ),
  'gateway.auth.token': unset(text(), 'Bearer token of the API, in mode `token`.', {
    env: 'OPENCLAW_GATEWAY_TOKEN',
    bridged: true,
    secret: true,
    guard: true,
    field: 'api.auth.gateway',
  }),
  'gateway.auth.password': unset(text(), 'Sent as bearer token in mode `password`.', {
    env: 'OPENCLAW_GATEWAY_PASSWORD',
    bridged: true,
    secret: true,
    guard: true,
    field: 'api.auth.gateway',
  }),
  'gateway.auth.allowTailscale': key(flag(), false, 'Tailscale’s headers never count for HTTP requests.'),
  'gateway.auth.rateLimit.maxAttempts': key(
    whole({ min: 1, max: 1_000 }),
    10,
    'Wrong secrets of one address inside the window that lock it out.',
    { guard: true, field: 'api.auth.rateLimit.maxAttempts' },
  ),
  'gateway.auth.rateLimit.windowMs': key(
    whole({ min: 1 }),
    60_000,
    'Milliseconds in which wrong secrets are counted together.',
    { guard: true, field: 'api.auth.rateLimit.windowMs' },
  ),
  'gateway.auth.rateLimit.lockoutMs': key(whole({ min: 1 }), 300_000, 'Milliseconds a lockout lasts.', {
    guard: true,
    field: 'api.auth.rateLimit.lockoutMs',
  }),
  'gateway.auth.rateLimit.exemptLoopback': key(flag(), true, 'Never lock out this machine.', {
    guard: true,
    field: 'api.auth.rateLimit.exemptLoopback',
  }),
  'gateway.auth.trustedProxy.userHeader': unset(
    text(),
    'Header in which the proxy names the person it has signed in.',
    { guard: true, field: 'api.auth.gateway' },
  ),
  'gateway.auth.trustedProxy.requiredHeaders': key(
    names(),
    [],
    'Headers that must come with every request of the proxy.',
    { guard: true, field: 'api.auth.gateway' },
  ),
  'gateway.auth.trustedProxy.allowUsers': key(names(), [], 'People who may call; empty = all of them.', {
    guard: true,
    field: 'api.auth.gateway',
  }),
  'gateway.auth.trustedProxy.allowLoopback': key(
    flag(),
    false,
    'Believe a proxy on this machine; every program here can then name any person.',
    { guard: true, field: 'api.auth.gateway' },
  ),
  'gateway.trustedProxies': key(names(), [], 'Addresses or CIDR ranges of proxies whose headers count.', {
    guard: true,
    field: 'api.auth.proxies.trusted',
  }),
  'gateway.allowRealIpFallback': key(
    flag(),
    false,
    'Take the client’s address from `X-Real-IP` when a proxy sends no `X-Forwarded-For`.',
    { guard: true, field: 'api.auth.proxies.allowRealIp' },
  ),
} as const;
