/** OpenAI Chat Completions as documented at platform.openai.com/docs/api-reference/chat. */
import { errorType, openai } from './openai.ts';
import { badFunction, contentText, data, fragments, list, object, text } from './shape.ts';
import type { Answer, Json, Refusal, Wire } from './types.ts';

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

const known = new Set(
  `model messages tools tool_choice parallel_tool_calls stream stream_options max_tokens max_completion_tokens
   temperature top_p n stop seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs user
   response_format reasoning_effort verbosity store metadata prompt_cache_key service_tier modalities`.split(
    /\s+/,
  ),
);

const finishes = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
} as const;

export const chat: Wire = {
  name: 'chat',
  matches: (path) => path.endsWith('/chat/completions'),
  ...openai,
  refuse,
  lastUserText: (body) =>
    contentText(
      object((list(body['messages']) ?? []).findLast((m) => object(m)?.['role'] === 'user'))?.['content'],
    ),
  frames,
  json: (answer) => ({
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: answer.deltas.join('') || null,
          refusal: null,
          ...(answer.reasoning && { reasoning_content: answer.reasoning }),
          ...(answer.calls.length > 0 && {
            tool_calls: answer.calls.map((call) => ({
              id: call.id,
              type: 'function',
              function: { name: call.name, arguments: call.arguments },
            })),
          }),
        },
        logprobs: null,
        finish_reason: finishes[answer.finish],
      },
    ],
    usage: usage(answer),
  }),
  errorFrame: (status, message) => data({ error: { message, type: errorType(status), code: status } }),
};

function refuse(body: Json): Refusal | undefined {
  const bad = (message: string): Refusal => ({ status: 400, message });
  if (text(body['model']) === undefined) return bad('you must provide a model parameter');
  for (const key of Object.keys(body)) {
    if (!known.has(key)) return bad(`Unrecognized request argument supplied: ${key}`);
  }
  const messages = list(body['messages']);
  if (messages === undefined || messages.length === 0) return bad("[] is too short - 'messages'");
  let open = new Set<string>();
  for (const [index, value] of messages.entries()) {
    const message = object(value);
    const role = text(message?.['role']);
    if (message === undefined || role === undefined || !roles.has(role)) {
      return bad(
        `Invalid value: '${String(role)}'. Supported values are: 'system', 'assistant', 'user' and 'tool'.`,
      );
    }
    if (Object.keys(message).some((key) => key.startsWith('_')))
      return bad(`Unknown parameter in messages[${index}]`);
    if (role === 'tool') {
      const id = text(message['tool_call_id']) ?? '';
      if (!open.delete(id)) {
        return bad("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.");
      }
      if (text(message['content']) === undefined) return bad('tool message content must be a string');
      continue;
    }
    if (open.size > 0) return bad(unanswered(open));
    const calls = list(message['tool_calls']) ?? [];
    if (role === 'assistant') {
      if (
        calls.length === 0 &&
        text(message['content']) === undefined &&
        list(message['content']) === undefined
      ) {
        return bad("assistant message must have either 'content' or 'tool_calls'");
      }
      open = new Set(calls.map((call) => text(object(call)?.['id']) ?? ''));
    } else if (message['content'] === undefined || message['content'] === null) {
      return bad(`Missing required parameter: 'messages[${index}].content'.`);
    }
  }
  if (open.size > 0) return bad(unanswered(open));
  for (const tool of list(body['tools']) ?? []) {
    const definition = object(object(tool)?.['function']);
    const why = badFunction(definition?.['name'], definition?.['parameters']);
    if (why !== undefined) return bad(why);
  }
  return undefined;
}

function unanswered(open: ReadonlySet<string>): string {
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`;
}

function frames(answer: Answer): string[] {
  const chunk = (delta: Json, finish: string | null = null) =>
    data({
      id: answer.id,
      object: 'chat.completion.chunk',
      created: answer.created,
      model: answer.model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(answer.usageWanted && { usage: null }),
    });
  const out = [chunk({ role: 'assistant', content: '' })];
  if (answer.reasoning !== '') out.push(chunk({ reasoning_content: answer.reasoning }));
  for (const delta of answer.deltas) out.push(chunk({ content: delta }));
  for (const [index, call] of answer.calls.entries()) {
    const start = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } };
    out.push(chunk({ tool_calls: [start] }));
    for (const piece of fragments(call.arguments)) {
      out.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
    }
  }
  out.push(chunk({}, finishes[answer.finish]));
  if (answer.usageWanted) {
    const { id, created, model } = answer;
    out.push(
      data({ id, object: 'chat.completion.chunk', created, model, choices: [], usage: usage(answer) }),
    );
  }
  out.push('data: [DONE]\n\n');
  return out;
}

function usage({ usage: u }: Answer): unknown {
  return {
    prompt_tokens: u.input,
    completion_tokens: u.output,
    total_tokens: u.input + u.output,
    prompt_tokens_details: { cached_tokens: u.cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: u.reasoning, audio_tokens: 0 },
  };
}
