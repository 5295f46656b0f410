import { z } from 'zod';
import { looseBoolean } from '../body.ts';

const loose = (fallback: boolean) =>
  z
    .unknown()
    .optional()
    .transform((value) => looseBoolean(value ?? undefined, fallback))
    .meta({
      type: 'boolean',
      description: `Numbers and words such as "yes" and "off" are understood; default ${fallback}.`,
    });

const anything = z.unknown().optional();
const short = z.string().max(64).nullish();
const name = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');
const jsonSchema = z.record(z.string(), z.unknown());

const functionFields = {
  name,
  description: z.string().nullish(),
  parameters: jsonSchema.nullish(),
  strict: z.boolean().nullish(),
};

/** The flat form of the Responses API and the nested one of Chat Completions. */
export const functionTool = z.union([
  z.object({ type: z.literal('function'), function: z.object(functionFields) }),
  z.object({ type: z.literal('function'), ...functionFields }),
]);

export const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.object({ type: z.literal('function'), name }),
  z
    .object({ type: z.literal('function'), function: z.object({ name }) })
    .transform(({ function: { name } }) => ({ type: 'function' as const, name })),
  z.object({
    type: z.literal('allowed_tools'),
    tools: z
      .array(z.object({ type: z.literal('function'), name }))
      .min(1)
      .max(128),
    mode: z.enum(['auto', 'none', 'required']).default('auto'),
  }),
]);

export const textFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name,
    schema: jsonSchema,
    description: z.string().nullish(),
    strict: z.boolean().nullish(),
  }),
]);

const input = z
  .unknown()
  .optional()
  .describe(
    'A string, or an array of strings and items: message, function_call, function_call_output, reasoning, compaction, item_reference.',
  );

const chain = {
  previous_response_id: z.string().nullish().describe('Continues a stored response.'),
  conversation: z
    .union([z.string(), z.object({ id: z.string() })])
    .nullish()
    .describe('Continues the newest response of this name; an unknown name starts a conversation.'),
};

/** What both the request and the token count are made of. */
const context = {
  input,
  model: z.string().nullish().describe('A name from /v1/models; unknown names mean the configured model.'),
  instructions: z
    .string()
    .nullish()
    .describe('Added to the agent’s own instructions; carried on in a chain.'),
  ...chain,
  tools: z
    .array(z.looseObject({ type: z.string() }))
    .max(128)
    .nullish()
    .describe('Functions the caller runs itself. An empty array asks for a turn without any tools.'),
  tool_choice: z.unknown().optional().describe('auto, none, required, a function, or allowed_tools.'),
  parallel_tool_calls: loose(true),
  text: z
    .object({ format: textFormat.nullish(), verbosity: z.enum(['low', 'medium', 'high']).nullish() })
    .nullish(),
  reasoning: z
    .object({
      effort: z.string().max(16).nullish(),
      summary: z.enum(['concise', 'detailed', 'auto']).nullish(),
    })
    .nullish(),
  truncation: z.string().max(32).nullish().describe('`auto` keeps the newest 100 messages of the history.'),
};

/** Body of `POST /v1/responses` (api-server §7.1, Open Responses §3). Other fields are reported as ignored. */
export const responsesRequest = z.object({
  ...context,
  conversation_history: anything.describe('Messages {role, content}; used instead of a chain.'),
  store: loose(true),
  stream: loose(false),
  stream_options: anything.describe('Obfuscation is never added.'),
  background: loose(false),
  include: z
    .array(z.string().max(128))
    .max(32)
    .nullish()
    .describe('`hermes:tool_calls` shows the tools of the server as items of that type.'),
  user: z.string().max(256).nullish(),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
    .nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  service_tier: z.string().max(32).nullish(),
  safety_identifier: short,
  prompt_cache_key: short,
  provider: z.string().nullish().describe('Selects the provider; then `model` is honoured as it stands.'),
  model_options: anything.describe('`reasoning_effort`, or `reasoning: {enabled, effort}`.'),
});

export type ResponsesRequest = z.output<typeof responsesRequest>;

/** Body of `POST /v1/responses/input_tokens`. */
export const inputTokensRequest = z.object(context);

/** Body of `POST /v1/responses/compact`. */
export const compactRequest = z.object({
  model: z.string(),
  input,
  previous_response_id: chain.previous_response_id,
  instructions: z.string().nullish(),
  prompt_cache_key: short,
});
