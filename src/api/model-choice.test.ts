import { describe, expect, test } from 'vitest';
import type { ModelRoute } from '../config/settings.ts';
import { chooseModel, type ModelFields } from './model-choice.ts';

const route = (fields: Partial<ModelRoute> & { model: string }): ModelRoute => ({
  provider: undefined,
  apiKey: undefined,
  baseUrl: undefined,
  ...fields,
});
const rules = {
  modelName: 'hermes-agent',
  directModelRequests: false,
  modelRoutes: {
    fast: route({ model: 'x/y', provider: 'openrouter' }),
    own: route({ model: 'z', apiKey: 'secret', baseUrl: 'http://up' }),
    open: route({ model: 'w' }),
  },
};

const table: [string, ModelFields, unknown][] = [
  ['nothing means the configured model', {}, undefined],
  ['the advertised name means the configured model', { model: 'hermes-agent' }, undefined],
  ['an unknown name means the configured model', { model: 'gpt-4o' }, undefined],
  ['a property of every object is no alias', { model: 'constructor' }, undefined],
  ['an alias selects its route', { model: ' fast ' }, { model: 'x/y', provider: 'openrouter' }],
  [
    'an alias brings its own credential',
    { model: 'own' },
    { model: 'z', baseUrl: 'http://up', apiKey: 'secret' },
  ],
  [
    'an alias may be asked with its own provider',
    { model: 'fast', provider: 'openrouter' },
    { model: 'x/y', provider: 'openrouter' },
  ],
  [
    'an open alias takes the provider asked for',
    { model: 'open', provider: 'p' },
    { model: 'w', provider: 'p' },
  ],
  [
    'with a provider any model is honoured',
    { model: 'gpt-4o', provider: 'openai' },
    { model: 'gpt-4o', provider: 'openai' },
  ],
  [
    'the advertised name with a provider is that provider’s default',
    { model: 'hermes-agent', provider: 'openai' },
    { provider: 'openai' },
  ],
  ['reasoning_effort', { model_options: { reasoning_effort: ' High ' } }, { reasoningEffort: 'high' }],
  ['reasoning.effort', { model_options: { reasoning: { effort: 'xhigh' } } }, { reasoningEffort: 'xhigh' }],
  [
    'reasoning.enabled false',
    { model_options: { reasoning: { enabled: false, effort: 'high' } } },
    { reasoningEffort: 'none' },
  ],
  ['OpenAI’s own field', { reasoning_effort: 'low' }, { reasoningEffort: 'low' }],
  ['an unknown effort is ignored', { model_options: { reasoning_effort: 'heroic' } }, undefined],
  ['options that are no object are ignored', { model_options: 'fast' }, undefined],
];

describe('the model of a request', () => {
  test.each(table)('%s', (_, fields, choice) => expect(chooseModel(fields, rules)).toEqual(choice));

  test('a bare name is honoured when direct requests are allowed', () => {
    expect(chooseModel({ model: 'gpt-4o' }, { ...rules, directModelRequests: true })).toEqual({
      model: 'gpt-4o',
    });
  });

  test('conflicts with a pinned route are refused', () => {
    expect(() => chooseModel({ model: 'fast', provider: 'openai' }, rules)).toThrow(
      "Model route 'fast' is pinned to provider 'openrouter'. Remove 'provider' or use 'openrouter'.",
    );
    expect(() => chooseModel({ model: 'own', provider: 'openai' }, rules)).toThrow(
      "Model route 'own' pins route credentials/base_url. Do not combine it with an explicit 'provider'.",
    );
  });
});
