import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  generateObject,
  generateText,
  isStepCount,
  type LanguageModel,
  Output,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serve } from './served.ts';

const served = serve();
const { seen, shown } = served;

/** The three ways the AI SDK talks to a server that speaks OpenAI. */
const models: Readonly<Record<string, () => LanguageModel>> = {
  'openai, responses': () => openai().responses('hermes-agent'),
  'openai, chat': () => openai().chat('hermes-agent'),
  'openai-compatible': () =>
    createOpenAICompatible({
      name: 'hermes',
      baseURL: served.baseURL,
      apiKey: served.home.apiKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })('hermes-agent'),
};
const openai = () => createOpenAI({ baseURL: served.baseURL, apiKey: served.home.apiKey });

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const event = { name: 'Fair', people: ['Ann', 'Bob'] };
const Event = z.object({ name: z.string(), people: z.array(z.string()) });
const callWeather = (city: string) => ({ toolCalls: [{ name: 'weather', arguments: { city } }] });
const runEcho = (text: string) => ({
  text,
  toolCalls: [{ name: 'terminal', arguments: { command: 'echo 4$((1+1))' } }],
});

function weatherTool() {
  const asked: string[] = [];
  const weather = tool({
    description: 'Weather of a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => {
      asked.push(city);
      return `3 degrees in ${city}`;
    },
  });
  return { asked, tools: { weather } };
}

describe.each(Object.entries(models))('the AI SDK, unmodified, through %s', (kind, model) => {
  it('generates a text with its usage', async () => {
    const answer = await generateText({ model: model(), prompt: 'hello', maxRetries: 0 });
    expect(answer.text).toBe('echo: hello');
    expect(answer.finishReason).toBe('stop');
    expect(answer.usage).toMatchObject({ inputTokens: 10, outputTokens: 2 });
    expect(answer.toolCalls).toEqual([]);
  });

  it('streams a text in pieces', async () => {
    const errors: unknown[] = [];
    const stream = streamText({
      model: model(),
      instructions: 'Be brief.',
      prompt: 'one two three',
      onError: ({ error }) => void errors.push(error),
    });
    let text = '';
    for await (const piece of stream.textStream) text += piece;
    expect({ text, errors }).toEqual({ text: 'echo: one two three', errors: [] });
    expect(await stream.finishReason).toBe('stop');
    expect((await stream.usage).outputTokens).toBeGreaterThan(0);
    expect(JSON.stringify(seen()[0]?.body['messages'])).toContain('Be brief.');
  });

  it('55. completes a stream of a turn with tools of the server', async () => {
    served.upstream.script(runEcho('Looking. '), { text: 'done' });
    const errors: unknown[] = [];
    const stream = streamText({
      model: model(),
      prompt: 'count',
      onError: ({ error }) => void errors.push(error),
    });
    expect(await stream.text).toContain('done');
    expect(errors).toEqual([]);
    expect(await stream.finishReason).toBe('stop');
    expect(shown(seen()[1]).at(-1)?.content).toContain('42');
  });

  it('generates a text in a turn with tools of the server, and goes on from it', async () => {
    served.upstream.script(runEcho('Looking. '), { text: 'done' });
    const answer = await generateText({ model: model(), prompt: 'count', maxRetries: 0 });
    expect(answer.text).toContain('done');
    expect(answer.finishReason).toBe('stop');
    expect(answer.steps).toHaveLength(1);
    await generateText({
      model: model(),
      maxRetries: 0,
      messages: [
        { role: 'user', content: 'count' },
        ...answer.response.messages,
        { role: 'user', content: 'thanks' },
      ],
    });
    // Only responses carry what the tool gave; a chat completion has words alone.
    expect(JSON.stringify(shown())).toMatch(kind.endsWith('responses') ? /42.*done.*thanks/ : /done.*thanks/);
  });

  it('runs its own tools, step by step, and gives the results back', async () => {
    served.upstream.script(callWeather('Oslo'), callWeather('Bergen'), { text: 'cold both' });
    const { asked, tools } = weatherTool();
    const answer = await generateText({
      model: model(),
      prompt: 'weather?',
      tools,
      stopWhen: isStepCount(5),
      maxRetries: 0,
    });
    expect({ asked, text: answer.text, steps: answer.steps.length }).toEqual({
      asked: ['Oslo', 'Bergen'],
      text: 'cold both',
      steps: 3,
    });
    expect(shown().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'tool']);
    expect(shown().at(-1)?.content).toBe('3 degrees in Bergen');
  });

  it('runs its own tools from a stream', async () => {
    served.upstream.script({ text: 'One moment. ', ...callWeather('Tromsø 🌨') }, { text: 'It snows.' });
    const { asked, tools } = weatherTool();
    const stream = streamText({ model: model(), prompt: 'weather?', tools, stopWhen: isStepCount(5) });
    const kinds = new Set<string>();
    for await (const part of stream.stream) kinds.add(part.type);
    expect(kinds).not.toContain('error');
    expect([...kinds]).toEqual(expect.arrayContaining(['tool-call', 'tool-result', 'text-delta']));
    expect(asked).toEqual(['Tromsø 🌨']);
    expect(await stream.text).toBe('It snows.');
    expect(shown().at(-1)?.content).toBe('3 degrees in Tromsø 🌨');
  });

  it('makes an object by its schema, whole and in pieces', async () => {
    served.upstream.script({ text: JSON.stringify(event) }, { text: JSON.stringify(event) });
    const made = await generateObject({ model: model(), schema: Event, prompt: 'who?', maxRetries: 0 });
    expect(made.object).toEqual(event);
    const stream = streamObject({ model: model(), schema: Event, prompt: 'who?' });
    const partial: unknown[] = [];
    for await (const piece of stream.partialObjectStream) partial.push(piece);
    expect(partial.at(-1)).toEqual(event);
    expect(await stream.object).toEqual(event);
    for (const { body } of seen()) {
      expect(body['response_format']).toMatchObject({ type: 'json_schema', json_schema: { schema: {} } });
    }
  });

  it('makes an object at the end of a conversation with tools', async () => {
    served.upstream.script(callWeather('Oslo'), { text: JSON.stringify(event) });
    const { asked, tools } = weatherTool();
    const answer = await generateText({
      model: model(),
      prompt: 'who is there, and is it cold?',
      tools,
      output: Output.object({ schema: Event }),
      stopWhen: isStepCount(3),
      maxRetries: 0,
    });
    expect(answer.output).toEqual(event);
    expect(asked).toEqual(['Oslo']);
  });

  it('sends an image', async () => {
    const image = Buffer.from(pixel, 'base64');
    const answer = await generateText({
      model: model(),
      maxRetries: 0,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this' },
            { type: 'file', mediaType: 'image/png', data: image },
          ],
        },
      ],
    });
    expect(answer.text).toContain('what is this');
    expect(JSON.stringify(seen()[0]?.body)).toContain(pixel.slice(0, 60));
  });

  it('repeats a conversation with what the agent said', async () => {
    const first = await generateText({ model: model(), prompt: 'my name is Ann', maxRetries: 0 });
    await generateText({
      model: model(),
      maxRetries: 0,
      messages: [
        { role: 'user', content: 'my name is Ann' },
        ...first.response.messages,
        { role: 'user', content: 'who am I' },
      ],
    });
    expect(shown().map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'user: my name is Ann',
      'assistant: echo: my name is Ann',
      'user: who am I',
    ]);
  });

  it('gets a typed error of a turn that failed and of a bad request', async () => {
    served.upstream.script({ fault: { kind: 'status', status: 400, message: 'no such thing' } });
    const asked = generateText({ model: model(), prompt: 'x', maxRetries: 0 });
    await expect(asked).rejects.toThrow(/no such thing|did not produce/i);
    expect(seen()).toHaveLength(1);
    const bad = generateText({ model: model(), messages: [{ role: 'user', content: '' }], maxRetries: 0 });
    await expect(bad).rejects.toSatisfy((error) => APICallError.isInstance(error));
  });

  it('that is aborted ends the turn', async () => {
    served.upstream.script({ text: 'a b c d e f', fault: { kind: 'hang-mid-stream', after: 3 } });
    const abort = new AbortController();
    const stream = streamText({ model: model(), prompt: 'x', abortSignal: abort.signal, maxRetries: 0 });
    for await (const _ of stream.textStream) abort.abort();
    await expect.poll(() => served.active()).toBe(0);
    expect(seen()).toHaveLength(1);
  });
});

describe('the AI SDK on stored conversations', () => {
  it('continues a response by its id', async () => {
    const model = openai().responses('hermes-agent');
    const first = await generateText({ model, prompt: 'my name is Ann', maxRetries: 0 });
    const previousResponseId = first.providerMetadata?.['openai']?.['responseId'] as string;
    await generateText({
      model,
      prompt: 'who am I',
      providerOptions: { openai: { previousResponseId } },
      maxRetries: 0,
    });
    expect(shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
  });

  it('continues a session that a header names', async () => {
    const provider = createOpenAI({
      baseURL: served.baseURL,
      apiKey: served.home.apiKey,
      headers: { 'X-Hermes-Session-Id': 'ai-sdk-talk' },
    });
    const model = provider.chat('hermes-agent');
    await generateText({ model, prompt: 'my name is Ann', maxRetries: 0 });
    await generateText({ model, prompt: 'who am I', maxRetries: 0 });
    expect(shown()).toHaveLength(3);
  });
});
