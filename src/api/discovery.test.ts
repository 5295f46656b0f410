import { describe, expect, test } from 'vitest';
import { capabilitiesAnswer } from './capabilities.ts';
import type { GatewayHealth } from './health.ts';
import { detailedAnswer, detailedHealth } from './health.ts';
import { modelList } from './models.ts';
import { healthy, key, type OpenOptions, openFake } from './testing/open.ts';

async function ask(path: string, options: OpenOptions = {}) {
  const { api } = await openFake(options);
  const reply = await api.inject({
    url: path,
    headers: { authorization: `Bearer ${key}`, host: 'localhost' },
  });
  await api.close();
  return reply.json();
}

describe('102. /v1/models', () => {
  test('lists the advertised name, then the aliases with their real model, then the agents', async () => {
    const list = modelList.parse(
      await ask('/v1/models', {
        api: {
          modelName: 'my-profile',
          modelRoutes: {
            fast: { model: 'x/y', provider: undefined, apiKey: 'upstream-secret', baseUrl: undefined },
          },
        },
      }),
    );
    expect(list.data.map(({ id, root, parent }) => [id, root, parent])).toEqual([
      ['my-profile', 'my-profile', null],
      ['fast', 'x/y', 'my-profile'],
      ['openclaw', 'openclaw', null],
      ['openclaw/default', 'openclaw/default', null],
      ['openclaw/main', 'openclaw/main', null],
    ]);
    expect(JSON.stringify(list)).not.toContain('upstream-secret');
  });

  test('says when the demo model answers', async () => {
    expect((await ask('/v1/models', { isDemo: true })).data[0].demo).toBe(true);
    expect((await ask('/v1/models')).data[0]).not.toHaveProperty('demo');
  });
});

describe('103. /v1/capabilities', () => {
  test('advertises only endpoints that exist', async () => {
    const { api } = await openFake();
    const headers = { authorization: `Bearer ${key}` };
    const answer = capabilitiesAnswer.parse((await api.inject({ url: '/v1/capabilities', headers })).json());
    expect(Object.keys(answer.endpoints)).toEqual(
      expect.arrayContaining(['health', 'health_detailed', 'models', 'chat_completions']),
    );
    for (const { method, path } of Object.values(answer.endpoints)) {
      const url = path.replace('{id}', 'hermes-agent');
      const reply = await api.inject({ method: method as 'GET', url, headers });
      if (reply.headers['content-type']?.startsWith('text/html')) continue;
      // An unknown object is no unknown route.
      expect(['not_found', 'method_not_allowed']).not.toContain(reply.json().error?.code);
    }
    expect(answer.features).toMatchObject({
      chat_completions: true,
      chat_completions_streaming: true,
      responses_api: true,
      responses_streaming: true,
      run_submission: true,
      run_steer: true,
      runs_idempotency: { supported: true, durable: true, retention_seconds: 86_400 },
      session_continuity_header: 'X-Hermes-Session-Id',
      cors: false,
    });
    await api.close();
  });

  test('follows the configuration', async () => {
    const keyless = await ask('/v1/capabilities', { api: { key: undefined } });
    expect([keyless.auth.required, keyless.features.session_continuity_header]).toEqual([false, false]);
    const other = await ask('/v1/capabilities', {
      api: { corsOrigins: ['http://x'], showReasoning: true, toolProgressEvents: false },
    });
    expect(other.auth.required).toBe(true);
    expect(other.features).toMatchObject({
      cors: true,
      reasoning_streaming: true,
      tool_progress_events: false,
    });
  });
});

describe('/health/detailed', () => {
  const leaky: GatewayHealth = {
    ...healthy,
    state: 'degraded',
    exitReason: 'cannot open /home/u/.hermes/gateway.db',
    platforms: {
      telegram: { state: 'down', code: 'auth' },
      slack: { state: 'sh -c "rm -rf /"', code: 'token xoxb-123 refused' },
    },
    checks: {
      disk: { status: 'degraded', detail: 'disk_full', numbers: { used_percent: 91.5, free_bytes: 12 } },
      state_db: { status: 'ok', detail: '/home/u/.hermes/gateway.db' },
    },
    oldestUndeliveredPartMs: 1_500,
    startedAt: 1_709_999_000_000,
    updatedAt: 1_710_000_000_000,
    deliveries: { sent: 12, dead: 1, maybeDoubled: 2, maybeLost: 0 },
  };

  test('106. lets codes and numbers through, but no path, key or command', async () => {
    const answer = detailedAnswer.parse(await ask('/health/detailed', { health: leaky }));
    expect(answer).toMatchObject({
      status: 'degraded',
      gateway_state: 'degraded',
      exit_reason: 'unspecified',
      updated_at: '2024-03-09T16:00:00.000Z',
      started_at: '2024-03-09T15:43:20.000Z',
      model: { name: 'configured-model', provider: 'scripted', demo: false },
      deliveries: { sent: 12, dead: 1, maybe_doubled: 2, maybe_lost: 0 },
      oldest_undelivered_part_ms: 1_500,
      oldest_unanswered_inbound_ms: null,
      platforms: {
        telegram: { state: 'down', code: 'auth' },
        slack: { state: 'unspecified', code: 'unspecified' },
      },
      readiness: { checks: { disk: { status: 'degraded', detail: 'disk_full', used_percent: 91.5 } } },
    });
    expect(JSON.stringify(answer)).not.toMatch(/\/home|xoxb|rm -rf|test-key/);
  });

  test('names a model that was loaded from a file without its folder', () => {
    const named = (name: string) =>
      detailedHealth(healthy, {
        version: '1',
        model: { name, provider: 'custom', isDemo: false },
        activeRuns: 0,
        maxRuns: 1,
      }).model.name;
    expect(
      ['/home/u/llama.gguf', 'C:\\models\\llama.gguf', './llama.gguf', 'meta/llama-4'].map(named),
    ).toEqual(['llama.gguf', 'llama.gguf', 'llama.gguf', 'meta/llama-4']);
  });

  test('needs the key when one is configured and is open otherwise', async () => {
    const closed = await openFake();
    expect((await closed.api.inject('/health/detailed')).statusCode).toBe(401);
    await closed.api.close();
    const open = await openFake({ api: { key: undefined } });
    expect(
      (await open.api.inject({ url: '/health/detailed', headers: { host: 'localhost' } })).statusCode,
    ).toBe(200);
    await open.api.close();
  });
});

test('/openapi.json describes every route with its answer, its errors and the stream', async () => {
  const document = await ask('/openapi.json');
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual([
    '/health',
    '/v1/health',
    '/health/detailed',
    '/v1/models',
    '/v1/models/{id}',
    '/v1/toolsets',
    '/v1/skills',
    '/v1/capabilities',
    '/openapi.json',
    '/v1/chat/completions',
    '/v1/responses',
    '/v1/responses/input_tokens',
    '/v1/responses/compact',
    '/v1/responses/{id}',
    '/v1/responses/{id}/cancel',
    '/v1/responses/{id}/input_items',
    '/v1/runs',
    '/v1/runs/{id}',
    '/v1/runs/{id}/events',
    '/v1/runs/{id}/stop',
    '/v1/runs/{id}/approval',
    '/v1/runs/{id}/steer',
    '/tools/invoke',
    '/v1/embeddings',
    '/',
    '/page/{file}',
    '/__openclaw/control-ui-config.json',
  ]);
  const chat = document.paths['/v1/chat/completions'].post;
  expect(chat.security).toEqual([{ bearer: ['chat'] }]);
  expect(chat.requestBody.content['application/json'].schema).toMatchObject({
    required: ['messages'],
    properties: { stream: { type: 'boolean' }, n: { description: 'Only 1 is supported.' } },
  });
  expect(Object.keys(chat.responses)).toEqual(
    expect.arrayContaining(['200', '400', '401', '403', '413', '429', '500', '502', '503']),
  );
  expect(chat.responses[200].content['text/event-stream'].schema.contentSchema.required).toContain('choices');
  expect(document.components.schemas.Error.properties.error.required).toEqual([
    'message',
    'type',
    'param',
    'code',
  ]);
});
