/** Several programs at one gateway, each with a key of its own: what they keep stays theirs, through crashes, too. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GatewayProcess } from '../gateway-process.ts';
import { serve } from './served.ts';

const keys = {
  site: 'key-of-the-site-0123456789',
  desk: 'key-of-the-desk-0123456789',
  monitor: 'key-of-the-monitor-0123456',
} as const;

const served = serve({
  yaml: () =>
    [
      'platforms:',
      '  api_server:',
      '    keys:',
      `      - {name: site, key: ${keys.site}, scopes: [chat, responses]}`,
      '      - {name: desk, key_env: DESK_ENTRY, scopes: ["*"]}',
      `      - {name: monitor, key: ${keys.monitor}, scopes: [health]}`,
      'gateway: {auth: {rateLimit: {maxAttempts: 2, exemptLoopback: false}}, trustedProxies: [127.0.0.1]}',
    ].join('\n'),
  env: { DESK_ENTRY: keys.desk },
});

/** As if the program were behind a proxy at that address, so that failures of one test mean nothing for others. */
async function ask(key: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${served.home.apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': '9.9.9.9', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    answer: (await response.json()) as Record<string, unknown>,
  };
}

const say = (key: string, content: string) =>
  ask(
    key,
    '/v1/chat/completions',
    { messages: [{ role: 'user', content }] },
    { 'x-hermes-session-id': 'shared' },
  );

describe('programs with keys of their own', () => {
  it('continue their own conversation under a session id that all of them use', async () => {
    const everybody = [served.home.apiKey, keys.site, keys.desk];
    for (const [i, key] of everybody.entries()) expect((await say(key, `secret ${i}`)).status).toBe(200);
    await served.restart('SIGKILL');
    for (const [i, key] of everybody.entries()) {
      expect((await say(key, 'and now?')).status).toBe(200);
      expect(served.shown().map(({ content }) => content)).toEqual([
        `secret ${i}`,
        `echo: secret ${i}`,
        'and now?',
      ]);
    }
  });

  it('keep their responses when their key changes, and nobody else reaches them', async () => {
    const { answer } = await ask(keys.site, '/v1/responses', { input: 'remember' });
    const item = `/v1/responses/${String(answer['id'])}`;
    const file = join(served.home.path, 'config.yaml');
    const renewed = 'new-key-of-the-site-0123456';
    writeFileSync(file, readFileSync(file, 'utf8').replace(keys.site, renewed));
    await served.restart('SIGTERM');
    expect((await ask(renewed, item)).status).toBe(200);
    expect((await ask(keys.desk, item)).status).toBe(404);
    expect((await ask(served.home.apiKey, item)).status).toBe(404);
    expect((await ask(keys.site, item)).status).toBe(401);
    writeFileSync(file, readFileSync(file, 'utf8').replace(renewed, keys.site));
    await served.restart('SIGTERM');
  });

  it('get as far as their scopes', async () => {
    expect((await ask(keys.monitor, '/health/detailed')).status).toBe(200);
    const refused = await ask(keys.monitor, '/v1/chat/completions', { messages: [] });
    expect(refused.status).toBe(403);
    expect(refused.answer).toMatchObject({ error: { code: 'insufficient_scope' } });
    expect((await ask(keys.site, '/health/detailed')).status).toBe(403);
  });
});

describe('a guesser', () => {
  it('is locked out behind its proxy while others go on, and no secret reaches a log', async () => {
    const from = (address: string, key: string) =>
      ask(key, '/v1/models', undefined, { 'x-forwarded-for': address });
    expect((await from('6.6.6.6', 'guess-one-0123456789')).status).toBe(401);
    expect((await from('6.6.6.6', 'guess-two-0123456789')).status).toBe(401);
    const locked = await from('6.6.6.6', served.home.apiKey);
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(290);
    expect((await from('7.7.7.7', served.home.apiKey)).status).toBe(200);
    const folder = join(served.home.path, 'logs');
    const logs = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const written = `${logs.join('\n')}${served.gateway.output}`;
    expect(written).toContain('the address is locked out');
    for (const secret of [...Object.values(keys), served.home.apiKey, 'guess-one-0123456789']) {
      expect(written).not.toContain(secret);
    }
  });
});

it('does not start when a token and a password are configured and nothing says which counts', async () => {
  const env = {
    ...served.home.env,
    OPENCLAW_GATEWAY_TOKEN: 'a'.repeat(32),
    OPENCLAW_GATEWAY_PASSWORD: 'b'.repeat(32),
  };
  const second = new GatewayProcess({ ...served.home, env });
  expect(await second.exited).toBe(78);
  expect(second.output).toContain('nothing says which of them counts');
  expect(second.output).not.toContain('aaaa');
});
