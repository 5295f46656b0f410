import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { apiScopes } from './auth.ts';
import { explain } from './explain.ts';
import { loadSettings } from './load.ts';
import { preventsStart } from './problem.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

const load = (yaml: string, env: Record<string, string> = {}) => {
  home.write('config.yaml', yaml);
  return loadSettings({ env, home: home.path, platforms: [] });
};

async function gateway(yaml: string, env: Record<string, string> = {}) {
  const { settings, problems } = await load(yaml, env);
  expect(problems).toEqual([]);
  return settings.api.auth.gateway;
}

async function refusals(yaml: string, env: Record<string, string> = {}) {
  const { problems } = await load(yaml, env);
  return problems.filter(preventsStart).map(({ path, message }) => `${path}: ${message}`);
}

describe('the mode of the gateway', () => {
  it('follows from what is configured', async () => {
    expect(await gateway('')).toEqual({ mode: 'unset' });
    expect(await gateway('gateway: {auth: {token: t-1}}')).toEqual({ mode: 'token', secret: 't-1' });
    expect(await gateway('gateway: {auth: {password: p-1}}')).toEqual({ mode: 'password', secret: 'p-1' });
    expect(await gateway('gateway: {auth: {mode: none}}')).toEqual({ mode: 'none' });
    expect(await gateway('', { OPENCLAW_GATEWAY_TOKEN: 'e' })).toEqual({ mode: 'token', secret: 'e' });
    expect(await gateway('', { OPENCLAW_GATEWAY_PASSWORD: 'e' })).toEqual({ mode: 'password', secret: 'e' });
  });

  it('takes the secret of the file before that of the environment', async () => {
    const env = { OPENCLAW_GATEWAY_TOKEN: 'from-env' };
    expect(await gateway('gateway: {auth: {token: from-file}}', env)).toEqual({
      mode: 'token',
      secret: 'from-file',
    });
  });

  it('takes the one that the mode names when both are configured', async () => {
    const both = 'token: t-1, password: p-1';
    expect(await gateway(`gateway: {auth: {mode: token, ${both}}}`)).toEqual({
      mode: 'token',
      secret: 't-1',
    });
    expect(await gateway(`gateway: {auth: {mode: password, ${both}}}`)).toEqual({
      mode: 'password',
      secret: 'p-1',
    });
  });

  it('counts a blank secret as none', async () => {
    expect(await gateway('gateway: {auth: {token: "  "}}')).toEqual({ mode: 'unset' });
  });

  const proxy = (more: string) =>
    `gateway: {trustedProxies: [10.0.0.2], auth: {mode: trusted-proxy, trustedProxy: {${more}}}}`;

  it('reads the proxy with lower-case header names', async () => {
    const found = await gateway(
      proxy('userHeader: X-Forwarded-User, requiredHeaders: [X-Proxy], allowUsers: [ann, bob]'),
    );
    expect(found).toEqual({
      mode: 'trusted-proxy',
      userHeader: 'x-forwarded-user',
      requiredHeaders: ['x-proxy'],
      allowUsers: ['ann', 'bob'],
      allowLoopback: false,
      localPassword: undefined,
    });
  });

  test.each([
    [
      'a token and a password without a mode',
      'gateway: {auth: {token: a, password: b}}',
      'gateway.auth.mode: a token and a password are configured, and nothing says which of them counts.',
    ],
    ['token without one', 'gateway: {auth: {mode: token}}', 'gateway.auth.mode: token needs a token.'],
    [
      'password without one',
      'gateway: {auth: {mode: password, token: t}}',
      'gateway.auth.mode: password needs a password.',
    ],
    [
      'an unknown mode',
      'gateway: {auth: {mode: open}}',
      'gateway.auth.mode: expected one of token, password, trusted-proxy, none.',
    ],
    [
      'a proxy without a user header',
      proxy(''),
      'gateway.auth.trustedProxy.userHeader: trusted-proxy needs the name of a header.',
    ],
    [
      'a required header that is none',
      proxy('userHeader: x-user, requiredHeaders: ["a b"]'),
      'gateway.auth.trustedProxy.requiredHeaders: trusted-proxy needs the name of a header.',
    ],
    [
      'a proxy mode without proxies',
      'gateway: {auth: {mode: trusted-proxy, trustedProxy: {userHeader: x-user}}}',
      'gateway.trustedProxies: trusted-proxy needs at least one address.',
    ],
    [
      'a name as proxy',
      'gateway: {trustedProxies: [proxy.local]}',
      'gateway.trustedProxies: "proxy.local" is no IP address and no range such as 10.0.0.0/8.',
    ],
    [
      'a range that is too long',
      'gateway: {trustedProxies: [10.0.0.0/33]}',
      'gateway.trustedProxies: "10.0.0.0/33" is no IP address and no range such as 10.0.0.0/8.',
    ],
    [
      'every address as proxy',
      'gateway: {trustedProxies: [0.0.0.0/0]}',
      'gateway.trustedProxies: "0.0.0.0/0" would trust every address.',
    ],
    [
      'a limit of nothing',
      'gateway: {auth: {rateLimit: {maxAttempts: 0}}}',
      'gateway.auth.rateLimit.maxAttempts: expected a whole number from 1 to 1000.',
    ],
  ])('prevents the start: %s', async (_, yaml, problem) => {
    expect(await refusals(yaml)).toEqual([problem]);
  });
});

describe('the rate limit', () => {
  it('has the documented defaults', async () => {
    const { settings } = await load('');
    expect(settings.api.auth.rateLimit).toEqual({
      maxAttempts: 10,
      windowMs: 60_000,
      lockoutMs: 300_000,
      exemptLoopback: true,
    });
  });
});

const keys = (entries: string) => `platforms: {api_server: {keys: [${entries}]}}`;

describe('more API keys', () => {
  it('have a name, a value, scopes, and are not the operator unless they say so', async () => {
    const yaml = keys(
      '{name: ci, key: ci-secret-0123456789, scopes: [chat, models]}, {name: me, key_env: MINE, scopes: "*", owner: true}',
    );
    const { settings, problems } = await load(yaml, { MINE: 'my-secret-0123456789' });
    expect(problems).toEqual([]);
    expect(settings.api.enabled).toBe(true);
    expect(settings.api.auth.keys).toEqual([
      { name: 'ci', key: 'ci-secret-0123456789', scopes: ['models', 'chat'], owner: false },
      { name: 'me', key: 'my-secret-0123456789', scopes: apiScopes, owner: true },
    ]);
  });

  it('stand in the documented places of the block', async () => {
    const entry = '{name: a, key: some-secret-0123456789, scopes: [chat]}';
    const { settings, problems } = await load(`gateway: {api_server: {keys: [${entry}]}}`);
    expect(problems).toEqual([]);
    expect(settings.api.auth.keys.map(({ name }) => name)).toEqual(['a']);
  });

  const good = 'key: some-secret-0123456789, scopes: [chat]';
  test.each([
    ['a name with spaces', `{name: my key, ${good}}`, 'expected a name of up to'],
    ['a name that could leave a folder', `{name: ../x, ${good}}`, 'expected a name of up to'],
    ['no name', `{${good}}`, 'expected a name of up to'],
    ['a name twice', `{name: a, ${good}}, {name: a, key: other, scopes: [chat]}`, 'the name a stands'],
    ['no value', '{name: a, scopes: [chat]}', 'the key a has no value.'],
    ['a blank value', '{name: a, key: " ", scopes: [chat]}', 'the key a has no value.'],
    [
      'a variable that is not set',
      '{name: a, key_env: NOWHERE, scopes: [chat]}',
      'the key a has no value; the variable NOWHERE is not set.',
    ],
    [
      'a value twice',
      `{name: a, ${good}}, {name: b, ${good}}`,
      'the value of b is also that of another key.',
    ],
    ['no scopes', '{name: a, key: some-secret-0123456789}', 'the key a needs scopes.'],
    [
      'an unknown scope',
      '{name: a, key: some-secret-0123456789, scopes: [chat, chta]}',
      'the key a needs scopes.',
    ],
    [
      'everything and more',
      '{name: a, key: some-secret-0123456789, scopes: ["*", chat]}',
      'the key a needs scopes.',
    ],
    ['an unknown field', `{name: a, ${good}, scope: chat}`, 'unknown field scope.'],
    ['an owner that is neither', `{name: a, ${good}, owner: perhaps}`, 'owner: expected true or false.'],
    ['text instead of entries', 'ci', 'expected a list of mappings.'],
  ])('prevent the start: %s', async (_, entries, message) => {
    expect((await refusals(keys(entries))).join()).toContain(message);
  });

  it('may not repeat the main key or the token', async () => {
    const yaml = keys('{name: a, key: same-secret-0123456789, scopes: [chat]}');
    for (const name of ['API_SERVER_KEY', 'OPENCLAW_GATEWAY_TOKEN', 'OPENCLAW_GATEWAY_PASSWORD']) {
      expect(await refusals(yaml, { [name]: 'same-secret-0123456789' })).toEqual([
        'platforms.api_server.keys.0: the value of a is also that of another key.',
      ]);
    }
  });

  it('are redacted everywhere, and their variables stay out of the tools’ environment', async () => {
    const env = { CI_ENTRY: 'value-of-the-ci-entry', OPENCLAW_GATEWAY_TOKEN: 'value-of-the-token' };
    const yaml = `${keys('{name: ci, key_env: CI_ENTRY, scopes: [chat]}, {name: b, key: value-of-key-b, scopes: [chat]}')}
terminal: {env_passthrough: [CI_ENTRY]}`;
    const { settings, sources } = await load(yaml, env);
    expect(settings.secrets).toEqual(
      expect.arrayContaining(['value-of-the-ci-entry', 'value-of-key-b', 'value-of-the-token']),
    );
    expect(JSON.stringify(settings.childEnv)).not.toMatch(/value-of-the/);
    const said = explain('platforms.api_server.keys', sources);
    expect(JSON.stringify(said)).not.toContain('value-of-key-b');
  });
});
