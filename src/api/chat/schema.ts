import { z } from 'zod';
import { looseBoolean } from '../body.ts';
import { responseFormat } from './format.ts';
import { toolFields } from './tools.ts';

const loose = (fallback: boolean) =>
  z
    .unknown()
    .optional()
    .transform((value) => looseBoolean(value, fallback))
    .meta({
      type: 'boolean',
      description: `Numbers and words such as "yes" and "off" are understood; default ${fallback}.`,
    });

const anything = z.unknown().optional();

const content = anything.describe(
  'A string, or an array of parts: text, input_text, output_text, image_url, input_image, file, input_file. Text over 65,536 characters and parts after the 1,000th are cut.',
);

export const chatMessage = z
  .object({
    role: z.string().describe('system, developer, user, assistant, tool or function'),
    content,
    name: z.string().nullish(),
    tool_call_id: z.string().nullish().describe('Required for role tool.'),
    tool_calls: z
      .array(
        z.object({
          id: z.string(),
          function: z.object({ name: z.string(), arguments: z.string() }),
        }),
      )
      .nullish(),
    function_call: z.object({ name: z.string(), arguments: z.string() }).nullish(),
  })
  .describe(
    'One message of the conversation. The last one is answered, the others are history. Tool results at the end continue the answer whose calls they belong to.',
  );

export type ChatMessage = z.output<typeof chatMessage>;

/** Body of `POST /v1/chat/completions` (api-server §6.1). Fields that are not listed are reported as ignored. */
export const chatRequest = z.object({
  messages: z.array(chatMessage).min(1),
  model: z.string().nullish().describe('A name from /v1/models; unknown names mean the configured model.'),
  stream: loose(false),
  stream_options: z.object({ include_usage: loose(false) }).nullish(),
  n: z.int().min(1).nullish().describe('Only 1 is supported.'),
  modalities: z.array(z.string()).nullish().describe('Only `text`.'),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: z.int().nullish().describe('0 or less means no limit.'),
  max_completion_tokens: z.int().nullish().describe('Takes precedence over max_tokens.'),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  seed: z.int().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  provider: z.string().nullish().describe('Selects the provider; then `model` is honoured as it stands.'),
  model_options: anything.describe('`reasoning_effort`, or `reasoning: {enabled, effort}`.'),
  reasoning_effort: z.string().nullish(),
  ...toolFields,
  response_format: responseFormat,
  metadata: anything.describe('`chat_id` keeps chats with equal openers apart.'),
});

export type ChatRequest = z.output<typeof chatRequest>;

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }).optional(),
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }).optional(),
});

const finish = z.enum(['stop', 'length', 'error', 'tool_calls', 'function_call']);

const called = z.object({ name: z.string(), arguments: z.string() });

const warnings = z
  .array(z.string())
  .optional()
  .describe('Wishes of the request that the model did not meet as they were meant.');

const outcome = z
  .object({
    completed: z.boolean(),
    partial: z.boolean(),
    failed: z.boolean(),
    error: z.string().nullable(),
    error_code: z.string(),
  })
  .describe('Present when the turn did not complete.');

/** The JSON answer (api-server §6.2). */
export const chatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.literal(0),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable().describe('null: there is nothing but tool calls.'),
        refusal: z.null(),
        reasoning_content: z.string().optional(),
        tool_calls: z
          .array(z.object({ id: z.string(), type: z.literal('function'), function: called }))
          .optional()
          .describe('Calls of tools of the request. Those of the server never appear.'),
        function_call: called
          .optional()
          .describe('Instead of `tool_calls` when the request had `functions`.'),
      }),
      logprobs: z.null(),
      finish_reason: finish,
    }),
  ),
  usage,
  warnings,
  hermes: outcome.optional(),
});

export type ChatCompletion = z.output<typeof chatCompletion>;

/** One `data:` object of a stream, also of the named events (api-server §6.3). */
export const chatChunk = z.object({
  id: z.string(),
  object: z.literal('chat.completion.chunk'),
  created: z.int(),
  model: z.string(),
  choices: z
    .array(
      z.object({
        index: z.literal(0),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          reasoning_content: z.string().optional(),
          tool_calls: z
            .array(
              z.object({
                index: z.int(),
                id: z.string().optional(),
                type: z.literal('function').optional(),
                function: called.partial(),
              }),
            )
            .optional(),
          function_call: called.partial().optional(),
        }),
        finish_reason: finish.nullable(),
      }),
    )
    .max(1),
  usage: usage.optional(),
  warnings,
  error: z.object({ message: z.string(), type: z.literal('server_error') }).optional(),
  hermes: outcome.optional(),
  tool: z.string().optional().describe('hermes.tool.progress'),
  emoji: z.string().optional().describe('hermes.tool.progress'),
  label: z.string().optional().describe('hermes.tool.progress'),
  toolCallId: z.string().optional().describe('hermes.tool.progress'),
  status: z.enum(['running', 'completed']).optional().describe('hermes.tool.progress'),
  kind: z.string().optional().describe('hermes.status'),
  text: z.string().optional().describe('hermes.status'),
});

export type ChatUsage = z.output<typeof usage>;
export type ChatOutcome = z.output<typeof outcome>;
export type FinishReason = z.output<typeof finish>;
