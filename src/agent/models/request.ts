/** One `ModelCall` → the options of a language-model call, and the timers that guard it. */
import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { textOf } from '../../core/message.ts';
import type { ModelCall } from '../contract.ts';
import { toPrompt } from './convert.ts';
import { chatName, echoesReasoning } from './quirks.ts';
import { type Endpoint, isLocal } from './resolve.ts';
import type { Timeouts } from './watch.ts';
import { formatOf, toolChoiceOf, wireOptions } from './wishes.ts';

export function callOptions(
  call: ModelCall,
  endpoint: Endpoint,
  issuer: string,
  signal: AbortSignal,
): LanguageModelV4CallOptions {
  const sampling = call.sampling ?? {};
  const maxOutputTokens = sampling.maxTokens ?? endpoint.maxTokens ?? outputCeiling(endpoint);
  const reasoning = mayThink(call, endpoint, issuer)
    ? efforts.find((effort) => effort === call.reasoningEffort)
    : undefined;
  const { mode, vision } = endpoint;
  const echoReasoning = mode === 'chat' && echoesReasoning(endpoint.baseUrl);
  const providerOptions = wireOptions(call, mode, chatName);
  return {
    prompt: toPrompt(call.system, call.messages, { mode, issuer, vision, echoReasoning }),
    abortSignal: signal,
    ...(call.tools.length > 0 && {
      tools: call.tools.map(({ name, description, parameters, strict }) => ({
        type: 'function',
        name,
        description,
        inputSchema: parameters,
        ...(strict !== undefined && { strict }),
      })),
      toolChoice: toolChoiceOf(call.toolChoice),
    }),
    ...formatOf(call),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(reasoning !== undefined && { reasoning }),
    ...(sampling.temperature !== undefined && { temperature: sampling.temperature }),
    ...(sampling.topP !== undefined && { topP: sampling.topP }),
    ...(sampling.stop !== undefined && { stopSequences: [...sampling.stop] }),
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
    ...(sampling.presencePenalty !== undefined && { presencePenalty: sampling.presencePenalty }),
    ...(sampling.frequencyPenalty !== undefined && { frequencyPenalty: sampling.frequencyPenalty }),
    ...(providerOptions && { providerOptions }),
  };
}

/** Claude 4.6 and later decide by themselves how much to think, and are free of the two rules of `mayThink`. */
const adaptive = /(?:opus|sonnet|haiku|fable|mythos)-(?:4[.-][6-9]|[5-9])(?!\d)/;

/**
 * Anthropic refuses budgeted thinking together with a forced tool call, and in an answer to tool results whose calls
 * come back without their signed thinking: calls that a caller brought back in its own words, or another provider's.
 */
function mayThink(call: ModelCall, { mode, model }: Endpoint, issuer: string): boolean {
  if (mode !== 'anthropic' || adaptive.test(model)) return true;
  if (call.toolChoice?.type === 'required' || call.toolChoice?.type === 'tool') return false;
  const since = call.messages.findLastIndex((message) => message.role === 'user');
  return call.messages
    .slice(since + 1)
    .every(
      (message) =>
        message.role !== 'assistant' || message.toolCalls === undefined || message.meta?.provider === issuer,
    );
}

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

/** Output ceilings where `max_tokens` is mandatory (agent-runtime §6.3); first match wins. */
const ceilings: readonly (readonly [RegExp, number])[] = [
  [/opus-4[.-][6-9]/, 128_000],
  [/(sonnet|haiku)-4[.-][5-9]/, 64_000],
  [/opus-4/, 32_000],
  [/3[.-]7/, 128_000],
  [/3[.-]5/, 8_192],
  [/minimax/i, 131_072],
  [/qwen-?3/i, 65_536],
];

function outputCeiling(endpoint: Endpoint): number | undefined {
  if (endpoint.mode !== 'anthropic') return undefined;
  return ceilings.find(([pattern]) => pattern.test(endpoint.model))?.[1] ?? 128_000;
}

const second = 1_000;

/** agent-runtime §3: longer for large requests, much longer (and never "stale") for local endpoints. */
export function timeoutsOf(call: ModelCall, endpoint: Endpoint): Timeouts {
  const local = isLocal(endpoint.baseUrl);
  const tokens = estimateTokens(call);
  const stale = tokens > 100_000 ? 300 : tokens > 50_000 ? 240 : 180;
  const whole = endpoint.provider === 'anthropic' ? 900 : 1_800;
  return {
    readGapMs: (local ? 1_800 : 120) * second,
    staleMs: endpoint.staleTimeoutMs ?? (local ? undefined : stale * second),
    totalMs: endpoint.requestTimeoutMs ?? whole * second,
  };
}

/** Four characters a token: only the order of magnitude matters here. */
export function estimateTokens(call: Pick<ModelCall, 'system' | 'messages'>): number {
  let characters = call.system.length;
  for (const message of call.messages) {
    characters += textOf(message.content).length;
    if (message.role === 'assistant') {
      for (const toolCall of message.toolCalls ?? []) characters += toolCall.arguments.length;
    }
  }
  return Math.ceil(characters / 4);
}
