import OpenAI from 'openai';
import { afterEach, expect, test } from 'vitest';
import { startUpstream, type Upstream, type UpstreamOptions } from './index.ts';

let upstream: Upstream;
const start = async (options?: UpstreamOptions) => {
  upstream = await startUpstream(options);
  return new OpenAI({ baseURL: `${upstream.url}/v1`, apiKey: upstream.key, maxRetries: 0 });
};
const post = (path: string, body: unknown, headers: Record<string, string>) =>
  fetch(`${upstream.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
afterEach(() => upstream.close());

const weather: OpenAI.Chat.ChatCompletionTool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

test('the official client streams chat text, tool calls and usage from the fake', async () => {
  const client = await start();
  upstream.script({
    text: 'one two',
    toolCalls: [{ name: 'weather', arguments: { city: 'Oslo, far north' } }],
  });
  const stream = client.chat.completions.stream({
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [weather],
    stream_options: { include_usage: true },
  });
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]?.message.content).toBe('one two');
  const call = final.choices[0]?.message.tool_calls?.[0];
  expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({
    city: 'Oslo, far north',
  });
  expect(final.choices[0]?.finish_reason).toBe('tool_calls');
  expect(final.usage?.prompt_tokens).toBe(10);
});

test('the official client reads the whole chat answer and the model list', async () => {
  const client = await start();
  const answer = await client.chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: 'hello' }],
  });
  expect(answer.choices[0]?.message.content).toBe('echo: hello');
  expect((await client.models.list()).data.map((model) => model.id)).toEqual(['fake-model']);
});

test('the official client streams a Responses answer with reasoning and a function call', async () => {
  const client = await start();
  upstream.script({
    reasoning: 'hmm',
    text: 'ok then',
    toolCalls: [{ name: 'weather', arguments: { city: 'Rome' } }],
  });
  const stream = client.responses.stream({ model: 'm', input: 'hi' });
  const deltas: string[] = [];
  stream.on('response.output_text.delta', (event) => void deltas.push(event.delta));
  const final = await stream.finalResponse();
  expect(deltas.join('')).toBe('ok then');
  expect(final.output.map((item) => item.type)).toEqual(['reasoning', 'message', 'function_call']);
});

test('a wrong key is refused in the shape of each vendor', async () => {
  await start();
  const bad = new OpenAI({ baseURL: `${upstream.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  await expect(bad.chat.completions.create({ model: 'm', messages: [] })).rejects.toMatchObject({
    status: 401,
    code: 'invalid_api_key',
  });
  const anthropic = await post('/v1/messages', {}, { 'x-api-key': 'wrong' });
  expect([anthropic.status, await anthropic.json()]).toMatchObject([
    401,
    { error: { type: 'authentication_error' } },
  ]);
  const google = await post('/v1beta/models/g:streamGenerateContent', {}, { 'x-goog-api-key': 'wrong' });
  expect([google.status, await google.json()]).toMatchObject([
    400,
    { error: { status: 'INVALID_ARGUMENT' } },
  ]);
});

test('chat refuses unknown roles, orphan tool results and unanswered tool calls', async () => {
  const client = await start();
  const user = { role: 'user' as const, content: 'hi' };
  const calls = { id: 'c1', type: 'function' as const, function: { name: 'weather', arguments: '{}' } };
  const bad: unknown[][] = [
    [{ role: 'robot', content: 'x' }],
    [user, { role: 'tool', tool_call_id: 'c1', content: 'x' }],
    [user, { role: 'assistant', content: null, tool_calls: [calls] }, user],
    [user, { role: 'assistant', content: null }],
  ];
  for (const messages of bad) {
    const request = { model: 'm', messages: messages as OpenAI.Chat.ChatCompletionMessageParam[] };
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ status: 400 });
  }
});

test('Anthropic needs max_tokens, and takes only thinking it has signed', async () => {
  await start();
  const headers = { 'x-api-key': upstream.key, 'anthropic-version': '2023-06-01' };
  const messages = [{ role: 'user', content: 'hi' }];
  const without = await post('/v1/messages', { model: 'c', messages }, headers);
  expect(await without.json()).toMatchObject({ error: { message: 'max_tokens: Field required' } });
  const forged = [
    ...messages,
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'y' }] },
  ];
  const refused = await post('/v1/messages', { model: 'c', max_tokens: 9, messages: forged }, headers);
  expect(await refused.text()).toContain('Invalid `signature` in `thinking` block');
  const good = await post('/v1/messages', { model: 'c', max_tokens: 9, messages }, headers);
  expect(await good.json()).toMatchObject({
    content: [{ type: 'text', text: 'echo: hi' }],
    stop_reason: 'end_turn',
  });
});

test('Google refuses a function call that is not answered', async () => {
  await start();
  const contents = [
    { role: 'user', parts: [{ text: 'hi' }] },
    { role: 'model', parts: [{ functionCall: { name: 'weather', args: {} } }] },
    { role: 'user', parts: [{ text: 'and?' }] },
  ];
  const answer = await post(
    '/v1beta/models/g:streamGenerateContent',
    { contents },
    { 'x-goog-api-key': upstream.key },
  );
  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining('function response parts'),
  ]);
});

test('a scripted status carries its headers, and the script is used in order', async () => {
  const client = await start();
  upstream.script(
    { fault: { kind: 'status', status: 429, headers: { 'retry-after': '7' } } },
    { text: 'now' },
  );
  const ask = () =>
    client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
  const error = await ask().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers?.get('retry-after')).toBe('7');
  expect((await ask()).choices[0]?.message.content).toBe('now');
  expect(upstream.requests.map((request) => request.status)).toEqual([429, 200]);
});

test('instant mode answers every wire without looking at the request', async () => {
  const client = await start({ instant: { text: 'a b c' } });
  const stream = await client.chat.completions.create({ model: 'm', messages: [], stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe('a b c');
  expect(upstream.requests).toHaveLength(0);
});
