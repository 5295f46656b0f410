import { existsSync } from 'node:fs';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import type OpenAI from 'openai';
import { BadRequestError } from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Shown, serve } from './served.ts';

const served = serve();
const seen = () => served.seen().map(({ body }) => body as Record<string, unknown>);
const messagesOf = (body: Record<string, unknown> | undefined) =>
  ((body?.['messages'] ?? []) as Shown[]).filter(({ role }) => role !== 'system');

const model = 'gpt-4o';
const ask = (content: string) => [{ role: 'user' as const, content }];
const City = z.object({ city: z.string() });
const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const call = (name: string, args: unknown) => ({ toolCalls: [{ name, arguments: args }] });

describe('the official openai client with tools of its own', () => {
  it('runs them with runTools until there is an answer, beside tools of the server', async () => {
    served.upstream.script(
      { text: 'Looking. ', ...call('terminal', { command: 'echo 4$((1+1))' }) },
      call('get_weather', { city: 'Oslo' }),
      (request) => ({ text: `Said: ${JSON.stringify(request.body['messages']).includes('3 degrees')}` }),
    );
    const asked: unknown[] = [];
    const runner = served.client.chat.completions.runTools({
      model,
      messages: ask('weather?'),
      tools: [
        zodFunction({
          name: 'get_weather',
          parameters: City,
          function: (args) => {
            asked.push(args);
            return '3 degrees';
          },
        }),
      ],
    });
    expect(await runner.finalContent()).toBe('Said: true');
    expect(asked).toEqual([{ city: 'Oslo' }]);
    const [first, second, third] = seen();
    const offered = (first!['tools'] as { function: { name: string; strict?: boolean } }[]).map(
      (t) => t.function,
    );
    expect(offered.map(({ name }) => name)).toEqual(expect.arrayContaining(['terminal', 'get_weather']));
    expect(offered.find(({ name }) => name === 'get_weather')?.strict).toBe(true);
    expect(messagesOf(second).at(-1)?.content).toContain('42');
    // The client never saw the step of the server's tool; the model still has it.
    expect(messagesOf(third).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
      'tool',
    ]);
    expect(messagesOf(third)[2]?.content).toContain('42');
  });

  it('keeps the result of a server tool that was called in the same breath', async () => {
    served.upstream.script(
      {
        toolCalls: [
          { name: 'terminal', arguments: { command: 'echo 4$((1+2))' } },
          { name: 'get_weather', arguments: { city: 'Oslo' } },
        ],
      },
      { text: 'both' },
    );
    const messages: OpenAI.ChatCompletionMessageParam[] = ask('both');
    const stream = served.client.chat.completions.stream({ model, messages, tools: [weather] });
    const message = (await stream.finalChatCompletion()).choices[0]!.message;
    expect(message.tool_calls).toHaveLength(1);
    messages.push(message, { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: '3 degrees' });
    const answer = await served.client.chat.completions.create({ model, messages, tools: [weather] });
    expect(answer.choices[0]?.message.content).toBe('both');
    const [, , one, two] = messagesOf(seen()[1]);
    expect([one?.content, two?.content]).toEqual([expect.stringContaining('43'), '3 degrees']);
  });

  it('runs them from a stream', async () => {
    served.upstream.script(
      { text: 'One moment.', ...call('get_weather', { city: 'Tromsø 🌨' }) },
      { text: 'It snows.' },
    );
    const asked: unknown[] = [];
    const runner = served.client.chat.completions.runTools({
      model,
      stream: true,
      messages: ask('weather?'),
      tools: [
        {
          type: 'function',
          function: {
            ...weather.function,
            parse: JSON.parse,
            function: (args: unknown) => {
              asked.push(args);
              return 'snow';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('It snows.');
    expect(asked).toEqual([{ city: 'Tromsø 🌨' }]);
  });

  it('gets several calls at once and answers them in any order, or not at all', async () => {
    served.upstream.script(
      { toolCalls: ['a', 'b', 'c'].map((city) => ({ name: 'get_weather', arguments: { city } })) },
      { text: 'done' },
    );
    const messages: OpenAI.ChatCompletionMessageParam[] = ask('three');
    const first = await served.client.chat.completions.create({ model, messages, tools: [weather] });
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    const message = first.choices[0]!.message;
    const ids = message.tool_calls!.map(({ id }) => id);
    messages.push(message);
    messages.push({ role: 'tool', tool_call_id: ids[2]!, content: 'third' });
    messages.push({ role: 'tool', tool_call_id: ids[0]!, content: 'first' });
    const second = await served.client.chat.completions.create({ model, messages, tools: [weather] });
    expect(second.choices[0]?.message.content).toBe('done');
    const results = messagesOf(seen()[1]).filter(({ role }) => role === 'tool');
    expect(results.map(({ tool_call_id }) => tool_call_id)).toEqual(ids);
    expect(results.map(({ content }) => content)).toEqual([
      'first',
      expect.stringContaining('gave no'),
      'third',
    ]);
  });

  it('streams calls through its accumulator, with usage', async () => {
    served.upstream.script({ ...call('get_weather', { city: 'x'.repeat(2_000) }) });
    const stream = served.client.chat.completions.stream({
      model,
      messages: ask('long'),
      tools: [weather],
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    const [made] = final.choices[0]!.message.tool_calls!;
    expect(made).toMatchObject({ type: 'function', function: { name: 'get_weather' } });
    expect(JSON.parse(made!.type === 'function' ? made!.function.arguments : '')).toEqual({
      city: 'x'.repeat(2_000),
    });
    expect(final.choices[0]?.finish_reason).toBe('tool_calls');
    expect(final.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('is obeyed when it forces or forbids calls', async () => {
    served.upstream.script(call('get_weather', { city: 'Oslo' }), { text: 'no tools' });
    const tool_choice = { type: 'function' as const, function: { name: 'get_weather' } };
    await served.client.chat.completions.create({ model, messages: ask('x'), tools: [weather], tool_choice });
    const none = 'none' as const;
    await served.client.chat.completions.create({
      model,
      messages: ask('y'),
      tools: [weather],
      tool_choice: none,
    });
    expect(seen().map((body) => body['tool_choice'])).toEqual([tool_choice, 'none']);
  });

  it('has a tool with the name of a server tool to itself: nothing runs on the server', async () => {
    served.upstream.script(call('terminal', { command: `touch ${served.home.path}/was-here` }));
    const own = { ...weather, function: { ...weather.function, name: 'terminal' } };
    const answer = await served.client.chat.completions.create({ model, messages: ask('x'), tools: [own] });
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
    expect(existsSync(`${served.home.path}/was-here`)).toBe(false);
  });

  it('goes on in a stored session, which remembers what came before', async () => {
    const headers = { 'X-Hermes-Session-Id': 'tools-1' };
    await served.client.chat.completions.create({ model, messages: ask('my city is Oslo') }, { headers });
    served.upstream.script(call('get_weather', { city: 'Oslo' }), { text: 'cold' });
    const runner = served.client.chat.completions.runTools(
      {
        model,
        messages: ask('weather?'),
        tools: [
          {
            type: 'function',
            function: { ...weather.function, parse: JSON.parse, function: () => '3 degrees' },
          },
        ],
      },
      { headers },
    );
    expect(await runner.finalContent()).toBe('cold');
    const text = JSON.stringify(messagesOf(seen().at(-1)));
    expect(text).toContain('my city is Oslo');
    const roles = ['user', 'assistant', 'user', 'assistant', 'tool'];
    expect(messagesOf(seen().at(-1)).map(({ role }) => role)).toEqual(roles);
    expect(messagesOf(seen().at(-1)).at(-1)?.content).toContain('3 degrees');
  });

  it('goes on in a stored session in the older form of functions, too', async () => {
    const headers = { 'X-Hermes-Session-Id': 'tools-2' };
    served.upstream.script(call('get_weather', { city: 'Oslo' }), { text: 'cold' });
    const functions = [weather.function];
    await served.client.chat.completions.create({ model, messages: ask('weather?'), functions }, { headers });
    const messages = [{ role: 'function' as const, name: 'get_weather', content: '3 degrees' }];
    const second = await served.client.chat.completions.create({ model, messages, functions }, { headers });
    expect(second.choices[0]?.message.content).toBe('cold');
    expect(messagesOf(seen().at(-1)).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
  });

  it('still speaks the older form of functions', async () => {
    served.upstream.script(call('get_weather', { city: 'Oslo' }), { text: 'cold' });
    const functions = [weather.function];
    const messages: OpenAI.ChatCompletionMessageParam[] = ask('x');
    const first = await served.client.chat.completions.create({ model, messages, functions });
    const message = first.choices[0]!.message;
    expect([first.choices[0]?.finish_reason, message.function_call?.name]).toEqual([
      'function_call',
      'get_weather',
    ]);
    messages.push(message, { role: 'function', name: 'get_weather', content: '3 degrees' });
    const second = await served.client.chat.completions.create({ model, messages, functions });
    expect(second.choices[0]?.message.content).toBe('cold');
    expect(JSON.stringify(messagesOf(seen()[1]))).toContain('3 degrees');
  });

  it('gets a typed refusal that names the field', async () => {
    const bad = { ...weather, function: { ...weather.function, name: 'no dots.please' } };
    await expect(
      served.client.chat.completions.create({ model, messages: ask('x'), tools: [bad] }),
    ).rejects.toMatchObject({ constructor: BadRequestError, param: 'tools[0].function.name' });
    const stray = [...ask('x'), { role: 'tool' as const, tool_call_id: 'z', content: 'r' }];
    await expect(served.client.chat.completions.create({ model, messages: stray })).rejects.toMatchObject({
      constructor: BadRequestError,
      param: 'messages[1].tool_call_id',
    });
    expect(seen()).toEqual([]);
  });

  it('reads an answer by its schema with parse, and a stream as well', async () => {
    const Event = z.object({ name: z.string(), people: z.array(z.string()) });
    const event = { name: 'Fair', people: ['Ann', 'Bob'] };
    served.upstream.script({ text: JSON.stringify(event) }, { text: JSON.stringify(event) });
    const response_format = zodResponseFormat(Event, 'event');
    const answer = await served.client.chat.completions.parse({ model, messages: ask('x'), response_format });
    expect(answer.choices[0]?.message.parsed).toEqual(event);
    const stream = served.client.chat.completions.stream({ model, messages: ask('x'), response_format });
    expect((await stream.finalChatCompletion()).choices[0]?.message.parsed).toEqual(event);
    expect(seen()[0]?.['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'event', strict: true, schema: { required: ['name', 'people'] } },
    });
  });

  it('parses arguments of strict tools', async () => {
    served.upstream.script(call('get_weather', { city: 'Oslo' }));
    const tools = [zodFunction({ name: 'get_weather', parameters: City })];
    const answer = await served.client.chat.completions.parse({ model, messages: ask('x'), tools });
    expect(answer.choices[0]?.message.tool_calls).toMatchObject([
      { function: { parsed_arguments: { city: 'Oslo' } } },
    ]);
  });

  it('is told when the model takes no schema', async () => {
    served.upstream.script(
      { fault: { kind: 'status', status: 400, message: 'This response_format type is unavailable now' } },
      { text: '{"name":"Fair"}' },
    );
    const response_format = zodResponseFormat(z.object({ name: z.string() }), 'event');
    const answer = await served.client.chat.completions.parse({ model, messages: ask('x'), response_format });
    expect(answer.choices[0]?.message.parsed).toEqual({ name: 'Fair' });
    expect(answer).toMatchObject({ warnings: [expect.stringContaining('in words')] });
  });
});

describe('the AI SDK providers with tools of their own', () => {
  const models = {
    openai: () => createOpenAI({ baseURL: served.baseURL, apiKey: served.home.apiKey }).chat('hermes-agent'),
    'openai-compatible': () =>
      createOpenAICompatible({
        name: 'hermes',
        baseURL: served.baseURL,
        apiKey: served.home.apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      }).chatModel('hermes-agent'),
  };
  const tools = [
    {
      type: 'function' as const,
      name: 'get_weather',
      description: 'Weather of a city.',
      inputSchema: { type: 'object' as const, properties: { city: { type: 'string' as const } } },
    },
  ];
  const hello: LanguageModelV4Prompt = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }];

  it.each(['openai', 'openai-compatible'] as const)('%s generates, streams and continues', async (kind) => {
    const language = models[kind]();
    served.upstream.script(call('get_weather', { city: 'Oslo' }), call('get_weather', { city: 'Bergen' }), {
      text: 'rain',
    });
    const made = await language.doGenerate({ prompt: hello, tools, toolChoice: { type: 'required' } });
    expect(made.finishReason.unified).toBe('tool-calls');
    const calls = made.content.filter((part) => part.type === 'tool-call');
    expect(calls).toMatchObject([{ toolName: 'get_weather', input: '{"city":"Oslo"}' }]);

    const { stream } = await language.doStream({ prompt: hello, tools });
    const parts = [];
    for await (const part of stream) parts.push(part);
    const streamed = parts.find((part) => part.type === 'tool-call');
    expect(streamed).toMatchObject({ toolName: 'get_weather', input: '{"city":"Bergen"}' });
    expect(parts.filter((part) => part.type === 'error')).toEqual([]);

    const { toolCallId, toolName } = streamed!;
    const answered = await language.doGenerate({
      prompt: [
        ...hello,
        {
          role: 'assistant',
          content: [{ type: 'tool-call', toolCallId, toolName, input: { city: 'Bergen' } }],
        },
        {
          role: 'tool',
          content: [{ type: 'tool-result', toolCallId, toolName, output: { type: 'text', value: 'wet' } }],
        },
      ],
      tools,
    });
    expect(answered.content).toMatchObject([{ type: 'text', text: 'rain' }]);
    expect(seen().map((body) => body['tool_choice'])).toEqual(['required', 'auto', 'auto']);
    expect(messagesOf(seen()[2]).at(-1)).toMatchObject({ role: 'tool', content: 'wet' });
  });

  it.each(['openai', 'openai-compatible'] as const)('%s asks for an answer by schema', async (kind) => {
    served.upstream.script({ text: '{"a":1}' });
    const schema = { type: 'object' as const, properties: { a: { type: 'number' as const } } };
    const responseFormat = { type: 'json' as const, schema, name: 'answer' };
    const made = await models[kind]().doGenerate({ prompt: hello, responseFormat });
    expect(made.content).toMatchObject([{ type: 'text', text: '{"a":1}' }]);
    expect(made.warnings).toEqual([]);
    expect(seen()[0]?.['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'answer' },
    });
  });
});
