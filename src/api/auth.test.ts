import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type VirtualClock, virtualClock } from '../../testkit/clock.ts';
import { apiScopes } from '../config/auth.ts';
import type { ApiAuth } from '../config/settings.ts';
import { callerOf } from './auth/caller.ts';
import { type Access, isScope, openAccess, type Scope } from './auth.ts';
import type { ApiError } from './errors.ts';
import { authDefaults, type LogLine } from './testing/open.ts';

const mainKey = 'main-key-0123456789';
const absent = { kind: 'absent' } as const;
const proxied: ApiAuth['gateway'] = {
  mode: 'trusted-proxy',
  userHeader: 'x-user',
  requiredHeaders: [],
  allowUsers: [],
  allowLoopback: false,
  localPassword: 'local-password-1',
};

interface Setup {
  readonly access: Access;
  readonly clock: VirtualClock;
  readonly logs: LogLine[];
}

function setup(key: string | undefined, auth: Partial<ApiAuth> = {}): Setup {
  const clock = virtualClock();
  const logs: LogLine[] = [];
  const access = openAccess({
    api: { key, auth: { ...authDefaults, ...auth } },
    clock,
    log: (level, event, data) => logs.push({ level, event, data }),
    ownAddresses: () => [],
  });
  return { access, clock, logs };
}

function requestOf(headers: Record<string, string>, peer = '8.8.8.8', url = '/v1/models'): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat();
  return {
    method: 'GET',
    url,
    headers,
    rawHeaders,
    socket: { remoteAddress: peer },
  } as unknown as IncomingMessage;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Status of the answer; 200 = let through. */
function ask(
  { access }: Setup,
  headers: Record<string, string>,
  more: { readonly scope?: Scope; readonly peer?: string } = {},
): number {
  const request = requestOf(headers, more.peer);
  return access.refuse(request, more.scope ?? 'chat', absent)?.status ?? 200;
}

function callerFor({ access }: Setup, headers: Record<string, string>, peer?: string) {
  const request = requestOf(headers, peer);
  expect(access.refuse(request, 'bearer', absent)).toBeUndefined();
  return callerOf({ raw: request });
}

const ci = { name: 'ci', key: 'ci-key-0123456789', scopes: ['chat', 'models'], owner: false } as const;

describe('who is recognised', () => {
  it('nobody in particular without any credential', () => {
    const open = setup(undefined);
    expect(open.access.isOpen).toBe(true);
    const caller = callerFor(open, { host: 'localhost' });
    expect(caller).toMatchObject({ kind: 'open', namespace: 'open', isPrimary: true, isOwner: true });
  });

  it('the main key under the name it has always had', () => {
    // Stored lanes and responses are found by it: SHA-256 of "namespace", NUL and the key.
    const caller = callerFor(setup(mainKey), bearer(mainKey));
    expect(caller).toMatchObject({
      kind: 'key',
      namespace: '46ac20e2acf63060',
      isPrimary: true,
      isOwner: true,
    });
  });

  it('another key under its own name, with its scopes, and not as the operator', () => {
    const caller = callerFor(setup(mainKey, { keys: [ci] }), bearer(ci.key));
    expect(caller).toMatchObject({ kind: 'key', namespace: 'key-ci', isPrimary: false, isOwner: false });
    expect([...caller.scopes]).toEqual(['chat', 'models']);
  });

  it('token and password as the operator', () => {
    for (const mode of ['token', 'password'] as const) {
      const caller = callerFor(
        setup(undefined, { gateway: { mode, secret: 'gateway-secret' } }),
        bearer('gateway-secret'),
      );
      expect(caller).toMatchObject({ kind: mode, namespace: 'gateway', isPrimary: false, isOwner: true });
    }
  });

  const trusting = { gateway: proxied, proxies: { trusted: ['10.0.0.1'], allowRealIp: false } };

  it('people of the proxy each under a name of their own', () => {
    const behind = setup(undefined, trusting);
    const ann = callerFor(behind, { 'x-user': 'ann' }, '10.0.0.1');
    const bob = callerFor(behind, { 'x-user': 'bob' }, '10.0.0.1');
    expect(ann).toMatchObject({ kind: 'user', isPrimary: false, isOwner: true });
    expect(ann.namespace).toMatch(/^user-[0-9a-f]{16}$/);
    expect(ann.namespace).not.toBe(bob.namespace);
    expect(callerFor(behind, { 'x-user': 'ann' }, '10.0.0.1').namespace).toBe(ann.namespace);
  });

  it('beside the proxy: keys from anywhere, the password only from this machine and without a proxy', () => {
    const behind = setup(mainKey, trusting);
    expect(ask(behind, bearer(mainKey))).toBe(200);
    expect(ask(behind, bearer('local-password-1'), { peer: '127.0.0.1' })).toBe(200);
    expect(ask(behind, bearer('local-password-1'))).toBe(401);
    const forwarded = { ...bearer('local-password-1'), 'x-forwarded-for': '127.0.0.1' };
    expect(ask(behind, forwarded, { peer: '127.0.0.1' })).toBe(401);
    expect(ask(behind, { 'x-user': 'ann' })).toBe(401);
  });

  it('is never guessed on a public route, and such a route has no caller', () => {
    const { access } = setup(mainKey);
    const request = requestOf(bearer(mainKey));
    expect(access.refuse(request, 'public', absent)).toBeUndefined();
    expect(() => callerOf({ raw: request })).toThrow('no caller');
  });

  it('stays unknown after a refusal', () => {
    const { access } = setup(mainKey);
    const request = requestOf(bearer('wrong'));
    expect(access.refuse(request, 'chat', absent)?.status).toBe(401);
    expect(() => callerOf({ raw: request })).toThrow('no caller');
  });
});

describe('a secret', () => {
  test.each([
    ['in another case of the scheme', { authorization: `bEaReR ${mainKey}` }, 200],
    ['with spaces around it', { authorization: `Bearer   ${mainKey} ` }, 200],
    ['with another scheme', { authorization: `Basic ${mainKey}` }, 401],
    ['without a scheme', { authorization: mainKey }, 401],
    ['that is empty', { authorization: 'Bearer ' }, 401],
    ['in X-Api-Key', { 'x-api-key': mainKey }, 401],
    ['in a Tailscale header', { 'tailscale-user-login': 'ann@example.com' }, 401],
  ])('%s', (_, headers, status) => {
    expect(ask(setup(mainKey), headers as Record<string, string>)).toBe(status);
  });

  it('in the query does not count', () => {
    const { access } = setup(mainKey);
    const request = requestOf({}, '8.8.8.8', `/v1/models?token=${mainKey}&api_key=${mainKey}`);
    expect(access.refuse(request, 'models', absent)?.status).toBe(401);
  });

  it('opens when it is one of those configured and never otherwise', () => {
    const opened = setup(mainKey, { keys: [ci] });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(mainKey, ci.key)), fc.boolean(), (text, local) => {
        const header = Buffer.from(text, 'utf8').toString('latin1');
        const known = [mainKey, ci.key].includes(text.trim());
        expect(ask(opened, bearer(header), { peer: local ? '127.0.0.1' : '::1' })).toBe(known ? 200 : 401);
      }),
    );
  });
});

describe('scopes', () => {
  it('are words that are known', () => {
    expect(['public', 'bearer', ...apiScopes].every(isScope)).toBe(true);
    expect(['', 'admin', 'Chat', undefined, null, 1].some(isScope)).toBe(false);
  });

  it('allow what they name and nothing else, for any set of them', () => {
    fc.assert(
      fc.property(fc.subarray([...apiScopes], { minLength: 1 }), (scopes) => {
        const one = setup(undefined, { keys: [{ ...ci, scopes }] });
        for (const scope of apiScopes) {
          expect(ask(one, bearer(ci.key), { scope })).toBe(scopes.includes(scope) ? 200 : 403);
        }
      }),
    );
  });

  const behind = () =>
    setup(undefined, { gateway: proxied, proxies: { trusted: ['10.0.0.1'], allowRealIp: false } });
  test.each([
    [undefined, 200, 200, true],
    ['operator.admin', 200, 200, true],
    ['operator.read, operator.write', 200, 200, false],
    ['operator.write', 200, 200, false],
    ['operator.read', 200, 403, false],
    ['operator.pairing', 403, 403, false],
    ['', 403, 403, false],
  ])('of a proxy’s user are narrowed by x-openclaw-scopes: %s', (given, models, chat, owner) => {
    const headers = { 'x-user': 'ann', ...(given === undefined ? {} : { 'x-openclaw-scopes': given }) };
    const peer = '10.0.0.1';
    expect(ask(behind(), headers, { scope: 'models', peer })).toBe(models);
    expect(ask(behind(), headers, { scope: 'chat', peer })).toBe(chat);
    expect(callerFor(behind(), headers, peer).isOwner).toBe(owner);
  });

  it('of everybody are narrowed by it where mode none was chosen, and only there', () => {
    const headers = { host: 'localhost', 'x-openclaw-scopes': 'operator.read' };
    const chosen = setup(undefined, { gateway: { mode: 'none' } });
    expect(ask(chosen, headers, { scope: 'chat' })).toBe(403);
    expect(ask(chosen, headers, { scope: 'models' })).toBe(200);
    expect(ask(chosen, { host: 'localhost' }, { scope: 'chat' })).toBe(200);
    expect(ask(setup(undefined), headers, { scope: 'chat' })).toBe(200);
  });

  it('of a secret are not touched by that header', () => {
    const keyed = setup(mainKey);
    expect(ask(keyed, { ...bearer(mainKey), 'x-openclaw-scopes': '' })).toBe(200);
    expect(callerFor(keyed, { ...bearer(mainKey), 'x-openclaw-scopes': '' }).isOwner).toBe(true);
  });
});

describe('wrong secrets', () => {
  const strict = { rateLimit: { maxAttempts: 2, windowMs: 60_000, lockoutMs: 90_500, exemptLoopback: true } };

  it('lock out the address, also with the right one, until the time is over', async () => {
    const locked = setup(mainKey, strict);
    expect(ask(locked, bearer('a'))).toBe(401);
    expect(ask(locked, bearer('b'))).toBe(401);
    const refusal = locked.access.refuse(requestOf(bearer(mainKey)), 'chat', absent) as ApiError;
    expect(refusal.status).toBe(429);
    expect(refusal.headers).toMatchObject({ 'Retry-After': '91' });
    expect(ask(locked, bearer(mainKey), { peer: '8.8.4.4' })).toBe(200);
    await locked.clock.advance(90_500);
    expect(ask(locked, bearer(mainKey))).toBe(200);
  });

  it('are forgotten when the right one comes in between', () => {
    const opened = setup(mainKey, strict);
    for (let i = 0; i < 5; i += 1) {
      expect(ask(opened, bearer('a'))).toBe(401);
      expect(ask(opened, bearer(mainKey))).toBe(200);
    }
  });

  it('4. of one attempt: the first is 401, the second 429', () => {
    const once = setup(undefined, {
      gateway: { mode: 'token', secret: 'gateway-secret' },
      rateLimit: { ...strict.rateLimit, maxAttempts: 1, exemptLoopback: false },
    });
    expect(ask(once, bearer('wrong'), { peer: '127.0.0.1' })).toBe(401);
    const refusal = once.access.refuse(requestOf(bearer('wrong'), '127.0.0.1'), 'chat', absent) as ApiError;
    expect(refusal.status).toBe(429);
    expect(refusal.wire).toEqual({
      error: {
        message: 'Too many failed authentication attempts. Please try again later.',
        type: 'rate_limited',
      },
    });
  });

  it('5. from this machine stay 401 with the default exemption', () => {
    const local = setup(mainKey, strict);
    for (let i = 0; i < 20; i += 1) expect(ask(local, bearer('x'), { peer: '127.0.0.1' })).toBe(401);
    expect(ask(local, bearer(mainKey), { peer: '127.0.0.1' })).toBe(200);
  });

  it('do not include missing ones, other schemes, and people whom the proxy does not vouch for', () => {
    const counted = setup(mainKey, { ...strict, gateway: proxied });
    for (const headers of [
      {},
      { authorization: 'Basic x' },
      { authorization: 'Bearer ' },
      { 'x-user': 'x' },
    ]) {
      for (let i = 0; i < 5; i += 1) expect(ask(counted, headers as Record<string, string>)).toBe(401);
    }
    expect(ask(counted, bearer(mainKey))).toBe(200);
  });

  it('are counted for the client behind a trusted proxy, and no header lets it escape', () => {
    const behind = setup(mainKey, { ...strict, proxies: { trusted: ['10.0.0.1'], allowRealIp: false } });
    const from = (claimed: string, token: string) =>
      ask(behind, { ...bearer(token), 'x-forwarded-for': `${claimed}, 7.7.7.7` }, { peer: '10.0.0.1' });
    expect(from('1.1.1.1', 'a')).toBe(401);
    expect(from('2.2.2.2', 'b')).toBe(401);
    expect(from('3.3.3.3', mainKey)).toBe(429);
    expect(ask(behind, { ...bearer(mainKey), 'x-forwarded-for': '7.7.7.8' }, { peer: '10.0.0.1' })).toBe(200);
    // Without a proxy the same header is only a claim.
    const plain = setup(mainKey, strict);
    for (const claimed of ['1.1.1.1', '2.2.2.2']) {
      expect(ask(plain, { ...bearer('wrong'), 'x-forwarded-for': claimed })).toBe(401);
    }
    expect(ask(plain, { ...bearer(mainKey), 'x-forwarded-for': '3.3.3.3' })).toBe(429);
  });

  it('through a proxy on this machine that nobody has named are pointed out once', () => {
    const hints = ({ logs }: Setup) => logs.filter(({ event }) => event.includes('gateway.trustedProxies'));
    const forwarded = { ...bearer('x'), 'x-forwarded-for': '1.1.1.1' };
    const unnamed = setup(mainKey, strict);
    for (let i = 0; i < 3; i += 1) ask(unnamed, forwarded, { peer: '127.0.0.1' });
    expect(hints(unnamed)).toHaveLength(1);
    const named = setup(mainKey, { ...strict, proxies: { trusted: ['127.0.0.1'], allowRealIp: false } });
    ask(named, forwarded, { peer: '127.0.0.1' });
    const stranger = setup(mainKey, strict);
    ask(stranger, forwarded);
    const direct = setup(mainKey, strict);
    ask(direct, bearer('x'), { peer: '127.0.0.1' });
    expect([named, stranger, direct].flatMap(hints)).toEqual([]);
  });

  it('of pages that open sockets count apart, on this machine, too', () => {
    const pages = setup(mainKey, strict);
    const socket = { upgrade: 'websocket', origin: 'http://evil.example' };
    const peer = '127.0.0.1';
    expect(ask(pages, { ...bearer('a'), ...socket }, { peer })).toBe(401);
    expect(ask(pages, { ...bearer('b'), ...socket }, { peer })).toBe(401);
    expect(ask(pages, { ...bearer(mainKey), ...socket }, { peer })).toBe(429);
    expect(ask(pages, bearer(mainKey), { peer })).toBe(200);
  });

  it('are logged with a reason and without a token; a lockout does not fill the log', () => {
    const noisy = setup(mainKey, strict);
    for (let i = 0; i < 10; i += 1) ask(noisy, bearer('guessed-token-value'));
    const warnings = noisy.logs.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ data }) => data?.['reason'])).toEqual([
      'wrong secret',
      'wrong secret, the address is locked out',
    ]);
    expect(JSON.stringify(noisy.logs)).not.toContain('guessed-token-value');
  });
});

describe('the answer', () => {
  const envelope = {
    error: {
      message: 'Invalid API key',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    },
  };
  const openclaw = { error: { message: 'Unauthorized', type: 'unauthorized' } };
  const token = { mode: 'token', secret: 'gateway-secret' } as const;

  test.each([
    ['the main key', mainKey, {}, envelope],
    ['another key', undefined, { keys: [ci] }, envelope],
    ['the token', undefined, { gateway: token }, openclaw],
    ['the proxy', undefined, { gateway: proxied }, openclaw],
    ['key and token', mainKey, { gateway: token }, envelope],
  ] as [string, string | undefined, Partial<ApiAuth>, unknown][])(
    'has the shape that clients of the configured credential know: %s',
    (_, key, auth, body) => {
      const refusal = setup(key, auth).access.refuse(requestOf({}), 'chat', absent) as ApiError;
      expect([refusal.status, refusal.wire]).toEqual([401, body]);
    },
  );

  it('has the shape of the route where that is fixed', () => {
    const { access } = setup(mainKey, { keys: [{ ...ci, scopes: ['models'] }] });
    const unknown = access.refuse(requestOf({}), 'tools', absent, 'openclaw') as ApiError;
    expect(unknown.wire).toEqual(openclaw);
    const narrow = access.refuse(requestOf(bearer(ci.key)), 'tools', absent, 'openclaw') as ApiError;
    expect([narrow.status, narrow.wire]).toEqual([
      403,
      { ok: false, error: { type: 'forbidden', message: 'missing scope: operator.write' } },
    ]);
  });

  it('says why a proxy’s request was refused in the log alone', () => {
    const { access, logs } = setup(undefined, { gateway: proxied });
    const refusal = access.refuse(requestOf({ 'x-user': 'ann' }), 'chat', absent) as ApiError;
    expect(JSON.stringify(refusal.wire)).not.toContain('proxy');
    expect(logs[0]?.data?.['reason']).toBe('trusted_proxy_untrusted_source');
  });

  it('refuses web pages that no operator has listed to use the sign-in of a proxy', () => {
    const { access } = setup(undefined, {
      gateway: proxied,
      proxies: { trusted: ['10.0.0.1'], allowRealIp: false },
    });
    const from = (page: Parameters<Access['refuse']>[2], site?: string) =>
      access.refuse(
        requestOf({ 'x-user': 'ann', ...(site === undefined ? {} : { 'sec-fetch-site': site }) }, '10.0.0.1'),
        'chat',
        page,
      )?.body.error.code;
    expect(from({ kind: 'allowed', wildcard: true, headers: {} })).toBe('browser_refused');
    expect(from(absent, 'cross-site')).toBe('browser_refused');
    expect(from({ kind: 'allowed', wildcard: false, headers: {} }, 'cross-site')).toBeUndefined();
    expect(from({ kind: 'own' }, 'same-origin')).toBeUndefined();
    expect(from(absent)).toBeUndefined();
  });
});
