/** Anthropic Messages as documented at docs.anthropic.com/en/api/messages and …/messages-streaming. */
import { badFunction, contentText, event, fragments, list, object, text } from './shape.ts';
import type { Answer, Json, Refusal, Wire } from './types.ts';

const stops = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
} as const;

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

export const anthropic: Wire = {
  name: 'anthropic',
  matches: (path) => path.endsWith('/v1/messages'),
  authorised: (headers, _path, key) =>
    headers['x-api-key'] === key || headers.authorization === `Bearer ${key}`,
  unauthorised: { status: 401, body: error(401, 'invalid x-api-key') },
  refuse,
  streams: (body) => body['stream'] === true,
  lastUserText(body) {
    const isText = (message: unknown) => object(message)?.['role'] === 'user' && userText(message) !== '';
    return userText((list(body['messages']) ?? []).findLast(isText));
  },
  frames,
  json: (answer) => ({
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: blocks(answer),
    stop_reason: stops[answer.finish],
    stop_sequence: null,
    usage: { ...usage(answer), output_tokens: answer.usage.output },
  }),
  error: (status, message) => error(status, message),
  errorFrame: (status, message) => event(error(status, message)),
};

function error(status: number, message: string) {
  return {
    type: 'error',
    error: { type: errorTypes[status] ?? 'api_error', message },
    request_id: 'req_fake',
  };
}

function userText(message: unknown): string {
  const content = object(message)?.['content'];
  if (typeof content === 'string') return content;
  return contentText((list(content) ?? []).filter((block) => object(block)?.['type'] === 'text'));
}

function refuse(
  body: Json,
  issued: ReadonlySet<string>,
  headers: Readonly<Record<string, unknown>>,
): Refusal | undefined {
  const bad = (message: string): Refusal => ({ status: 400, message });
  if (headers['anthropic-version'] === undefined) return bad('anthropic-version: header is required');
  if (text(body['model']) === undefined) return bad('model: Field required');
  if (typeof body['max_tokens'] !== 'number') return bad('max_tokens: Field required');
  const messages = list(body['messages']);
  if (messages === undefined || messages.length === 0)
    return bad('messages: at least one message is required');
  if (object(messages[0])?.['role'] !== 'user')
    return bad('messages: first message must use the "user" role');
  let open = new Set<string>();
  for (const [index, value] of messages.entries()) {
    const message = object(value) ?? {};
    const role = message['role'];
    if (role !== 'user' && role !== 'assistant') {
      return bad(`messages.${index}.role: Input should be 'user' or 'assistant'`);
    }
    const parts =
      typeof message['content'] === 'string'
        ? [{ type: 'text', text: message['content'] }]
        : (list(message['content']) ?? []).map((part) => object(part) ?? {});
    if (parts.length === 0) return bad(`messages.${index}: all messages must have non-empty content`);
    const results = new Set<string>();
    const uses = new Set<string>();
    for (const part of parts as Json[]) {
      const why = badBlock(part, role, open, issued);
      if (why !== undefined) return bad(`messages.${index}.content: ${why}`);
      if (part['type'] === 'tool_result') results.add(String(part['tool_use_id']));
      if (part['type'] === 'tool_use') uses.add(String(part['id']));
    }
    const missing = [...open].filter((id) => !results.has(id));
    if (missing.length > 0) {
      return bad(
        `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}`,
      );
    }
    open = uses;
  }
  if (open.size > 0) return bad('`tool_use` ids were found without `tool_result` blocks');
  for (const tool of list(body['tools']) ?? []) {
    const why = badFunction(object(tool)?.['name'], object(tool)?.['input_schema']);
    if (why !== undefined) return bad(why);
  }
  return undefined;
}

function badBlock(
  part: Json,
  role: string,
  open: ReadonlySet<string>,
  issued: ReadonlySet<string>,
): string | undefined {
  switch (part['type']) {
    case 'text':
      return contentText(part['text']).trim() === ''
        ? 'text content blocks must contain non-whitespace text'
        : undefined;
    case 'image':
      return role === 'user' ? undefined : 'images are only accepted from the user';
    case 'tool_use':
      return role === 'assistant' && object(part['input']) !== undefined
        ? undefined
        : 'tool_use.input: Input should be an object';
    case 'tool_result':
      return open.has(String(part['tool_use_id']))
        ? undefined
        : `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(part['tool_use_id'])}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
    case 'thinking':
      return issued.has(`${String(part['signature'])}|${String(part['thinking'])}`)
        ? undefined
        : 'Invalid `signature` in `thinking` block';
    default:
      return `Input tag '${String(part['type'])}' found using 'type' does not match any of the expected tags`;
  }
}

function blocks(answer: Answer): Json[] {
  return [
    ...(answer.reasoning === ''
      ? []
      : [{ type: 'thinking', thinking: answer.reasoning, signature: answer.opaque }]),
    ...(answer.deltas.length === 0 ? [] : [{ type: 'text', text: answer.deltas.join('') }]),
    ...answer.calls.map((call) => ({
      type: 'tool_use',
      id: call.id,
      name: call.name,
      input: JSON.parse(call.arguments) as unknown,
    })),
  ];
}

/** Anthropic counts cached tokens apart from `input_tokens`. */
function usage({ usage: u }: Answer): Json {
  return {
    input_tokens: u.input - u.cached,
    cache_read_input_tokens: u.cached,
    cache_creation_input_tokens: 0,
  };
}

function frames(answer: Answer): string[] {
  const out: string[] = [];
  const send = (type: string, fields: Json) => out.push(event({ type, ...fields }));
  const { id, model } = answer;
  const head = {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  send('message_start', { message: { ...head, usage: { ...usage(answer), output_tokens: 1 } } });
  out.push(event({ type: 'ping' }));
  let index = 0;
  const block = (start: Json, deltas: readonly Json[]) => {
    send('content_block_start', { index, content_block: start });
    for (const delta of deltas) send('content_block_delta', { index, delta });
    send('content_block_stop', { index });
    index++;
  };
  if (answer.reasoning !== '') {
    block({ type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: answer.reasoning },
      { type: 'signature_delta', signature: answer.opaque },
    ]);
  }
  if (answer.deltas.length > 0) {
    block(
      { type: 'text', text: '' },
      answer.deltas.map((delta) => ({ type: 'text_delta', text: delta })),
    );
  }
  for (const call of answer.calls) {
    block(
      { type: 'tool_use', id: call.id, name: call.name, input: {} },
      fragments(call.arguments).map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    );
  }
  const delta = { stop_reason: stops[answer.finish], stop_sequence: null };
  send('message_delta', { delta, usage: { output_tokens: answer.usage.output } });
  send('message_stop', {});
  return out;
}
