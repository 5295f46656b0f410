import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { ApiAuth } from '../config/settings.ts';
import { authDefaults, type OpenOptions, openFake } from './testing/open.ts';

const hex32 = '0123456789abcdef0123456789abcdef';
const public0 = { host: '0.0.0.0' };

const named = (secret: string) => ({ name: 'ci', key: secret, scopes: ['chat'] as const, owner: false });
const tokenAuth = (secret: string): ApiAuth => ({ ...authDefaults, gateway: { mode: 'token', secret } });
const proxyAuth = (localPassword: string | undefined): ApiAuth => ({
  ...authDefaults,
  gateway: {
    mode: 'trusted-proxy',
    userHeader: 'x-user',
    requiredHeaders: [],
    allowUsers: [],
    allowLoopback: false,
    localPassword,
  },
  proxies: { trusted: ['10.0.0.1'], allowRealIp: false },
});

const refusals: [string, OpenOptions, string][] = [
  [
    '7. a network address without a key',
    { network: true, api: { ...public0, key: undefined } },
    'BIND_WITHOUT_KEY',
  ],
  [
    'a network address with a blank key',
    { network: true, api: { ...public0, key: '   ' } },
    'BIND_WITHOUT_KEY',
  ],
  [
    '8. a network address with a placeholder',
    { network: true, api: { ...public0, key: 'changeme' } },
    'WEAK_KEY',
  ],
  [
    'a placeholder in other letters',
    { network: true, api: { ...public0, key: ' Your_API_Key_Here ' } },
    'WEAK_KEY',
  ],
  [
    'a network address with seven characters',
    { network: true, api: { ...public0, key: '1234567' } },
    'WEAK_KEY',
  ],
  [
    'a network address with a strong key and a weak one',
    { network: true, api: { ...public0, key: hex32, auth: { ...authDefaults, keys: [named('short')] } } },
    'WEAK_KEY',
  ],
  [
    'a network address with a weak token',
    { network: true, api: { ...public0, key: undefined, auth: tokenAuth('changeme') } },
    'WEAK_KEY',
  ],
  [
    'a network address with a weak password for this machine',
    { network: true, api: { ...public0, key: undefined, auth: proxyAuth('tiny') } },
    'WEAK_KEY',
  ],
  [
    'a network address with mode none',
    {
      network: true,
      api: { ...public0, key: undefined, auth: { ...authDefaults, gateway: { mode: 'none' } } },
    },
    'BIND_WITHOUT_KEY',
  ],
  [
    'require_key with mode none',
    { api: { requireKey: true, key: undefined, auth: { ...authDefaults, gateway: { mode: 'none' } } } },
    'WEAK_KEY',
  ],
  ['10. require_key on loopback without a key', { api: { requireKey: true, key: undefined } }, 'WEAK_KEY'],
  ['10. require_key with 15 characters', { api: { requireKey: true, key: '123456789012345' } }, 'WEAK_KEY'],
];

describe('a start that would expose the agent is refused before anything is opened', () => {
  test.each(refusals)('%s', async (_, options, code) => {
    const clock = virtualClock();
    await expect(openFake({ ...options, clock })).rejects.toMatchObject({ code });
    expect(clock.pending).toBe(0);
  });
});

const starts: [string, OpenOptions, RegExp | undefined][] = [
  ['8. a network address with a 32-hex key', { network: true, api: { ...public0, key: hex32 } }, undefined],
  ['9. loopback without a key', { api: { key: undefined } }, /every program on this machine/],
  ['loopback with a short key', { api: { key: 'tiny-k3y' } }, /shorter than 16/],
  [
    'a network address with a strong token',
    { network: true, api: { ...public0, key: undefined, auth: tokenAuth(hex32) } },
    undefined,
  ],
  [
    'a network address with a proxy in front',
    { network: true, api: { ...public0, key: undefined, auth: proxyAuth(undefined) } },
    undefined,
  ],
  [
    'loopback with a short key of a program',
    { api: { auth: { ...authDefaults, keys: [named('tiny-k3y')] } } },
    /the API key ci is a placeholder or shorter/,
  ],
  ['loopback with a placeholder', { api: { key: 'dummy' } }, /placeholder/],
  ['require_key with 16 characters', { api: { requireKey: true, key: '1234567890123456' } }, undefined],
  [
    'a network address with a local terminal',
    { network: true, api: { ...public0, key: hex32 }, terminal: 'local' },
    /sandbox/,
  ],
];

describe('other starts succeed, with a warning where one is due', () => {
  test.each(starts)('%s', async (_, options, warning) => {
    const { api, logs } = await openFake(options);
    const warnings = logs.filter(({ level }) => level === 'warn').map(({ event }) => event);
    if (warning === undefined) expect(warnings).toEqual([]);
    else expect(warnings.join('\n')).toMatch(warning);
    expect(JSON.stringify(logs)).not.toContain(options.api?.key ?? hex32);
    await api.close();
  });
});

test('11. a taken port is tried again and then reported with its number', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const clock = virtualClock({ autoSleep: true });
  const { api } = await openFake({ clock, api: { port } });
  await expect(api.listen()).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringMatching(new RegExp(`${port}.*platforms\\.api_server\\.port`)),
  });
  expect(clock.sleeps).toEqual([200, 400, 600, 800, 1000]);
  await api.close();
  await new Promise((resolve) => holder.close(resolve));
});

test('a port that becomes free while it is retried is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const clock = virtualClock();
  const { api } = await openFake({ clock, api: { port } });
  const listening = api.listen();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => holder.close(resolve));
  await clock.advance(200);
  expect((await listening).url).toBe(`http://127.0.0.1:${port}`);
  await api.close();
});

test('12. the same port can be used again right after a stop', async () => {
  const first = await openFake();
  const { url } = await first.api.listen();
  await fetch(`${url}/health`);
  await first.api.close();
  const second = await openFake({ api: { port: Number(new URL(url).port) } });
  expect((await second.api.listen()).url).toBe(url);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  await second.api.close();
});

test('the address is logged once the server listens', async () => {
  const { api, logs } = await openFake();
  const { url } = await api.listen();
  expect(logs.map(({ event }) => event)).toContain(
    `[API Server] API server listening on ${url} (model: hermes-agent)`,
  );
  await api.close();
});
