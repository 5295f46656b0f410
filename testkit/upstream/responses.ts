/** OpenAI Responses as documented at platform.openai.com/docs/api-reference/responses. */
import { errorType, openai } from './openai.ts';
import { badFunction, contentText, event, fragments, list, object, text } from './shape.ts';
import type { Answer, Json, Refusal, Wire } from './types.ts';

const itemTypes = new Set(['message', 'function_call', 'function_call_output', 'reasoning']);
const roles = new Set(['system', 'developer', 'user', 'assistant']);

export const responses: Wire = {
  name: 'responses',
  matches: (path) => path.endsWith('/responses'),
  ...openai,
  refuse,
  lastUserText(body) {
    if (typeof body['input'] === 'string') return body['input'];
    const items = list(body['input']) ?? [];
    return contentText(object(items.findLast((item) => object(item)?.['role'] === 'user'))?.['content']);
  },
  frames,
  json: (answer) => response(answer, output(answer)),
  errorFrame: (status, message) =>
    event({ type: 'error', code: errorType(status), message, param: null, sequence_number: 99 } as {
      type: string;
    }),
};

function refuse(body: Json, issued: ReadonlySet<string>): Refusal | undefined {
  const bad = (message: string, status = 400, code?: string): Refusal => ({
    status,
    message,
    ...(code !== undefined && { code }),
  });
  if (text(body['model']) === undefined) return bad("Missing required parameter: 'model'.");
  const items = typeof body['input'] === 'string' ? [] : list(body['input']);
  if (items === undefined) return bad("Missing required parameter: 'input'.");
  const calls = new Set<string>();
  const answered = new Set<string>();
  for (const [index, value] of items.entries()) {
    const item = object(value);
    const type = text(item?.['type']) ?? (item?.['role'] === undefined ? undefined : 'message');
    if (item === undefined || type === undefined || !itemTypes.has(type)) {
      return bad(`Invalid value: '${String(type)}' at 'input[${index}].type'.`);
    }
    if (type === 'message' && !roles.has(text(item['role']) ?? '')) {
      return bad(`Invalid value: '${String(item['role'])}' at 'input[${index}].role'.`);
    }
    if (type === 'function_call') calls.add(text(item['call_id']) ?? '');
    if (type === 'function_call_output') {
      const id = text(item['call_id']) ?? '';
      if (!calls.has(id)) return bad(`No tool call found for function call output with call_id ${id}.`);
      answered.add(id);
    }
    if (type === 'reasoning') {
      if (item['id'] !== undefined && body['store'] === false) {
        return bad(
          `Item with id '${String(item['id'])}' not found. Items are not persisted when \`store\` is set to false.`,
          404,
        );
      }
      const encrypted = text(item['encrypted_content']);
      if (encrypted === undefined || !issued.has(encrypted)) {
        return bad('The encrypted content could not be verified.', 400, 'invalid_encrypted_content');
      }
    }
  }
  for (const id of calls) {
    if (!answered.has(id)) return bad(`No tool output found for function call ${id}.`);
  }
  for (const tool of list(body['tools']) ?? []) {
    const why = badFunction(object(tool)?.['name'], object(tool)?.['parameters']);
    if (why !== undefined) return bad(why);
  }
  return undefined;
}

function output(answer: Answer): Json[] {
  const items: Json[] = [];
  if (answer.reasoning !== '') items.push(reasoningItem(answer, true));
  if (answer.deltas.length > 0) items.push(messageItem(answer, 'completed'));
  for (const call of answer.calls) items.push(callItem(call, 'completed'));
  return items;
}

function reasoningItem(answer: Answer, done: boolean): Json {
  return {
    id: `rs_${answer.id}`,
    type: 'reasoning',
    summary: done ? [{ type: 'summary_text', text: answer.reasoning }] : [],
    encrypted_content: done ? answer.opaque : '',
  };
}

function messageItem(answer: Answer, status: string): Json {
  const part = { type: 'output_text', text: answer.deltas.join(''), annotations: [], logprobs: [] };
  const content = status === 'completed' ? [part] : [];
  return { id: `msg_${answer.id}`, type: 'message', status, role: 'assistant', content };
}

function callItem(call: Answer['calls'][number], status: string): Json {
  const done = status === 'completed';
  return {
    id: `fc_${call.id}`,
    type: 'function_call',
    status,
    call_id: call.id,
    name: call.name,
    arguments: done ? call.arguments : '',
  };
}

function response(answer: Answer, items: readonly Json[], running = false): Json {
  const cut =
    answer.finish === 'length'
      ? 'max_output_tokens'
      : answer.finish === 'content-filter'
        ? 'content_filter'
        : undefined;
  const { usage: u } = answer;
  return {
    id: `resp_${answer.id}`,
    object: 'response',
    created_at: answer.created,
    status: running ? 'in_progress' : cut === undefined ? 'completed' : 'incomplete',
    error: null,
    incomplete_details: running || cut === undefined ? null : { reason: cut },
    instructions: null,
    model: answer.model,
    output: items,
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    metadata: {},
    usage: running
      ? null
      : {
          input_tokens: u.input,
          input_tokens_details: { cached_tokens: u.cached },
          output_tokens: u.output,
          output_tokens_details: { reasoning_tokens: u.reasoning },
          total_tokens: u.input + u.output,
        },
  };
}

function frames(answer: Answer): string[] {
  const out: string[] = [];
  let sequence = 0;
  const send = (type: string, fields: Json) =>
    out.push(event({ type, sequence_number: sequence++, ...fields } as { type: string }));
  send('response.created', { response: response(answer, [], true) });
  send('response.in_progress', { response: response(answer, [], true) });
  let index = 0;
  if (answer.reasoning !== '') {
    const at = { item_id: `rs_${answer.id}`, output_index: index, summary_index: 0 };
    send('response.output_item.added', { output_index: index, item: reasoningItem(answer, false) });
    send('response.reasoning_summary_part.added', { ...at, part: { type: 'summary_text', text: '' } });
    send('response.reasoning_summary_text.delta', { ...at, delta: answer.reasoning });
    send('response.reasoning_summary_text.done', { ...at, text: answer.reasoning });
    send('response.reasoning_summary_part.done', {
      ...at,
      part: { type: 'summary_text', text: answer.reasoning },
    });
    send('response.output_item.done', { output_index: index, item: reasoningItem(answer, true) });
    index++;
  }
  if (answer.deltas.length > 0) {
    const at = { item_id: `msg_${answer.id}`, output_index: index, content_index: 0 };
    const part = { type: 'output_text', text: answer.deltas.join(''), annotations: [], logprobs: [] };
    send('response.output_item.added', { output_index: index, item: messageItem(answer, 'in_progress') });
    send('response.content_part.added', { ...at, part: { ...part, text: '' } });
    for (const delta of answer.deltas) send('response.output_text.delta', { ...at, delta, logprobs: [] });
    send('response.output_text.done', { ...at, text: part.text, logprobs: [] });
    send('response.content_part.done', { ...at, part });
    send('response.output_item.done', { output_index: index, item: messageItem(answer, 'completed') });
    index++;
  }
  for (const call of answer.calls) {
    const at = { item_id: `fc_${call.id}`, output_index: index };
    send('response.output_item.added', { output_index: index, item: callItem(call, 'in_progress') });
    for (const delta of fragments(call.arguments))
      send('response.function_call_arguments.delta', { ...at, delta });
    send('response.function_call_arguments.done', { ...at, name: call.name, arguments: call.arguments });
    send('response.output_item.done', { output_index: index, item: callItem(call, 'completed') });
    index++;
  }
  const final = response(answer, output(answer));
  send(final['status'] === 'incomplete' ? 'response.incomplete' : 'response.completed', { response: final });
  return out;
}
