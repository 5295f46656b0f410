import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Manifest } from '../core/manifest.ts';
import { explain } from './explain.ts';
import { loadSettings } from './load.ts';
import type { PlatformSpec } from './platforms.ts';
import { describeProblem, preventsStart } from './problem.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

function load(env: Record<string, string> = {}, platforms: readonly PlatformSpec[] = []) {
  return loadSettings({ env: { HOME: '/home/me', ...env }, home: home.path, platforms });
}

describe('precedence', () => {
  it('.env beats the inherited environment, also by emptying a variable', async () => {
    home.write('.env', 'API_SERVER_MODEL_NAME=from-file\nAPI_SERVER_KEY=\n');
    const { settings } = await load({ API_SERVER_MODEL_NAME: 'inherited', API_SERVER_KEY: 'inherited-key' });
    expect(settings.api.modelName).toBe('from-file');
    expect(settings.api.key).toBeUndefined();
    expect(settings.api.enabled).toBe(false);
  });

  it('the environment beats config.yaml, config.yaml beats gateway.json', async () => {
    home.write('gateway.json', '{"session_reset": {"at_hour": 1}, "group_sessions_per_user": false}');
    home.write('config.yaml', 'session_reset: {at_hour: 2, idle_minutes: 5}\n');
    const { settings } = await load({ SESSION_IDLE_MINUTES: '6' });
    expect(settings.sessions.reset).toEqual({ mode: 'both', atHour: 2, idleMs: 360_000 });
    expect(settings.sessions.groupPerUser).toBe(false);
  });

  it('a bridged key of config.yaml beats its variable, even one of .env', async () => {
    home.write('.env', 'HERMES_AGENT_TIMEOUT=60\n');
    home.write('config.yaml', 'agent:\n  gateway_timeout: 120\n');
    const { settings, sources } = await load();
    expect(settings.agent.inactivityMs).toBe(120_000);
    expect(explain('agent.gateway_timeout', sources)).toMatchObject({
      value: '120',
      source: `${home.path}/config.yaml:2 (agent.gateway_timeout)`,
      lost: [{ value: '60', source: `${home.path}/.env:1 (HERMES_AGENT_TIMEOUT)` }],
    });
  });

  it('a value of the wrong type is skipped and the next place counts', async () => {
    home.write('config.yaml', 'platforms: {api_server: {port: 9000}}\n');
    const { settings, problems } = await load({ API_SERVER_PORT: 'eighty' });
    expect(settings.api.port).toBe(9000);
    expect(problems).toMatchObject([{ severity: 'warning', path: 'API_SERVER_PORT' }]);
  });
});

/** A reference to a variable, as it is written in the file. */
const of = (name: string) => `$\{${name}}`;

describe('values', () => {
  it('substitutes a variable in braces, leaves unset ones literal and does not expand one without braces', async () => {
    home.write('.env', 'MODEL_HOST=example.org\n');
    home.write(
      'config.yaml',
      `model:\n  base_url: "https://${of('MODEL_HOST')}/v1"\n  default: "$MODEL_HOST-${of('NOT_SET')}"\n`,
    );
    const { settings } = await load();
    expect(settings.model.baseUrl).toBe('https://example.org/v1');
    expect(settings.model.name).toBe(`$MODEL_HOST-${of('NOT_SET')}`);
  });

  it('reads bare off and on in mode keys as words', async () => {
    home.write(
      'config.yaml',
      'approvals: {mode: off}\nsession_reset: {mode: false}\nsecurity: {redact_secrets: no}\n',
    );
    const { settings } = await load();
    expect(settings.approvals.mode).toBe('off');
    expect(settings.sessions.reset.mode).toBe('none');
    expect(settings.security.redactSecrets).toBe(false);
  });

  it('keeps every digit of ids and the plus of phone numbers', async () => {
    home.write('config.yaml', 'command_allowlist: [123456789012345678901, +15551234567, 007, 42]\n');
    const { settings } = await load();
    expect(settings.approvals.commandAllowlist).toEqual([
      '123456789012345678901',
      '+15551234567',
      '007',
      '42',
    ]);
  });

  it('takes the model as a bare name or as a mapping', async () => {
    home.write('config.yaml', 'model: a/b\n');
    expect((await load()).settings.model.name).toBe('a/b');
    home.write('config.yaml', 'model: {model: c/d, provider: openrouter}\n');
    expect((await load()).settings.model).toMatchObject({ name: 'c/d', provider: 'openrouter' });
  });

  it('reads the API block from all four places, the strongest last', async () => {
    home.write(
      'config.yaml',
      'gateway:\n  api_server: {port: 1, host: ::1}\nplatforms: {api_server: {extra: {port: 2}}}\n',
    );
    const { settings } = await load();
    expect(settings.api).toMatchObject({ port: 2, host: '::1' });
  });

  it('reads providers in both forms and keys from variables', async () => {
    home.write(
      'config.yaml',
      [
        'custom_providers:',
        '  - {name: old, url: "http://127.0.0.1:1", api_key_env: OLD_KEY}',
        'providers:',
        '  new: {baseUrl: "http://127.0.0.1:2", request_timeout_seconds: 3}',
        '  broken: {base_url: nowhere}',
        'fallback_model: {provider: openrouter, model: x}',
      ].join('\n'),
    );
    const { settings, problems } = await load({ OLD_KEY: 'old-secret-value' });
    expect(settings.providers['old']).toMatchObject({
      baseUrl: 'http://127.0.0.1:1',
      apiKey: 'old-secret-value',
    });
    expect(settings.providers['new']).toMatchObject({
      baseUrl: 'http://127.0.0.1:2',
      requestTimeoutMs: 3000,
    });
    expect(settings.providers).not.toHaveProperty('broken');
    expect(problems).toMatchObject([{ path: 'providers.broken.base_url', line: 5 }]);
    expect(settings.fallback).toMatchObject([{ provider: 'openrouter', model: 'x' }]);
  });
});

describe('a configuration nobody can understand', () => {
  it.each([
    ['broken YAML', 'model: [a\nb: c\n', /config\.yaml:\d+:\d+/],
    ['a list instead of a mapping', '- a\n', /config\.yaml:1:1/],
    ['aliases that grow without end', bomb(), /aliases/],
    ['bytes that are no text', Buffer.from([0x61, 0x3a, 0xff, 0xfe]), /UTF-8/],
  ])('prevents the start: %s', async (_what, text, place) => {
    home.write('config.yaml', text);
    await expect(load()).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringMatching(place),
    });
  });

  it.skipIf(process.getuid?.() === 0)('prevents the start when the file may not be read', async () => {
    chmodSync(home.write('config.yaml', 'model: a\n'), 0);
    await expect(load()).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  it('reports a security key that cannot be read as an error that prevents the start', async () => {
    home.write('config.yaml', 'approvals:\n  mode: sometimes\n');
    const { settings, problems } = await load({ GATEWAY_ALLOW_ALL_USERS: 'perhaps' });
    expect(problems.filter(preventsStart).map(({ path }) => path)).toEqual(
      expect.arrayContaining(['approvals.mode', 'GATEWAY_ALLOW_ALL_USERS']),
    );
    expect(settings.approvals.mode).toBe('manual');
    expect(settings.access.allowAll).toBe(false);
  });
});

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, index) => `l${index + 1}: &l${index + 1} [${`*l${index}, `.repeat(9)}x]`,
  );
  return ['l0: &l0 [x]', ...levels].join('\n');
}

it('names the nearest key, or the place where a key belongs', async () => {
  home.write('config.yaml', 'agent:\n  max_turn: 5\nat_hour: 3\ntelegram: {anything: 1}\n');
  const { problems } = await load();
  expect(problems.map(describeProblem)).toEqual([
    `${home.path}/config.yaml:2:3: agent.max_turn: unknown key, it has no effect. Did you mean \`agent.max_turns\`?`,
    `${home.path}/config.yaml:3:1: at_hour: unknown key, it has no effect. It belongs to \`session_reset.at_hour\`.`,
  ]);
});

it('warns of a key that is written twice', async () => {
  home.write('config.yaml', 'timezone: UTC\ntimezone: Europe/Berlin\n');
  const { settings, problems } = await load();
  expect(settings.timezone).toBe('Europe/Berlin');
  expect(problems).toMatchObject([{ path: 'timezone', line: 2 }]);
});

describe('secrets', () => {
  it('are collected from variables, files and addresses', async () => {
    home.write('.env', 'GROQ_API_KEY=gsk-1234567890\nPLAIN=visible-value\nSHORT_TOKEN=abc\n');
    home.write(
      'config.yaml',
      'model: {api_key: yaml-secret-1}\nmcp_servers: {x: {env: {X_TOKEN: nested-secret}}}\n',
    );
    const { settings } = await load({ HERMES_DATABASE_URL: 'postgres://me:database-pass@db/x' });
    for (const secret of ['gsk-1234567890', 'yaml-secret-1', 'nested-secret', 'database-pass'])
      expect(settings.secrets).toContain(secret);
    expect(settings.secrets).not.toContain('visible-value');
    expect(settings.secrets).not.toContain('abc');
  });

  it('never reach tool children, and a provider key cannot be passed through', async () => {
    home.write('config.yaml', 'terminal: {env_passthrough: [MY_TOKEN, OPENAI_API_KEY]}\n');
    const { settings } = await load({
      PATH: '/bin',
      MY_TOKEN: 'mine',
      OTHER_TOKEN: 'other',
      OPENAI_API_KEY: 'sk-1',
      OPENROUTER_API_KEY: 'sk-2',
      TELEGRAM_ALLOWED_USERS: '1',
      GATEWAY_ALLOWED_USERS: '1',
      HASS_URL: 'http://ha',
      DATABASE_URL: 'postgres://u:p@h/d',
      AWS_SECRET_ACCESS_KEY: 'aws',
    });
    expect(settings.childEnv).toEqual({
      HOME: '/home/me',
      PATH: '/bin',
      MY_TOKEN: 'mine',
      _HERMES_GATEWAY: '1',
      HERMES_EXEC_ASK: '1',
      HERMES_QUIET: '1',
    });
    expect(Object.keys(settings.providerEnv).sort()).toEqual([
      'AWS_SECRET_ACCESS_KEY',
      'OPENAI_API_KEY',
      'OPENROUTER_API_KEY',
    ]);
  });

  it('are masked when a key is explained', async () => {
    const { sources } = await load({ API_SERVER_KEY: 'a-very-long-secret-key' });
    expect(explain('API_SERVER_KEY', sources).value).toBe('a-very...-key');
  });
});

describe('platform blocks', () => {
  const manifest = {
    name: 'telegram',
    title: 'Telegram',
    secrets: ['token'],
    env: {
      enabledBy: ['TELEGRAM_BOT_TOKEN'],
      allowedUsers: 'TELEGRAM_ALLOWED_USERS',
      allowAll: 'TELEGRAM_ALLOW_ALL_USERS',
      home: 'TELEGRAM_HOME_CHANNEL',
    },
  } as unknown as Manifest;
  const spec: PlatformSpec = {
    manifest,
    config: async () => ({
      env: { TELEGRAM_BOT_TOKEN: 'token', TELEGRAM_PROXY: 'net.proxy' },
      schema: z.object({ token: z.string(), polls: z.number().optional() }),
    }),
  };

  it('are merged from all places, the environment last', async () => {
    home.write('gateway.json', '{"platforms": {"telegram": {"extra": {"a": 1, "b": 1, "c": 1, "d": 1}}}}');
    home.write(
      'config.yaml',
      [
        'gateway: {platforms: {telegram: {b: 2, c: 2, d: 2}}}',
        'platforms: {telegram: {enabled: true, token: yaml-token, c: 3, extra: {d: 3}}}',
        'telegram: {d: 4, allow_from: [1, "2"]}',
      ].join('\n'),
    );
    const { settings } = await load({ TELEGRAM_BOT_TOKEN: 'env-token', TELEGRAM_PROXY: 'http://p' }, [spec]);
    expect(settings.platforms['telegram']).toMatchObject({
      values: { a: 1, b: 2, c: 3, d: 4, token: 'env-token', net: { proxy: 'http://p' } },
      access: { allowedUsers: ['1', '2'], allowAll: false },
      replyToMode: 'first',
      onUnknown: 'repeat',
    });
    expect(settings.platforms['telegram']?.values).not.toHaveProperty('enabled');
  });

  it('stay off with enabled: false, whatever the environment holds', async () => {
    home.write('config.yaml', 'platforms: {telegram: {enabled: false}}\n');
    const { settings, problems } = await load({ TELEGRAM_BOT_TOKEN: '123:abc' }, [spec]);
    expect(settings.platforms).toEqual({});
    expect(problems).toEqual([]);
  });

  it.each(['changeme', 'abc', 'None'])(
    'stay off with the placeholder token %s, and only they',
    async (token) => {
      const { settings, problems } = await load({ TELEGRAM_BOT_TOKEN: token }, [spec]);
      expect(settings.platforms).toEqual({});
      expect(problems).toMatchObject([
        { severity: 'error', platform: 'telegram', path: 'TELEGRAM_BOT_TOKEN' },
      ]);
      expect(problems.some(preventsStart)).toBe(false);
    },
  );

  it('stay off when the allow-list cannot be read', async () => {
    home.write('config.yaml', 'telegram: {enabled: true, token: "1:aaaa", allow_from: {a: 1}}\n');
    const { settings, problems } = await load({}, [spec]);
    expect(settings.platforms).toEqual({});
    expect(problems).toMatchObject([{ severity: 'error', platform: 'telegram', line: 1 }]);
  });

  it('report what the platform itself refuses, with the line', async () => {
    home.write('config.yaml', 'telegram:\n  enabled: true\n  token: "1:aaaa"\n  polls: many\n');
    const { problems } = await load({}, [spec]);
    expect(problems).toMatchObject([
      { severity: 'error', platform: 'telegram', path: 'telegram.polls', line: 4 },
    ]);
  });

  it('say when a token is written but the platform is not switched on', async () => {
    home.write('config.yaml', 'telegram: {token: "1:aaaa"}\n');
    const { settings, problems } = await load({}, [spec]);
    expect(settings.platforms).toEqual({});
    expect(problems).toMatchObject([{ severity: 'warning', path: 'telegram.token' }]);
  });

  it('take the home channel from the environment or the block', async () => {
    home.write('config.yaml', 'telegram: {home_channel: {chat_id: -100123, thread_id: 7}}\n');
    const token = { TELEGRAM_BOT_TOKEN: '123:abc' };
    expect((await load(token, [spec])).settings.platforms['telegram']?.home).toEqual({
      chat: '-100123',
      name: 'Home',
      thread: '7',
    });
    const fromEnv = await load({ ...token, TELEGRAM_HOME_CHANNEL: '5', TELEGRAM_HOME_CHANNEL_NAME: 'Den' }, [
      spec,
    ]);
    expect(fromEnv.settings.platforms['telegram']?.home).toEqual({
      chat: '5',
      name: 'Den',
      thread: undefined,
    });
  });
});
