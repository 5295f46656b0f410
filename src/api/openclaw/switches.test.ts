import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { listModels } from '../models.ts';
import { apiDefaults, key, listenFake } from '../testing/open.ts';
import { agentsDefaults } from '../testing/tools.ts';

const authorised = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };

describe('an endpoint that is switched off', () => {
  test.each([
    ['chat', '/v1/chat/completions'],
    ['responses', '/v1/responses'],
    ['responses', '/v1/responses/compact'],
  ] as const)('OC-1: %s: a POST to %s is 404 and no JSON, with and without the key', async (off, path) => {
    const endpoints = { chat: true, responses: true, [off]: false };
    await using server = await listenFake({ agents: { endpoints } });
    for (const headers of [authorised, {}]) {
      const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: '{}' });
      expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
        404,
        'text/plain; charset=utf-8',
        'Not Found',
      ]);
    }
    const capabilities = (await (await server.get('/v1/capabilities')).json()) as {
      features: Record<string, unknown>;
    };
    expect(capabilities.features[off === 'chat' ? 'chat_completions' : 'responses_api']).toBe(false);
  });

  test('takes no WebSocket either', async () => {
    await using server = await listenFake({ agents: { endpoints: { chat: true, responses: false } } });
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/responses`, { headers: authorised });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toMatch(/404|hang up/);
  });
});

describe('an endpoint that is served', () => {
  test.each(['/v1/chat/completions', '/v1/responses', '/tools/invoke', '/v1/embeddings'])(
    'OC-2: GET %s is 405 and names POST, also without a key',
    async (path) => {
      await using server = await listenFake();
      const answer = await fetch(`${server.url}${path}`);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, expect.stringContaining('POST')]);
    },
  );
});

describe('the transport policy', () => {
  test.each([
    [undefined, 'max-age=31536000; includeSubDomains'],
    ['max-age=60', 'max-age=60'],
    [false, null],
  ] as const)('of %s is sent as %s', async (strictTransport, expected) => {
    await using server = await listenFake({ agents: { strictTransport } });
    const { headers } = await server.get('/health');
    expect(headers.get('strict-transport-security')).toBe(expected);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('the list of models', () => {
  test('says how much the configured model takes, when the configuration says it', () => {
    const first = (contextWindow: number | undefined) =>
      listModels({ api: apiDefaults, agents: agentsDefaults, isDemo: false, contextWindow }, 0)[0];
    expect(first(64_000)).toMatchObject({ id: 'hermes-agent', context_window: 64_000 });
    expect(first(undefined)).not.toHaveProperty('context_window');
  });
});

describe('what this server has not', () => {
  test('embeddings are refused in a way that says so', async () => {
    await using server = await listenFake();
    const answer = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: authorised,
      body: JSON.stringify({ model: 'openclaw', input: 'x' }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { type: 'invalid_request_error', code: 'embeddings_not_supported' } },
    ]);
  });

  test('the list of skills is empty, and toolsets are listed with what is in them', async () => {
    await using server = await listenFake();
    expect(await (await server.get('/v1/skills')).json()).toEqual({ object: 'list', data: [] });
    const { data } = (await (await server.get('/v1/toolsets')).json()) as {
      data: { name: string; enabled: boolean; configured: boolean; tools: string[] }[];
    };
    expect(data.find(({ name }) => name === 'file')).toMatchObject({
      enabled: true,
      configured: true,
      tools: ['read_file', 'write_file'],
    });
    expect(data.find(({ name }) => name === 'safe')).toMatchObject({ enabled: false, tools: [] });
  });
});
