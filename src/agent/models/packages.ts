/**
 * Opens the provider package of a wire format, loaded on first use only. Key and base URL are always passed: the
 * packages would otherwise look into the environment on their own and could send a key to a foreign host.
 */
import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { Mode } from './registry.ts';
import type { Endpoint } from './resolve.ts';
import type { Fetch } from './watch.ts';

/** Every wire format but chat completions, for which there is a client of our own. */
type PackagedMode = Exclude<Mode, 'chat'>;

export async function openLanguageModel(
  mode: PackagedMode,
  endpoint: Endpoint,
  fetch: Fetch,
): Promise<LanguageModelV4> {
  const { apiKey, model } = endpoint;
  switch (mode) {
    case 'responses': {
      const { createOpenAI } = await import('@ai-sdk/openai');
      return createOpenAI({ baseURL: endpoint.baseUrl, apiKey, fetch }).responses(model);
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      // Subscription tokens travel as a bearer, keys as x-api-key.
      const isToken = apiKey.startsWith('sk-ant-oat');
      const provider = createAnthropic({
        baseURL: /\/v1$/.test(endpoint.baseUrl) ? endpoint.baseUrl : `${endpoint.baseUrl}/v1`,
        fetch,
        ...(isToken ? { authToken: apiKey, headers: { 'anthropic-beta': 'oauth-2025-04-20' } } : { apiKey }),
      });
      // Ids of the marketplace kind: `anthropic/claude-opus-4.6` is `claude-opus-4-6` here.
      return provider(model.replace(/^anthropic\//, '').replaceAll('.', '-'));
    }
    case 'google': {
      const { createGoogle } = await import('@ai-sdk/google');
      return createGoogle({ baseURL: endpoint.baseUrl, apiKey, fetch })(model.replace(/^google\//, ''));
    }
    default:
      return mode satisfies never;
  }
}
