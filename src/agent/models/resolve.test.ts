import { describe, expect, test } from 'vitest';
import type { Settings } from '../../config/settings.ts';
import { parseModelName } from './name.ts';
import { findProvider, providers } from './registry.ts';
import { type Endpoint, isLocal, keyless, resolveModel } from './resolve.ts';
import { modelSettings } from './testing.ts';

type Part = Pick<Settings, 'model' | 'providers'>;

function part(model: Partial<Settings['model']> = {}, named: Part['providers'] = {}): Part {
  return {
    model: modelSettings({ provider: 'auto', name: '', ...model }),
    providers: named,
  };
}

const local = {
  baseUrl: 'http://10.0.0.5:8000/v1',
  apiKey: 'local-key',
  apiMode: undefined,
  model: 'qwen',
  requestTimeoutMs: 5_000,
  staleTimeoutMs: undefined,
  extraBody: { top_k: 3 },
};

describe('choosing', () => {
  test('nothing configured gives the demo model', () => {
    expect(resolveModel(undefined, part(), {})).toEqual({ kind: 'demo' });
    expect(resolveModel(undefined, part({ provider: '' }), {})).toEqual({ kind: 'demo' });
  });

  test.each([
    ['a model without any key', part({ name: 'some/model' }), 'No inference provider configured'],
    ['a key without a provider', part({ apiKey: 'k' }), 'No inference provider configured'],
    ['a provider without its key', part({ provider: 'anthropic', name: 'c' }), 'ANTHROPIC_API_KEY'],
    ['an unknown provider', part({ provider: 'nonesuch' }), '`nonesuch` is not known'],
    ['custom without a base URL', part({ provider: 'custom', name: 'm' }), 'model.base_url'],
    [
      'a base URL that is none',
      part({ provider: 'custom', name: 'm', baseUrl: 'host:1' }),
      'not an http(s) URL',
    ],
    ['a named endpoint that is missing', part({ provider: 'custom:nope' }), 'providers.nope'],
    ['a provider with browser sign-in', part({ provider: 'codex', name: 'm' }), 'sign-in'],
    [
      'an unknown api_mode',
      part({ provider: 'custom', name: 'm', baseUrl: 'http://h/v1', apiMode: 'x' }),
      'api_mode',
    ],
  ])('configured but broken is NO_MODEL, never the demo: %s', (_case, settings, why) => {
    expect(() => resolveModel(undefined, settings, {})).toThrow(
      expect.objectContaining({ code: 'NO_MODEL', message: expect.stringContaining(why) }),
    );
  });

  test('auto takes OpenRouter first, then the first provider with a key, never Copilot or LM Studio', () => {
    const env = { OPENROUTER_API_KEY: 'or', ANTHROPIC_API_KEY: 'an' };
    expect(resolveModel(undefined, part({ name: 'm' }), env)).toMatchObject({
      provider: 'openrouter',
      apiKey: 'or',
    });
    expect(resolveModel(undefined, part({ name: 'm' }), { ANTHROPIC_API_KEY: 'an' })).toMatchObject({
      provider: 'anthropic',
      mode: 'anthropic',
    });
    expect(() =>
      resolveModel(undefined, part({ name: 'm' }), { GITHUB_TOKEN: 'g', LM_API_KEY: 'l' }),
    ).toThrow();
  });

  test('a base URL without a provider is a custom endpoint', () => {
    const settings = part({ name: 'm', baseUrl: 'http://127.0.0.1:9/v1/' });
    expect(resolveModel(undefined, settings, {})).toMatchObject({
      provider: 'custom',
      baseUrl: 'http://127.0.0.1:9/v1',
      apiKey: keyless,
      mode: 'chat',
    });
  });

  test('a named endpoint brings its key, model, time-outs and extra body', () => {
    expect(resolveModel({ provider: 'custom:local' }, part({ name: 'other' }, { local }), {})).toMatchObject({
      provider: 'custom:local',
      model: 'qwen',
      apiKey: 'local-key',
      requestTimeoutMs: 5_000,
      extraBody: { top_k: 3 },
    });
  });

  test('a custom name beats an alias but never a built-in id', () => {
    const named = { claude: local, anthropic: local };
    expect(resolveModel({ provider: 'claude' }, part({}, named), {})).toMatchObject({
      provider: 'custom:claude',
    });
    const env = { ANTHROPIC_API_KEY: 'an' };
    expect(resolveModel({ provider: 'anthropic' }, part({}, named), env)).toMatchObject({
      provider: 'anthropic',
    });
  });

  test.each([
    ['https://api.openai.com/v1', 'responses'],
    ['https://gateway.example/anthropic', 'anthropic'],
    ['https://api.kimi.com/coding', 'anthropic'],
    ['https://generativelanguage.googleapis.com/v1beta', 'google'],
    ['http://127.0.0.1:11434/v1', 'chat'],
  ])('the wire format of %s is %s', (baseUrl, mode) => {
    const settings = part({ provider: 'custom', name: 'm', baseUrl });
    expect((resolveModel(undefined, settings, {}) as Endpoint).mode).toBe(mode);
  });
});

test.each([
  [
    'a model at an address of its own',
    part({ provider: 'custom', name: 'anything', baseUrl: 'http://10.0.0.5:8000/v1' }),
    true,
  ],
  [
    'one that is said to be blind',
    part({ provider: 'custom', name: 'anything', baseUrl: 'http://10.0.0.5:8000/v1', supportsVision: false }),
    false,
  ],
  ['an unknown name at a vendor', part({ provider: 'openrouter', name: 'some/text-model' }), false],
  ['a known name at a vendor', part({ provider: 'openrouter', name: 'openai/gpt-4o' }), true],
])('images go to %s as they should', (_, configured, vision) => {
  expect(resolveModel(undefined, configured, { OPENROUTER_API_KEY: 'k' })).toMatchObject({ vision });
});

describe('key scoping', () => {
  const env = { OPENROUTER_API_KEY: 'or-key', OPENAI_API_KEY: 'oa-key', GROQ_API_KEY: 'groq-key' };
  const keyAt = (baseUrl: string, model: Partial<Settings['model']> = {}) =>
    (resolveModel({ baseUrl, model: 'm' }, part(model), env) as Endpoint).apiKey;

  test('the OpenRouter key is never sent to another host', () => {
    expect(keyAt('https://openrouter.ai/api/v1')).toBe('or-key');
    for (const host of [
      'https://openrouter.com/v1',
      'https://openrouter.ai.evil.example/v1',
      'http://10.0.0.1/v1',
    ]) {
      expect(keyAt(host)).toBe(keyless);
    }
    const moved = part({ provider: 'openrouter', name: 'm', baseUrl: 'https://proxy.example/v1' });
    expect(() => resolveModel(undefined, moved, env)).toThrow('no key for openrouter');
  });

  test('a vendor variable goes to hosts of that vendor', () => {
    expect(keyAt('https://api.groq.com/openai/v1')).toBe('groq-key');
    expect(keyAt('https://api.openai.com/v1')).toBe('oa-key');
  });

  test('model.api_key stays with the endpoint of the model block', () => {
    const model = { provider: 'custom', name: 'm', baseUrl: 'https://mine.example/v1', apiKey: 'mine' };
    expect(keyAt('https://mine.example/v1', model)).toBe('mine');
    expect(keyAt('https://other.example/v1', model)).toBe(keyless);
    const other = resolveModel({ provider: 'openai-api', model: 'm' }, part(model), env) as Endpoint;
    expect(other.apiKey).toBe('oa-key');
  });

  test('a base-URL variable moves its own provider, key included', () => {
    const moved = { ...env, OPENAI_BASE_URL: 'https://eu.example/v1' };
    expect(resolveModel({ provider: 'openai-api', model: 'm' }, part(), moved)).toMatchObject({
      baseUrl: 'https://eu.example/v1',
      apiKey: 'oa-key',
    });
  });
});

describe('names', () => {
  test.each([
    ['custom:local:qwen3:8b', { provider: 'custom:local', model: 'qwen3:8b' }],
    ['custom:qwen3:8b', { provider: 'custom', model: 'qwen3:8b' }],
    ['custom', { provider: 'custom' }],
    ['anthropic/claude-x:beta', { model: 'anthropic/claude-x:beta' }],
    ['qwen3.5:27b', { model: 'qwen3.5:27b' }],
    ['openrouter:anthropic/claude-x:beta', { provider: 'openrouter', model: 'anthropic/claude-x:beta' }],
    ['claude:claude-opus-4-6', { provider: 'claude', model: 'claude-opus-4-6' }],
  ])('%s', (text, expected) => {
    expect(parseModelName(text, new Set(['local']))).toEqual(expected);
  });

  test('ids and aliases of the registry are unique and keys lead to hosts', () => {
    const names = providers.flatMap((p) => [p.id, ...p.aliases]);
    expect(new Set(names).size).toBe(names.length);
    expect(findProvider('GLM')?.id).toBe('zai');
  });
});

test.each([
  ['http://localhost:1/v1', true],
  ['http://[::1]:1/v1', true],
  ['http://172.20.0.1/v1', true],
  ['http://100.100.1.1/v1', true],
  ['http://models.docker.internal/v1', true],
  ['http://172.32.0.1/v1', false],
  ['https://localhost.example/v1', false],
])('%s local: %s', (url, local) => {
  expect(isLocal(url)).toBe(local);
});
