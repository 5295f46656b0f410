/**
 * Opens the provider package of a wire format, loaded on first use only. Key and base URL are always passed: the
 * packages would otherwise look into the environment on their own and could send a key to a foreign host.
 */
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { chatBody, collectsReasoningDetails, reasoningDetails } from './quirks.ts';
import type { Endpoint } from './resolve.ts';
import type { Fetch } from './watch.ts';

/** Name under which the chat package reads and writes provider options. */
export const chatName = 'hermes';

export async function openLanguageModel(endpoint: Endpoint, fetch: Fetch): Promise<LanguageModelV4> {
  const { apiKey, model } = endpoint;
  switch (endpoint.mode) {
    case 'chat': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      const provider = createOpenAICompatible({
        name: chatName,
        baseURL: endpoint.baseUrl,
        apiKey,
        fetch,
        includeUsage: true,
        // Endpoints that know no schemas refuse them, and are then asked in words.
        supportsStructuredOutputs: true,
        transformRequestBody: (body) => chatBody(body, endpoint),
        ...(collectsReasoningDetails(endpoint.baseUrl) && { metadataExtractor: reasoningDetails }),
      });
      return provider(model);
    }
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
      return endpoint.mode satisfies never;
  }
}
