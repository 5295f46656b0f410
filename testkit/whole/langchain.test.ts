import {
  AIMessage,
  type AIMessageChunk,
  HumanMessage,
  SystemMessage,
  type ToolMessage,
} from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serve } from './served.ts';

const served = serve();
const { seen, shown } = served;

const event = { name: 'Fair', people: ['Ann', 'Bob'] };
const Event = z.object({ name: z.string(), people: z.array(z.string()) });
const weather = tool(({ city }) => `3 degrees in ${city}`, {
  name: 'weather',
  description: 'Weather of a city.',
  schema: z.object({ city: z.string() }),
});
const callWeather = { toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }] };
const runEcho = {
  text: 'Looking. ',
  toolCalls: [{ name: 'terminal', arguments: { command: 'echo 4$((1+1))' } }],
};

describe.each([
  ['chat completions', false],
  ['responses', true],
])('LangChain, unmodified, through %s', (_, useResponsesApi) => {
  const open = (more: Partial<ConstructorParameters<typeof ChatOpenAI>[0]> = {}) =>
    new ChatOpenAI({
      model: 'hermes-agent',
      apiKey: served.home.apiKey,
      configuration: { baseURL: served.baseURL },
      maxRetries: 0,
      useResponsesApi,
      ...more,
    });

  it('invokes with a system message and gets text and usage', async () => {
    const answer = await open().invoke([new SystemMessage('Be brief.'), new HumanMessage('hello')]);
    expect(answer.text).toBe('echo: hello');
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 2, total_tokens: 12 });
    expect(answer.tool_calls).toEqual([]);
    expect(JSON.stringify(seen()[0]?.body['messages'])).toContain('Be brief.');
  });

  it('streams text with its usage once', async () => {
    let whole: AIMessageChunk | undefined;
    let pieces = 0;
    for await (const chunk of await open().stream('one two three')) {
      if (chunk.text !== '') pieces += 1;
      whole = whole === undefined ? chunk : whole.concat(chunk);
    }
    expect(whole?.text).toBe('echo: one two three');
    expect(pieces).toBeGreaterThan(useResponsesApi ? 0 : 2);
    expect(whole?.usage_metadata).toMatchObject({ input_tokens: 10, total_tokens: 14 });
  });

  it('sees no call of a tool that the server ran, whole and in a stream', async () => {
    served.upstream.script(runEcho, { text: 'done' }, runEcho, { text: 'done' });
    const answer = await open().invoke('count');
    expect(answer.text).toContain('done');
    expect([answer.tool_calls, answer.invalid_tool_calls]).toEqual([[], []]);
    let text = '';
    for await (const chunk of await open().stream('count')) {
      text += chunk.text;
      expect(chunk.tool_call_chunks).toEqual([]);
    }
    expect(text).toContain('done');
    expect(JSON.stringify(shown(seen()[3]))).toContain('42');
  });

  it('binds its own tools, runs them and gives the results back', async () => {
    served.upstream.script(callWeather, { text: 'cold' });
    const model = open().bindTools([weather]);
    const asked = new HumanMessage('weather?');
    const first = await model.invoke([asked]);
    expect(first.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Oslo' } }]);
    const result = (await weather.invoke(first.tool_calls![0]!)) as ToolMessage;
    const second = await model.invoke([asked, first, result]);
    expect(second.text).toBe('cold');
    expect(shown().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(shown().at(-1)?.content).toBe('3 degrees in Oslo');
  });

  it('streams a call of its own tool', async () => {
    served.upstream.script(callWeather);
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await open().bindTools([weather]).stream('weather?')) {
      whole = whole === undefined ? chunk : whole.concat(chunk);
    }
    expect(whole?.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Oslo' } }]);
  });

  it.each(['jsonSchema', 'functionCalling'] as const)('makes an object by its schema: %s', async (method) => {
    served.upstream.script(
      method === 'jsonSchema'
        ? { text: JSON.stringify(event) }
        : { toolCalls: [{ name: 'event', arguments: event }] },
    );
    const model = open().withStructuredOutput(Event, { name: 'event', method });
    expect(await model.invoke('who?')).toEqual(event);
  });

  it('repeats a conversation with what the agent said', async () => {
    const first = await open().invoke('my name is Ann');
    await open().invoke([new HumanMessage('my name is Ann'), first, new HumanMessage('who am I')]);
    await open().invoke([new HumanMessage('a'), new AIMessage('b'), new HumanMessage('c')]);
    expect(shown(seen()[1]).map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
    expect(shown().map(({ content }) => content)).toEqual(['a', 'b', 'c']);
  });

  it('gets a typed error of a turn that failed and of a wrong key', async () => {
    served.upstream.script({ fault: { kind: 'status', status: 400, message: 'no such thing' } });
    await expect(open().invoke('x')).rejects.toThrow(/no such thing|did not produce/);
    expect(seen()).toHaveLength(1);
    const stranger = open({ apiKey: 'wrong' });
    await expect(stranger.invoke('x')).rejects.toMatchObject({ status: 401 });
  });

  it('that is aborted ends the turn', async () => {
    served.upstream.script({ text: 'a b c d e f', fault: { kind: 'hang-mid-stream', after: 3 } });
    const abort = new AbortController();
    const reading = (async () => {
      for await (const chunk of await open().stream('x', { signal: abort.signal })) {
        if (chunk.text !== '') abort.abort();
      }
    })();
    await expect(reading).rejects.toThrow();
    await expect.poll(() => served.active()).toBe(0);
    expect(seen()).toHaveLength(1);
  });
});

describe('LangChain on stored responses', () => {
  it('continues one by its id', async () => {
    const model = new ChatOpenAI({
      model: 'hermes-agent',
      apiKey: served.home.apiKey,
      configuration: { baseURL: served.baseURL },
      useResponsesApi: true,
    });
    const first = await model.invoke('my name is Ann');
    const previous_response_id = first.response_metadata['id'] as string;
    await model.invoke('who am I', { previous_response_id });
    expect(shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
  });
});
