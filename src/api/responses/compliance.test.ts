/**
 * The published compliance list, each case written once and run over every transport: JSON, server-sent events and
 * WebSocket. Every body, event and frame is held against the published schema by the clients themselves.
 */
import { describe, expect, it } from 'vitest';
import type { Message } from '../../core/message.ts';
import type { Script } from '../testing/fake-turns.ts';
import { eventsOf, type ResponsesServer, serve } from './testing.ts';
import { readGrammar } from './testing-grammar.ts';
import { expectValid, type Json } from './testing-schema.ts';
import { Peer } from './testing-socket.ts';

type Outcome =
  | { readonly response: Json; readonly error?: undefined; readonly events: readonly Json[] }
  | { readonly response?: undefined; readonly error: Json };

interface Client {
  /** Continues what was not stored, because it remembers it. */
  readonly remembers: boolean;
  readonly streams: boolean;
  create(body: object): Promise<Outcome>;
  /** As after the loss of a connection. */
  reconnect(): void;
}

const transports: Readonly<Record<string, (server: ResponsesServer) => Client>> = {
  'HTTP, JSON': (server) => ({
    remembers: false,
    streams: false,
    async create(body) {
      const response = await server.post(body);
      const answer = (await response.json()) as Json;
      if (response.status === 200) return { response: answer, events: [] };
      return { error: { status: response.status, ...(answer['error'] as Json) } };
    },
    reconnect: () => {},
  }),
  'HTTP, events': (server) => ({
    remembers: false,
    streams: true,
    async create(body) {
      const response = await server.post({ ...body, stream: true });
      const text = await response.text();
      if (response.status !== 200) {
        return { error: { status: response.status, ...(JSON.parse(text) as { error: Json }).error } };
      }
      const events = eventsOf(text);
      return { response: readGrammar(events), events };
    },
    reconnect: () => {},
  }),
  WebSocket: (server) => {
    let peer = new Peer(server);
    return {
      remembers: true,
      streams: true,
      async create(body) {
        await peer.create(body);
        const answer = await peer.next();
        if ('error' in answer) return answer;
        return { response: readGrammar(answer.events), events: answer.events };
      },
      reconnect() {
        peer.socket.terminate();
        peer = new Peer(server);
      },
    };
  },
};

/** A model that calls the function it is given when asked about the weather, and echoes everything else. */
const model: Script = (turn) => {
  const { input, clientTools, history } = turn.request;
  const given: Message[] = input === '' ? [] : [{ role: 'user', content: input }];
  const isAsked = clientTools !== undefined && JSON.stringify(input).includes('weather');
  if (isAsked && JSON.stringify(history).includes('"role":"tool"') === false) {
    const calls = [{ id: 'call_1', name: 'get_weather', arguments: '{"location":"San Francisco, CA"}' }];
    turn.end({
      messages: [...given, { role: 'assistant', content: '', toolCalls: calls }],
      clientCalls: calls,
    });
    return;
  }
  const text = `echo ${JSON.stringify(input)}`;
  turn.say(...text.split(/(?= )/));
  turn.end({ text, messages: [...given, { role: 'assistant', content: text }] });
};

const message = (role: string, content: unknown, extra: object = {}) => ({
  type: 'message',
  role,
  content,
  ...extra,
});
const user = (content: unknown) => message('user', content);
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const getWeather = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the current weather for a location',
  parameters: {
    type: 'object',
    properties: { location: { type: 'string', description: 'The city and state' } },
    required: ['location'],
  },
};
const notFound = (id: unknown) => ({
  status: 400,
  type: 'invalid_request_error',
  code: 'previous_response_not_found',
  message: `Previous response with id '${String(id)}' not found.`,
  param: 'previous_response_id',
});

async function completed(client: Client, body: object): Promise<Json> {
  const { response, error } = await client.create({ model: 'gpt-4o-mini', ...body });
  expect(error).toBeUndefined();
  expect(response).toMatchObject({ status: 'completed' });
  expect((response!['output'] as unknown[]).length).toBeGreaterThan(0);
  return response!;
}

async function refused(client: Client, body: object): Promise<Json> {
  const { response, error } = await client.create({ model: 'gpt-4o-mini', ...body });
  expect(response).toBeUndefined();
  return error!;
}

const cases: Readonly<Record<string, (client: Client, server: ResponsesServer) => Promise<void>>> = {
  async 'basic-response'(client) {
    await completed(client, { input: [user('Say hello in exactly 3 words.')] });
  },
  async 'assistant-phase'(client) {
    await completed(client, {
      input: [
        message('assistant', 'I will look.', { phase: 'commentary' }),
        message('assistant', 'It is blue.', { phase: 'final_answer' }),
        user('What colour is it?'),
      ],
    });
  },
  async 'response-output-phase-schema'(client) {
    const { output } = await completed(client, { input: [user('Hello.')] });
    expect(output).toMatchObject([{ type: 'message', phase: 'final_answer' }]);
    for (const phase of ['commentary', 'final_answer']) {
      expectValid('Message', { ...(output as Json[])[0], phase });
    }
  },
  async 'streaming-response'(client) {
    const outcome = await client.create({ model: 'gpt-4o-mini', input: [user('Count from 1 to 5.')] });
    if (client.streams) expect((outcome as { events: readonly Json[] }).events.length).toBeGreaterThan(1);
    expect(outcome.response).toMatchObject({ status: 'completed' });
  },
  async 'system-prompt'(client, server) {
    await completed(client, { input: [message('system', 'You are a pirate.'), user('Say hello.')] });
    expect(server.turns.last.ephemeralSystem).toBe('You are a pirate.');
  },
  async 'tool-calling, and tool-calling-streaming'(client) {
    const { response, events } = (await client.create({
      input: [user('What is the weather in San Francisco?')],
      tools: [getWeather],
    })) as { response: Json; events: readonly Json[] };
    expect(response['output']).toMatchObject([{ type: 'function_call', name: 'get_weather' }]);
    if (!client.streams) return;
    const told = events.map(({ type, item }) => `${type} ${(item as Json | undefined)?.['type'] ?? ''}`);
    expect(told).toEqual(
      expect.arrayContaining([
        'response.output_item.added function_call',
        'response.function_call_arguments.delta ',
        'response.function_call_arguments.done ',
        'response.output_item.done function_call',
      ]),
    );
  },
  async 'image-input'(client, server) {
    await completed(client, {
      input: [
        user([
          { type: 'input_text', text: 'What do you see?' },
          { type: 'input_image', image_url: pixel },
        ]),
      ],
    });
    expect(server.turns.last.input).toMatchObject([{ type: 'text' }, { type: 'image_url' }]);
  },
  async 'multi-turn'(client, server) {
    await completed(client, {
      input: [user('My name is Alice.'), message('assistant', 'Hello Alice.'), user('What is my name?')],
    });
    expect(server.turns.last.history).toHaveLength(2);
  },
  async 'compact-response, compact-missing-model and websocket-compact-new-chain'(client, server) {
    const input = [user('Launch on Tuesday?'), message('assistant', 'Agreed.')];
    const window = await server.ask({ model: 'gpt-4o-mini', input, prompt_cache_key: 'key' }, '/compact');
    expect(window['object']).toBe('response.compaction');
    expect((window['output'] as Json[]).map(({ type }) => type)).toContain('compaction');
    const missing = await server.post({ input }, '/compact');
    expect(missing.status).toBe(400);
    expect(await missing.json()).toMatchObject({ error: { param: 'model' } });
    await completed(client, { input: [...(window['output'] as object[]), user('When?')], tools: [] });
    const { error } = await client.create({ input: 'x', previous_response_id: window['id'] });
    expect(error).toEqual(notFound(window['id']));
  },
  async 'websocket-sequential-responses'(client) {
    await completed(client, { input: [user('First.')], store: false });
    await completed(client, { input: [user('Second.')], store: false });
  },
  async 'websocket-continuation'(client, server) {
    for (const store of [true, false]) {
      const { id } = await completed(client, { input: [user('Remember 7.')], store });
      const next = { input: [user('Which number?')], previous_response_id: id, store };
      if (store || client.remembers) {
        expect(await completed(client, next)).toMatchObject({ previous_response_id: id });
        expect(server.turns.last.history).toHaveLength(2);
      } else expect(await refused(client, next)).toEqual(notFound(id));
    }
  },
  async 'websocket-reconnect-store-false-recovery'(client) {
    const { id } = await completed(client, { input: [user('Hello.')], store: false });
    client.reconnect();
    const next = { input: [user('Go on.')], previous_response_id: id, store: false };
    expect(await refused(client, next)).toEqual(notFound(id));
    await completed(client, { input: [user('Fresh.')], store: false });
  },
  async 'websocket-previous-response-not-found'(client) {
    const id = 'resp_invented';
    expect(await refused(client, { input: 'x', previous_response_id: id })).toEqual(notFound(id));
    await completed(client, { input: 'still usable' });
  },
  async 'websocket-failed-continuation-evicts-cache'(client) {
    const { id } = await completed(client, { input: [user('Hello.')], store: false });
    const input = [{ type: 'function_call_output', call_id: 'call_unknown', output: 'x' }];
    const failed = await refused(client, { input, previous_response_id: id, store: false });
    expect(failed['status']).toBe(400);
    const next = { input: [user('Go on.')], previous_response_id: id, store: false };
    expect(await refused(client, next)).toEqual(notFound(id));
  },
  async 'a whole tool loop, stored and not'(client, server) {
    for (const store of [true, false]) {
      const question = user('What is the weather in Rome?');
      const asked = await completed(client, { input: [question], tools: [getWeather], store });
      const [call] = asked['output'] as Json[];
      const output = { type: 'function_call_output', call_id: call!['call_id'], output: '30 °C' };
      const isKnown = store || client.remembers;
      const next = isKnown
        ? { previous_response_id: asked['id'], input: [output] }
        : { input: [question, call, output] };
      await completed(client, { ...next, tools: [getWeather], store });
      expect(server.turns.last.history).toMatchObject([
        { role: 'user' },
        { role: 'assistant', toolCalls: [{ id: 'call_1', name: 'get_weather' }] },
        { role: 'tool', toolCallId: 'call_1', content: '30 °C' },
      ]);
    }
  },
  async 'twelve turns in one chain'(client, server) {
    let previous: unknown;
    for (let turn = 0; turn < 12; turn += 1) {
      const { id } = await completed(client, { input: `q${turn}`, previous_response_id: previous });
      expect(server.turns.last.history).toHaveLength(2 * turn);
      previous = id;
    }
  },
  async 'a failed run'(client, server) {
    server.turns.script = (turn) => {
      turn.say('half');
      turn.end({
        status: 'failed',
        text: 'half',
        error: { code: 'model_error', message: 'the model stopped' },
      });
    };
    const { response, events } = (await client.create({ input: 'x' })) as { response: Json; events: Json[] };
    expect(response).toMatchObject({
      status: 'failed',
      completed_at: null,
      error: { code: 'server_error', message: 'the model stopped' },
    });
    const errors = events.filter(({ type }) => type === 'error');
    expect(errors).toHaveLength(client.streams && !client.remembers ? 1 : 0);
  },
  async 'a run whose output budget is spent'(client, server) {
    server.turns.script = (turn) => {
      turn.say('one two');
      turn.end({ status: 'partial', exit: 'truncated', text: 'one two' });
    };
    const { response } = await client.create({ input: 'x', max_output_tokens: 16 });
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
  },
};

describe.each(Object.entries(transports))('the compliance list over %s', (_, connect) => {
  it.each(Object.entries(cases))('%s', async (_name, run) => {
    await using server = await serve({ script: model });
    await run(connect(server), server);
  });
});
