/** Models and their providers. */
import { anything, decimal, entries, flag, mapping, seconds, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const modelKeys = {
  'model.default': key(text(), '', 'Model id; empty = not configured.', {
    env: 'HERMES_INFERENCE_MODEL',
    also: ['model', 'model.model'],
    field: 'model.name',
  }),
  'model.provider': key(text(), 'auto', 'Provider id, alias, `custom`, `custom:<name>`, `auto` or `demo`.', {
    field: 'model.provider',
  }),
  'model.base_url': unset(text(), 'Endpoint of a custom provider.', { field: 'model.baseUrl' }),
  'model.api_key': unset(text(), 'Key for `model.base_url`.', { secret: true, field: 'model.apiKey' }),
  'model.api_mode': unset(text(), 'Wire format of the endpoint.', { field: 'model.apiMode' }),
  'model.context_length': unset(
    whole({ min: 1 }),
    'Context window in tokens, beats what is known of the model.',
    {
      field: 'model.contextLength',
    },
  ),
  'model.max_tokens': unset(whole({ min: 1 }), 'Cap of output tokens per call.', {
    field: 'model.maxTokens',
  }),
  'model.supports_vision': unset(flag(), 'Send images natively.', { field: 'model.supportsVision' }),
  'model.openai_runtime': key(text(), 'auto', 'Runtime for OpenAI models.'),
  'model.persist_switch_by_default': key(flag(), false, 'Whether `/model` changes the configuration.'),
  model_aliases: unset(mapping(), 'Short names for provider and model.'),
  'providers.*.base_url': unset(text(), 'Endpoint.', {
    also: ['providers.*.url', 'providers.*.api', 'providers.*.baseUrl'],
    field: 'providers.*.baseUrl',
  }),
  'providers.*.api_key': unset(text(), 'Key of the endpoint.', {
    also: ['providers.*.apiKey'],
    secret: true,
    field: 'providers.*.apiKey',
  }),
  'providers.*.key_env': unset(text(), 'Variable that holds the key.', {
    also: ['providers.*.api_key_env', 'providers.*.apiKeyEnv', 'providers.*.keyEnv'],
    field: 'providers.*.apiKey',
  }),
  'providers.*.api_mode': unset(text(), 'Wire format.', {
    also: ['providers.*.transport', 'providers.*.apiMode'],
    field: 'providers.*.apiMode',
  }),
  'providers.*.model': unset(text(), 'Default model.', {
    also: ['providers.*.default_model', 'providers.*.defaultModel'],
    field: 'providers.*.model',
  }),
  'providers.*.request_timeout_seconds': unset(seconds(), 'Longest wait for a response.', {
    field: 'providers.*.requestTimeoutMs',
  }),
  'providers.*.stale_timeout_seconds': unset(seconds(), 'Longest silence inside a stream.', {
    field: 'providers.*.staleTimeoutMs',
  }),
  'providers.*.extra_body': unset(mapping(), 'Fields merged into every request body.', {
    field: 'providers.*.extraBody',
  }),
  'providers.*.name': unset(text(), 'Shown name.'),
  'providers.*.models': unset(anything(), 'Models of the endpoint, list or mapping.'),
  'providers.*.context_length': unset(whole({ min: 1 }), 'Context window of its models.', {
    also: ['providers.*.contextLength'],
  }),
  'providers.*.rate_limit_delay': unset(decimal(), 'Seconds between calls.', {
    also: ['providers.*.rateLimitDelay'],
  }),
  'providers.*.discover_models': unset(flag(), 'Ask the endpoint for its models.'),
  custom_providers: unset(entries(), 'Older list form of `providers`.', { field: 'providers' }),
  fallback_providers: unset(entries(), 'Models tried in order when the first one fails.', {
    also: ['fallback_model'],
    field: 'fallback',
  }),
} as const;
