import { z } from 'zod';

const anything = z.unknown().optional();

/** Body of `POST /v1/runs` (api-server §9.1). Other fields have no effect. */
export const runRequest = z.object({
  input: anything.describe(
    'A string, or an array of messages: the content of the last one is the message, the others are the history.',
  ),
  conversation_history: anything.describe('Messages {role, content}; used instead of everything else.'),
  previous_response_id: z
    .string()
    .nullish()
    .describe('Continues a stored response; an unknown one is ignored.'),
  session_id: z
    .string()
    .nullish()
    .describe('Continues a stored session; runs of one session follow one another.'),
  instructions: z.string().nullish().describe('Added to the agent’s own instructions.'),
  model: z.string().nullish().describe('A name from /v1/models; unknown names mean the configured model.'),
  provider: z.string().nullish(),
  model_options: anything.describe('`reasoning_effort`, or `reasoning: {enabled, effort}`.'),
});

export const runStatuses = [
  'queued',
  'running',
  'waiting_for_approval',
  'stopping',
  'completed',
  'failed',
  'cancelled',
  'interrupted',
] as const;

const status = z.enum(runStatuses);

const usage = z.object({ input_tokens: z.int(), output_tokens: z.int(), total_tokens: z.int() });

const choice = z.enum(['once', 'session', 'always', 'deny']);

/** What waits for an answer. */
const question = {
  request_id: z.string(),
  command: z.string().describe('Secrets are removed.'),
  description: z.string(),
  pattern_key: z.string(),
  pattern_keys: z.array(z.string()),
  choices: z.array(choice),
};

/** What a cut answer lacks; only with an output that is not the whole one. */
const incomplete = z.object({ reason: z.string() });

export const runCreated = z.object({
  run_id: z.string(),
  status: z.union([z.literal('started'), status]),
  replayed: z.boolean(),
});

export const runStatus = z.object({
  object: z.literal('hermes.run'),
  run_id: z.string(),
  status,
  created_at: z.number().describe('Seconds since 1970, with fractions.'),
  updated_at: z.number(),
  session_id: z.string(),
  model: z.string(),
  last_event: z.string().nullable(),
  output: z.string().optional(),
  usage: usage.optional(),
  error: z.string().optional(),
  incomplete_details: incomplete.optional(),
  approval: z.object(question).optional(),
  pending_steer: z.string().optional().describe('Guidance that the model has not read.'),
});

const base = { run_id: z.string(), timestamp: z.number().describe('Seconds since 1970, with fractions.') };

/** One `data:` object of a run's events (api-server §9.4). */
export const runEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('message.delta'), ...base, delta: z.string() }),
  z.object({ event: z.literal('tool.started'), ...base, tool: z.string(), preview: z.string().nullable() }),
  z.object({
    event: z.literal('tool.completed'),
    ...base,
    tool: z.string(),
    duration: z.number(),
    error: z.boolean(),
  }),
  z.object({ event: z.literal('reasoning.delta'), ...base, delta: z.string() }),
  z.object({ event: z.literal('reasoning.available'), ...base, text: z.string() }),
  z.object({ event: z.literal('approval.request'), ...base, ...question }),
  z.object({
    event: z.literal('approval.responded'),
    ...base,
    choice,
    resolved: z.int(),
    request_id: z.string(),
  }),
  z.object({ event: z.literal('run.steered'), ...base, accepted: z.literal(true) }),
  z
    .object({ event: z.literal('run.resumed'), ...base })
    .describe('The gateway was restarted; the text of the step that was cut comes again.'),
  z.object({
    event: z.literal('run.completed'),
    ...base,
    output: z.string(),
    usage,
    incomplete_details: incomplete.optional(),
    pending_steer: z.string().optional(),
  }),
  z.object({ event: z.literal('run.failed'), ...base, error: z.string() }),
  z.object({ event: z.literal('run.cancelled'), ...base }),
]);

export const approvalAnswer = z.object({
  object: z.literal('hermes.run.approval_response'),
  run_id: z.string(),
  choice,
  resolved: z.int(),
});

export const steerAnswer = z.object({
  object: z.literal('hermes.run.steer'),
  run_id: z.string(),
  accepted: z.literal(true),
});

/** The run is on its way to its end, or it is what it was when it ended. */
export const stopAnswer = z.union([
  z.object({ run_id: z.string(), status: z.literal('stopping') }),
  runStatus,
]);

export const approvalRequest = z.object({
  choice: z.string().describe('once (also approve, approved, allow), session, always or deny.'),
  all: anything.describe('Answers everything that waits.'),
  resolve_all: anything.describe('The same.'),
  request_id: z.string().optional().describe('Answers this one; default the oldest.'),
});

export const steerRequest = z.object({
  input: anything.describe('The guidance, as text or text parts.'),
  message: anything.describe('The same.'),
  text: anything.describe('The same.'),
});

export type RunRequest = z.output<typeof runRequest>;
export type RunStatus = z.output<typeof runStatus>;
export type RunEvent = z.output<typeof runEvent>;
export type RunUsage = z.output<typeof usage>;
export type Question = z.output<z.ZodObject<typeof question>>;
