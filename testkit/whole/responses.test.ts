import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type OpenAI from 'openai';
import { APIError, BadRequestError, NotFoundError } from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serve } from './served.ts';

const served = serve();
const { seen, shown } = served;

const weather: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'Weather of a town',
  parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
  strict: false,
};
const callWeather = { toolCalls: [{ name: 'get_weather', arguments: { town: 'Rome' } }] };
const runEcho = {
  text: 'Looking. ',
  toolCalls: [{ name: 'terminal', arguments: { command: 'echo 4$((1+1))' } }],
};

describe('the official openai client, unmodified, on /v1/responses', () => {
  it('gets an answer and continues it, across a restart too', async () => {
    const one = await served.client.responses.create({ model: 'gpt-5', input: 'my name is Ann' });
    expect(one.output_text).toBe('echo: my name is Ann');
    const two = await served.client.responses.create({ input: 'who am I', previous_response_id: one.id });
    expect(shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
    await served.restart('SIGTERM');
    expect(await served.client.responses.retrieve(two.id)).toMatchObject({ id: two.id, status: 'completed' });
    await served.client.responses.create({ input: 'again', previous_response_id: two.id });
    expect(shown()).toHaveLength(5);
  });

  it('streams text and the tools of the server; the final object is what is stored', async () => {
    served.upstream.script(runEcho, { text: 'done' });
    const stream = served.client.responses.stream({ model: 'gpt-5', input: 'count' });
    const final = await stream.finalResponse();
    expect(final.output.map(({ type }) => type)).toEqual([
      'message',
      'function_call',
      'function_call_output',
      'message',
    ]);
    expect(JSON.stringify(final.output[2])).toContain('42');
    const stored = await served.client.responses.retrieve(final.id);
    expect({ ...final, output_parsed: undefined, parsed: undefined }).toMatchObject({
      id: stored.id,
      status: stored.status,
      usage: stored.usage,
    });
    expect(stored.output_text).toBe(final.output_text);
  });

  it('has its own function called and goes on with the result', async () => {
    served.upstream.script(callWeather, { text: 'Sunny.' });
    const asked = await served.client.responses.create({ input: 'weather in Rome?', tools: [weather] });
    const call = asked.output.find((item) => item.type === 'function_call')!;
    expect(JSON.parse(call.arguments)).toEqual({ town: 'Rome' });
    const answer = await served.client.responses.create({
      previous_response_id: asked.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: '30 °C' }],
      tools: [weather],
    });
    expect(answer.output_text).toBe('Sunny.');
    expect(shown()).toMatchObject([
      { role: 'user', content: 'weather in Rome?' },
      { role: 'assistant', tool_calls: [{ id: call.call_id }] },
      { role: 'tool', tool_call_id: call.call_id, content: '30 °C' },
    ]);
    await served.client.responses.create({ previous_response_id: answer.id, input: 'thanks' });
    expect(shown().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  });

  it('streams the call of its own function', async () => {
    served.upstream.script(callWeather);
    const stream = served.client.responses.stream({ input: 'weather?', tools: [weather] });
    const final = await stream.finalResponse();
    expect(final.output).toMatchObject([{ type: 'function_call', name: 'get_weather', status: 'completed' }]);
  });

  it('parses an answer that follows a schema', async () => {
    served.upstream.script({ text: '{"town":"Rome"}' });
    const schema = { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] };
    const parsed = await served.client.responses.parse({
      input: 'town?',
      text: { format: { type: 'json_schema', name: 'town', schema, strict: true } },
    });
    expect(parsed.output_parsed).toEqual({ town: 'Rome' });
    served.upstream.script({ text: 'Rome, I think' });
    const failed = await served.client.responses.create({
      input: 'town?',
      text: { format: { type: 'json_schema', name: 'town', schema, strict: true } },
    });
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
  });

  it('parses an answer by a zod schema, whole and from a stream', async () => {
    const Event = z.object({ name: z.string(), people: z.array(z.string()) });
    const event = { name: 'Fair', people: ['Ann', 'Bob'] };
    served.upstream.script({ text: JSON.stringify(event) }, { text: JSON.stringify(event) });
    const text = { format: zodTextFormat(Event, 'event') };
    const parsed = await served.client.responses.parse({ input: 'who?', text });
    expect(parsed.output_parsed).toEqual(event);
    const stream = served.client.responses.stream({ input: 'who?', text });
    expect((await stream.finalResponse()).output_parsed).toEqual(event);
    expect(seen()[0]?.body['response_format']).toMatchObject({
      json_schema: { name: 'event', strict: true },
    });
  });

  it('runs a response in the background, follows it, and cancels another', async () => {
    served.upstream.script({ text: 'one two three', fault: { kind: 'slow', msPerFrame: 40 } });
    const started = await served.client.responses.create({ input: 'x', background: true });
    expect(started.status).toBe('in_progress');
    await expect
      .poll(async () => (await served.client.responses.retrieve(started.id)).status, { timeout: 5_000 })
      .toBe('completed');
    expect((await served.client.responses.retrieve(started.id)).output_text).toBe('one two three');

    // It may be cancelled before the model is asked.
    served.answer(() => ({ fault: { kind: 'hang-mid-stream' }, text: 'a b c d' }));
    const endless = await served.client.responses.create({ input: 'x', background: true });
    const cancelled = await served.client.responses.cancel(endless.id);
    expect(cancelled.status).toBe('cancelled');
    expect((await served.client.responses.cancel(endless.id)).status).toBe('cancelled');
  });

  it('reads a background stream again', async () => {
    const stream = await served.client.responses.create({ input: 'one two', background: true, stream: true });
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of stream) events.push(event);
    const id = (events[0] as { response: { id: string } }).response.id;
    const again = await served.client.responses.retrieve(id, { stream: true, starting_after: 2 });
    const later: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of again) later.push(event);
    expect(later).toEqual(events.slice(3));
    const replay = served.client.responses.stream({ response_id: id });
    expect((await replay.finalResponse()).output_text).toBe('echo: one two');
  });

  it('lists, counts, deletes and gets typed errors', async () => {
    const { id } = await served.client.responses.create({ input: ['a', 'b'] as never });
    const items = await served.client.responses.inputItems.list(id, { order: 'asc' });
    expect(items.data).toHaveLength(2);
    const count = await served.client.responses.inputTokens.count({ input: 'hello there' });
    expect(count.input_tokens).toBeGreaterThan(0);
    await served.client.responses.delete(id);
    await expect(served.client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(
      served.client.responses.create({ input: 'x', previous_response_id: id }),
    ).rejects.toMatchObject({
      code: 'previous_response_not_found',
    });
    await expect(served.client.responses.create({ input: [] })).rejects.toBeInstanceOf(BadRequestError);
  });

  it('gets a failed response when the model fails, and a typed error in a stream', async () => {
    const fault = { kind: 'status', status: 400, message: 'no such thing' } as const;
    served.upstream.script({ fault }, { fault });
    const answer = await served.client.responses.create({ input: 'x' });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
    const stream = served.client.responses.stream({ input: 'x' });
    let id = '';
    stream.on('event', (event) => {
      if (event.type === 'response.created') id = event.response.id;
    });
    await expect(stream.finalResponse()).rejects.toMatchObject({
      constructor: APIError,
      code: 'server_error',
      message: expect.stringContaining('no such thing'),
    });
    expect((await served.client.responses.retrieve(id)).status).toBe('failed');
  });

  it('is told of a failure in a plain stream by an error, and finds the response as failed', async () => {
    served.upstream.script({ fault: { kind: 'status', status: 400, message: 'no such thing' } });
    const stream = await served.client.responses.create({ input: 'x', stream: true });
    let id = '';
    const read = async () => {
      for await (const event of stream) if (event.type === 'response.created') id = event.response.id;
    };
    await expect(read()).rejects.toMatchObject({ code: 'server_error' });
    expect((await served.client.responses.retrieve(id)).status).toBe('failed');
  });

  it('limits the tool calls of a response', async () => {
    served.upstream.script(runEcho, { text: 'done' });
    const answer = await served.client.responses.create({ input: 'count', max_tool_calls: 1 });
    expect(answer).toMatchObject({ status: 'completed', max_tool_calls: 1 });
    expect(seen().map(({ body }) => body['tool_choice'])).toEqual([expect.anything(), 'none']);
  });

  it('gets its reasoning sealed and brings it back when nothing is stored', async () => {
    served.upstream.script({ ...callWeather, reasoning: 'It is about Rome.' }, { text: 'Sunny.' });
    const shared = {
      store: false,
      tools: [weather],
      include: ['reasoning.encrypted_content' as const],
    };
    const asked = await served.client.responses.create({ ...shared, input: 'weather?' });
    const call = asked.output.find((item) => item.type === 'function_call')!;
    const output = { type: 'function_call_output' as const, call_id: call.call_id, output: '30 °C' };
    const input = [{ role: 'user' as const, content: 'weather?' }, ...asked.output, output];
    const answer = await served.client.responses.create({ ...shared, input: input as never });
    expect(answer.output_text).toBe('Sunny.');
    expect(JSON.stringify(asked.output)).not.toContain('about Rome');
  });

  it('keeps what was said before it went away, and the work ends', async () => {
    served.upstream.script({ fault: { kind: 'hang-mid-stream', after: 4 }, text: 'one two three four' });
    const abort = new AbortController();
    const stream = await served.client.responses.create(
      { input: 'x', stream: true },
      { signal: abort.signal },
    );
    let id = '';
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id;
      if (event.type === 'response.output_text.delta') break;
    }
    abort.abort();
    await expect
      .poll(async () => (await served.client.responses.retrieve(id)).status, { timeout: 5_000 })
      .toBe('incomplete');
    expect((await served.client.responses.retrieve(id)).output_text).toContain('one');
  });

  it('talks over a WebSocket', async () => {
    const socket = new ResponsesWS(served.client);
    try {
      socket.send({ type: 'response.create', model: 'gpt-5', input: 'over the wire', store: false } as never);
      const text = await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('event', (event) => {
          if (event.type === 'response.completed') resolve(JSON.stringify(event.response.output));
        });
      });
      expect(text).toContain('echo: over the wire');
    } finally {
      socket.close();
    }
  });
});

describe('a killed gateway', () => {
  it('leaves no response in progress; one in the background is resumed and ends', async () => {
    served.upstream.script(
      { fault: { kind: 'hang-mid-stream', after: 4 }, text: 'one two three four' },
      { fault: { kind: 'hang-mid-stream', after: 4 }, text: 'one two three four' },
    );
    const live = await served.client.responses.create({ input: 'live', stream: true });
    let liveId = '';
    for await (const event of live) {
      if (event.type === 'response.created') liveId = event.response.id;
      if (event.type === 'response.output_text.delta') break;
    }
    const background = await served.client.responses.create({ input: 'background', background: true });
    await expect.poll(() => seen().length).toBe(2);
    await served.restart('SIGKILL');
    expect(await served.client.responses.retrieve(liveId)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'interrupted' },
    });
    await expect
      .poll(async () => (await served.client.responses.retrieve(background.id)).status, { timeout: 5_000 })
      .toBe('completed');
    expect((await served.client.responses.retrieve(background.id)).output_text).toBe('echo: background');
  });
});

/* ---- the published compliance list, over HTTP ---- */

const file = new URL('../../src/api/responses/data/open-responses.openapi.json', import.meta.url);
const ajv = new Ajv2020({ strict: false, logger: false });
ajv.addSchema({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), $id: 'open-responses' });

function expectValid(name: string, value: unknown): void {
  const validate = ajv.compile({ $ref: `open-responses#/components/schemas/${name}` });
  expect(validate(value) ? [] : validate.errors, JSON.stringify(value)).toEqual([]);
}

async function post(body: object, path = '') {
  const response = await served.post(`/v1/responses${path}`, body);
  return { status: response.status, text: await response.text() };
}

const message = (role: string, content: unknown, extra: object = {}) => ({
  type: 'message',
  role,
  content,
  ...extra,
});
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('the compliance list of Open Responses', () => {
  const model = 'gpt-4o-mini';
  const cases: Readonly<Record<string, object>> = {
    'basic-response': { input: [message('user', 'Say hello in exactly 3 words.')] },
    'assistant-phase': {
      input: [
        message('assistant', 'I look.', { phase: 'commentary' }),
        message('assistant', 'Found.', { phase: 'final_answer' }),
        message('user', 'What did you find?'),
      ],
    },
    'system-prompt': { input: [message('system', 'Be a pirate.'), message('user', 'Hello.')] },
    'image-input': {
      input: [
        message('user', [
          { type: 'input_text', text: 'What is this?' },
          { type: 'input_image', image_url: pixel },
        ]),
      ],
    },
    'multi-turn': {
      input: [message('user', 'I am Ann.'), message('assistant', 'Hello Ann.'), message('user', 'Who am I?')],
    },
  };
  it.each(Object.entries(cases))('%s', async (_, body) => {
    const { status, text } = await post({ model, ...body });
    expect(status, text).toBe(200);
    const answer = JSON.parse(text) as { status: string; output: unknown[] };
    expectValid('ResponseResource', answer);
    expect(answer.status).toBe('completed');
    expect(answer.output.length).toBeGreaterThan(0);
  });

  it('streaming-response', async () => {
    const { text } = await post({ model, input: [message('user', 'Count from 1 to 5.')], stream: true });
    const data = text.split('\n\n').flatMap((frame) => /^data: (.*)$/m.exec(frame)?.[1] ?? []);
    expect(data.pop()).toBe('[DONE]');
    const events = data.map((json) => JSON.parse(json) as { type: string; response?: { status: string } });
    for (const event of events) {
      const words = event.type.replace(/^response\./, '').split(/[._]/);
      const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
      expectValid(`Response${name}StreamingEvent`, event);
    }
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { status: 'completed' } });
  });

  it('tool-calling, in JSON and as a stream', async () => {
    const body = { model, input: [message('user', 'Weather in Rome?')], tools: [weather] };
    served.upstream.script(callWeather, callWeather);
    const answer = JSON.parse((await post(body)).text) as { output: { type: string }[] };
    expectValid('ResponseResource', answer);
    expect(answer.output.map(({ type }) => type)).toContain('function_call');
    const { text } = await post({ ...body, stream: true });
    for (const type of [
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
    ]) {
      expect(text).toContain(`event: response.${type}\n`);
    }
  });

  it('compact-response and compact-missing-model', async () => {
    const input = [message('user', 'Launch on Tuesday?'), message('assistant', 'Agreed.')];
    const answer = JSON.parse((await post({ model, input, prompt_cache_key: 'k' }, '/compact')).text) as {
      output: { type: string }[];
    };
    expectValid('CompactResource', answer);
    expect(answer.output.map(({ type }) => type)).toContain('compaction');
    expect((await post({ input }, '/compact')).status).toBe(400);
    const next = await post({ model, input: [...answer.output, message('user', 'When?')], tools: [] });
    expect(JSON.parse(next.text)).toMatchObject({ status: 'completed' });
  });
});
