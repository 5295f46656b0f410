import { z } from 'zod';
import type { Usage } from '../../core/message.ts';

const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']);

export const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()).max(0),
  logprobs: z.array(z.unknown()).max(0),
});

const messageItem = z.object({
  type: z.literal('message'),
  id: z.string(),
  status: itemStatus,
  role: z.literal('assistant'),
  phase: z.enum(['commentary', 'final_answer']).optional(),
  content: z.array(outputText),
});

const callFields = { id: z.string(), call_id: z.string(), name: z.string(), arguments: z.string() };

const functionCall = z.object({ type: z.literal('function_call'), ...callFields, status: itemStatus });

const functionCallOutput = z.object({
  type: z.literal('function_call_output'),
  id: z.string(),
  call_id: z.string(),
  output: z.union([z.string(), z.array(z.object({ type: z.literal('input_text'), text: z.string() }))]),
  status: itemStatus,
});

const summaryText = z.object({ type: z.literal('summary_text'), text: z.string() });

const reasoningItem = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.array(summaryText),
  encrypted_content: z.string().optional().describe('On request; only this server can read it.'),
});

const hermesToolCall = z
  .object({
    type: z.literal('hermes:tool_call'),
    ...callFields,
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    output: z.string().nullable(),
    duration_ms: z.int().optional(),
  })
  .describe('A tool the server ran; only on request.');

const mcpCall = z
  .object({
    type: z.literal('mcp_call'),
    id: z.string(),
    server_label: z.literal('hermes'),
    name: z.string(),
    arguments: z.string(),
    output: z.string().nullable(),
    error: z.string().nullable(),
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  })
  .describe('The same in the words of OpenAI’s hosted tools; only on request.');

export const outputItem = z.discriminatedUnion('type', [
  messageItem,
  functionCall,
  functionCallOutput,
  reasoningItem,
  hermesToolCall,
  mcpCall,
]);

export const usageShape = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  total_tokens: z.int(),
  input_tokens_details: z.object({ cached_tokens: z.int() }),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
});

/** What stays the same over the life of one response: the echo of its request (Open Responses §5). */
const echo = {
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  model: z.string(),
  previous_response_id: z.string().nullable(),
  conversation: z.object({ id: z.string() }).optional(),
  instructions: z.string().nullable(),
  tools: z.array(
    z.object({
      type: z.literal('function'),
      name: z.string(),
      description: z.string().nullable(),
      parameters: z.record(z.string(), z.unknown()).nullable(),
      strict: z.boolean().nullable(),
    }),
  ),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
  truncation: z.enum(['auto', 'disabled']),
  parallel_tool_calls: z.boolean(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }) }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: z.int(),
  temperature: z.number(),
  reasoning: z.object({ effort: z.string().nullable(), summary: z.string().nullable() }).nullable(),
  max_output_tokens: z.int().nullable(),
  max_tool_calls: z.int().nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: z.string(),
  metadata: z.record(z.string(), z.string()),
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
  user: z.string().nullable(),
};

const echoShape = z.object(echo);

/** A whole response; every lifecycle event carries it complete. */
export const responseShape = z.object({
  ...echo,
  completed_at: z.int().nullable(),
  status: z.enum(['in_progress', 'completed', 'failed', 'incomplete', 'cancelled']),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  output: z.array(outputItem),
  error: z.object({ type: z.literal('server_error'), code: z.string(), message: z.string() }).nullable(),
  usage: usageShape.nullable(),
  warnings: z.array(z.string()).optional().describe('Wishes of the request that were not met.'),
});

export type OutputItem = z.output<typeof outputItem>;
export type ItemStatus = z.output<typeof itemStatus>;
export type ResponseEcho = z.output<typeof echoShape>;
export type ResponseObject = z.output<typeof responseShape>;
export type ResponseUsage = z.output<typeof usageShape>;

export function usageOf(usage: Usage): ResponseUsage {
  return {
    input_tokens: usage.input,
    output_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    input_tokens_details: { cached_tokens: usage.cacheRead },
    output_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}

/** The response before it has produced anything. */
export function started(echoed: ResponseEcho): ResponseObject {
  return {
    ...echoed,
    completed_at: null,
    status: 'in_progress',
    incomplete_details: null,
    output: [],
    error: null,
    usage: null,
  };
}
