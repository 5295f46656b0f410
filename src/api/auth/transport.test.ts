/** The rules of access over real connections: addresses, repeated headers and upgrades are what the system makes them. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ApiAuth } from '../../config/settings.ts';
import { securityHeaders } from '../headers.ts';
import { authDefaults, hello, key, type Listening, listenFake, rawSocket, readAll } from '../testing/open.ts';

const proxied: ApiAuth = {
  ...authDefaults,
  gateway: {
    mode: 'trusted-proxy',
    userHeader: 'x-user',
    requiredHeaders: ['x-proxy'],
    allowUsers: [],
    allowLoopback: true,
    localPassword: undefined,
  },
  proxies: { trusted: ['127.0.0.1'], allowRealIp: false },
};
const openclaw = { error: { message: 'Unauthorized', type: 'unauthorized' } };

const behindProxy = (auth: ApiAuth = proxied) =>
  listenFake({ api: { key: undefined, corsOrigins: ['http://app.example'], auth } });

const asUser = (user: string) => ({ 'x-user': user, 'x-proxy': '1' });

const reasonsOf = ({ logs }: Listening) =>
  logs.flatMap(({ data }) => (data?.['reason'] === undefined ? [] : [data['reason']]));

/** Status of the answer to an upgrade; 101 = open. */
async function upgrade(server: Listening, headers: Record<string, string>): Promise<number | undefined> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/responses`, { headers });
  socket.on('error', () => {});
  const status = await new Promise<number | undefined>((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
  });
  socket.terminate();
  return status;
}

describe('behind a proxy that signs people in', () => {
  it('each person has sessions of their own, over either transport', async () => {
    await using server = await behindProxy();
    for (const user of ['ann', 'bob']) {
      const headers = { ...asUser(user), 'x-hermes-session-id': 'shared' };
      expect((await server.post(hello, headers)).status).toBe(200);
    }
    const [ann, bob] = server.turns.requests;
    expect(ann?.sessionId).toMatch(/^user-[0-9a-f]{16}\.shared$/);
    expect(bob?.sessionId).not.toBe(ann?.sessionId);
    expect(await upgrade(server, asUser('ann'))).toBe(101);
    expect(await upgrade(server, { 'x-user': 'ann' })).toBe(401);
  });

  it('nobody is let in without what the proxy adds', async () => {
    await using server = await behindProxy();
    for (const headers of [{}, { 'x-user': 'ann' }, { 'x-proxy': '1' }]) {
      const refused = await server.get('/v1/models', headers);
      expect([refused.status, await refused.json()]).toEqual([401, openclaw]);
    }
    expect(reasonsOf(server)).toEqual([
      'trusted_proxy_missing_header_x-proxy',
      'trusted_proxy_missing_header_x-proxy',
      'trusted_proxy_user_missing',
    ]);
  });

  it('a connection from this machine is not the proxy unless that is allowed', async () => {
    const gateway = { ...proxied.gateway, allowLoopback: false } as ApiAuth['gateway'];
    await using server = await behindProxy({ ...proxied, gateway });
    expect((await server.get('/v1/models', asUser('ann'))).status).toBe(401);
    expect(reasonsOf(server)).toEqual(['trusted_proxy_loopback_source']);
  });

  it('a user header that the proxy has added to the client’s own is refused', async () => {
    await using server = await behindProxy();
    const socket = await rawSocket(server.port);
    socket.write(
      'GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Proxy: 1\r\nX-User: root\r\nX-USER: ann\r\nConnection: close\r\n\r\n',
    );
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 401 /);
    expect(reasonsOf(server)).toEqual(['trusted_proxy_user_repeated']);
  });

  it('only pages of listed origins may use the sign-in', async () => {
    await using server = await behindProxy();
    const from = (origin: string) => server.post(hello, { ...asUser('ann'), origin });
    expect((await from('http://app.example')).status).toBe(200);
    expect((await from('http://evil.example')).status).toBe(403);
    const embedded = await server.get('/v1/models', { ...asUser('ann'), 'sec-fetch-site': 'cross-site' });
    expect([embedded.status, await embedded.json()]).toMatchObject([
      403,
      { error: { code: 'browser_refused' } },
    ]);
    await using wide = await listenFake({ api: { key: undefined, corsOrigins: ['*'], auth: proxied } });
    expect((await wide.post(hello, { ...asUser('ann'), origin: 'http://evil.example' })).status).toBe(403);
    expect(wide.turns.turns).toHaveLength(0);
  });
});

describe('a lockout', () => {
  const auth: ApiAuth = {
    ...authDefaults,
    rateLimit: { maxAttempts: 2, windowMs: 60_000, lockoutMs: 60_000, exemptLoopback: false },
  };

  it('is told with Retry-After, in the envelope, with all security headers, before the body is read', async () => {
    await using server = await listenFake({ api: { auth } });
    for (const guess of ['a', 'b']) {
      expect((await server.post(hello, { authorization: `Bearer ${guess}` })).status).toBe(401);
    }
    const locked = await server.post('not even JSON');
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(locked.headers.get('x-should-retry')).toBe('false');
    for (const name of Object.keys(securityHeaders)) expect(locked.headers.has(name)).toBe(true);
    expect(await locked.json()).toEqual({
      error: {
        message: 'Too many failed authentication attempts. Please try again later.',
        type: 'rate_limit_error',
        param: null,
        code: 'auth_rate_limited',
      },
    });
    expect((await server.get('/health')).status).toBe(200);
    expect(await upgrade(server, { authorization: `Bearer ${key}` })).toBe(429);
    expect(server.turns.turns).toHaveLength(0);
  });

  it('of pages is their own: programs on the same machine go on', async () => {
    const local = { ...auth, rateLimit: { ...auth.rateLimit, exemptLoopback: true } };
    await using server = await listenFake({ api: { auth: local, corsOrigins: ['http://app.example'] } });
    const page = (token: string) =>
      upgrade(server, { authorization: `Bearer ${token}`, origin: 'http://app.example' });
    expect([await page('a'), await page('b'), await page(key)]).toEqual([401, 401, 429]);
    expect(await upgrade(server, { authorization: `Bearer ${key}` })).toBe(101);
    expect((await server.get('/v1/models')).status).toBe(200);
  });
});
