import { describe, expect, test } from 'vitest';
import { noUsage } from '../../core/message.ts';
import { type ResponsesServer, serve } from '../responses/testing.ts';
import { Peer } from '../responses/testing-socket.ts';
import type { Script } from '../testing/fake-turns.ts';
import { agent } from '../testing/tools.ts';

const model = 'openclaw';
const list = [
  agent('main'),
  agent('beta', {
    model: { model: 'beta-model' },
    persona: 'You are Beta.',
    tools: [{ profile: undefined, alsoAllow: [], allow: ['read'], deny: [], toolsets: undefined }],
  }),
  agent('shop', { publicMode: true }),
];
const weather = { type: 'function', name: 'get_weather', parameters: { type: 'object' } };
const nested = { type: 'function', function: { name: 'set_light' } };
const call = { id: 'call_1', name: 'get_weather', arguments: '{"city":"Taipei"}' };
const asks: Script = (turn) => {
  turn.say('Let me look.');
  const content = 'Let me look.';
  const messages = [
    { role: 'user' as const, content: turn.request.input },
    { role: 'assistant' as const, content, toolCalls: [call] },
  ];
  turn.end({ text: content, messages, clientCalls: [call] });
};

const errorOf = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { error: { message: string } }).error.message,
];
const last = ({ turns }: ResponsesServer) => turns.last;

describe('a response of an agent', () => {
  test('OC-20: needs a model and something to answer; a string and an array will do', async () => {
    await using server = await serve();
    const headers = { 'x-openclaw-agent-id': 'main' };
    expect(await errorOf(await server.post({ input: 'x' }, '', headers))).toEqual([
      400,
      'model: expected a string',
    ]);
    const silent = [{ type: 'message', role: 'system', content: 'x' }];
    for (const user of [undefined, 'alice']) {
      expect(await errorOf(await server.post({ model, input: silent, user }))).toEqual([
        400,
        'Missing user message in `input`.',
      ]);
    }
    await server.ask({ model, input: 'hello' });
    await server.ask({ model, input: [{ type: 'message', role: 'user', content: 'hello' }] });
    expect(last(server).input).toBe('hello');
  });

  test('OC-21: instructions, system and developer texts are in its prompt', async () => {
    await using server = await serve();
    const input = [
      { role: 'system', content: 'From the system.' },
      { role: 'developer', content: 'From the developer.' },
      { role: 'user', content: 'hi' },
    ];
    await server.ask({ model, instructions: 'From above.', input, user: 'alice' });
    expect(last(server).ephemeralSystem).toBe('From above.\nFrom the system.\nFrom the developer.');
    expect(last(server).input).toBe('hi');
  });

  test('OC-22: a result behind the user’s message is what it goes on from', async () => {
    await using server = await serve();
    const input = [
      { role: 'user', content: 'weather?' },
      { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
    ];
    await server.ask({ model, input });
    expect(last(server).input).toBe('');
    expect((last(server).history as unknown[]).at(-1)).toMatchObject({ role: 'tool', content: 'sunny' });
    await server.ask({ model, input, user: 'alice' });
    expect(last(server)).toMatchObject({
      history: 'stored',
      input: '',
      results: [{ toolCallId: 'c1', content: 'sunny' }],
    });
  });

  test('a history that is sent to a session of its own stands before the message, as in chat', async () => {
    await using server = await serve();
    const input = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: 'three' },
    ];
    await server.ask({ model, input, user: 'alice' });
    expect(last(server).input).toBe(
      '[Chat messages since your last reply - for context]\nUser: one\nAssistant: two\n\n[Current message - respond to this]\nUser: three',
    );
  });

  test('OC-25: tool_choice none hides the caller’s tools, a pinned one is asked for, an unknown one is 400', async () => {
    await using server = await serve();
    const tools = [weather, nested];
    await server.ask({ model, input: 'x', tools, tool_choice: 'none' });
    expect(last(server).toolChoice).toEqual({ type: 'none' });
    await server.ask({
      model,
      input: 'x',
      tools,
      tool_choice: { type: 'function', function: { name: 'set_light' } },
    });
    expect(last(server).toolChoice).toEqual({ type: 'tool', name: 'set_light' });
    expect(last(server).clientTools?.map(({ name }) => name)).toEqual(['get_weather', 'set_light']);
    const unknown = { model, input: 'x', tools, tool_choice: { type: 'function', name: 'other' } };
    expect((await server.post(unknown)).status).toBe(400);
  });

  test('OC-26: max_output_tokens reaches the run', async () => {
    await using server = await serve();
    await server.ask({ model, input: 'x', max_output_tokens: 123 });
    expect(last(server).sampling).toMatchObject({ maxTokens: 123 });
  });

  test('OC-28: streams every event in order, and the pieces are the text', async () => {
    await using server = await serve();
    const events = await server.stream({ model, input: 'x' });
    const types = events.map((event) => event['type']);
    expect([...new Set(types)]).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const pieces = events.filter((event) => event['type'] === 'response.output_text.delta');
    expect(pieces.map((event) => event['delta']).join('')).toBe('Hello');
  });

  test('OC-29: an open call stands behind what was said about it, and the response is completed', async () => {
    await using server = await serve({ script: asks });
    const answer = await server.ask({ model, input: 'x', tools: [weather] });
    const output = answer['output'] as { type: string; call_id?: string }[];
    expect(output.map(({ type }) => type)).toEqual(['message', 'function_call']);
    expect([answer['status'], output[1]?.call_id]).toEqual(['completed', 'call_1']);
    const events = await server.stream({ model, input: 'x', tools: [weather] });
    const said = events.filter((event) => event['type'] === 'response.output_text.delta');
    expect(said.map((event) => event['delta']).join('')).toBe('Let me look.');
  });

  test('tools of the server stay hidden, also where only a header names the agent; who asks for them sees them', async () => {
    const script: Script = (turn) => {
      turn.tool('terminal', 'c1', 'ls');
      turn.end({ text: 'done' });
    };
    await using server = await serve({ script });
    const types = async (body: object, headers: Record<string, string> = {}) =>
      ((await server.ask({ input: 'x', ...body }, '', headers))['output'] as { type: string }[]).map(
        ({ type }) => type,
      );
    expect(await types({ model })).toEqual(['message']);
    expect(await types({ model: 'gpt-4o' }, { 'x-openclaw-agent-id': 'main' })).toEqual(['message']);
    expect(await types({ model, include: ['hermes:tool_calls'] })).toEqual(['hermes:tool_call', 'message']);
    expect(await types({ model: 'hermes-agent' })).toEqual([
      'function_call',
      'function_call_output',
      'message',
    ]);
  });

  test('that is empty is said in words', async () => {
    await using server = await serve({ script: (turn) => turn.end({ text: '' }) });
    const answer = await server.ask({ model, input: 'x' });
    expect(JSON.stringify(answer['output'])).toContain('No response from OpenClaw.');
  });

  test('that failed is 500 with the failed response', async () => {
    const script: Script = (turn) =>
      turn.end({ status: 'failed', error: { code: 'x', message: 'broke' }, usage: noUsage });
    await using server = await serve({ script });
    const answer = await server.post({ model, input: 'x' });
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([500, 'false']);
    expect(await answer.json()).toMatchObject({ object: 'response', status: 'failed' });
  });
});

describe('its session', () => {
  test('OC-7, OC-8: comes from the agent and the user, and is new without one', async () => {
    await using server = await serve({ agents: { list } });
    const session = async (body: object, headers: Record<string, string> = {}) => {
      await server.ask({ input: 'x', model, ...body }, '', headers);
      return last(server).sessionId;
    };
    expect(await session({ user: 'Alice' })).toBe('agent:main:openresponses-user:alice');
    expect(await session({ model: 'agent:beta', user: 'alice' })).toBe('agent:beta:openresponses-user:alice');
    expect(await session({}, { 'x-openclaw-session-key': 'agent:beta:mine' })).toBe('agent:beta:mine');
    const alone = await session({});
    expect(alone).toMatch(/^agent:main:openresponses:[0-9a-f-]{36}$/);
    expect(await session({})).not.toBe(alone);
  });

  test('OC-30: a follow-up that names the response uses its session', async () => {
    await using server = await serve({ script: asks });
    const first = await server.ask({ model, input: 'x', tools: [weather] });
    const session = last(server).sessionId;
    server.turns.script = (turn) => turn.end({ text: 'sunny' });
    const input = [{ type: 'function_call_output', call_id: 'call_1', output: 'sunny' }];
    await server.ask({ model, previous_response_id: first['id'], input });
    expect(last(server).sessionId).toBe(session);
    expect((last(server).history as unknown[]).length).toBeGreaterThan(2);
  });

  test('of a key goes on from a named response, and with its own history', async () => {
    await using server = await serve();
    const first = await server.ask({ model, input: 'x' }, '', { 'x-openclaw-session-key': 'mine' });
    await server.ask({ model, input: 'y', previous_response_id: first['id'] });
    expect(last(server)).toMatchObject({ sessionId: 'agent:main:mine', history: 'stored', input: 'y' });
    const [one, two] = server.turns.requests;
    expect(one?.sessionKey).toBe(two?.sessionKey);
  });

  test('is not continued by another agent', async () => {
    await using server = await serve({ agents: { list } });
    const first = await server.ask({ model: 'openclaw:main', input: 'x' });
    const other = { model: 'openclaw:beta', input: 'y', previous_response_id: first['id'] };
    expect((await server.post(other)).status).toBe(400);
    await server.ask({ model: 'openclaw:main', input: 'x', conversation: 'talk' });
    await server.ask({ model: 'openclaw:beta', input: 'y', conversation: 'talk' });
    expect(last(server).history).toEqual([]);
  });

  test('a conversation of an agent is not reached by writing its name out', async () => {
    await using server = await serve({ agents: { list } });
    await server.ask({ model: 'openclaw:beta', input: 'told to beta', conversation: 'talk' });
    const answer = await server.ask({ input: 'y', conversation: 'agent:beta talk' });
    expect(last(server).history).toEqual([]);
    expect(answer).toMatchObject({ conversation: { id: 'agent:beta talk' } });
    await server.ask({ input: 'z', conversation: 'agent:beta talk' });
    expect(JSON.stringify(last(server).history)).toContain('"y"');
    await server.ask({ model: 'openclaw:beta', input: 'again', conversation: 'talk' });
    expect(JSON.stringify(last(server).history)).toContain('told to beta');
  });

  test('that calls its agent main is that of the default agent where none is called so', async () => {
    await using server = await serve({ agents: { list: [agent('solo')], fallback: 'solo' } });
    const headers = { 'x-openclaw-session-key': 'agent:main:x' };
    const first = await server.ask({ model, input: 'x' }, '', headers);
    await server.ask({ model, input: 'y', previous_response_id: first['id'] });
    expect(last(server).sessionId).toBe('agent:main:x');
  });

  test('a repeated key for another agent is another request', async () => {
    await using server = await serve({ agents: { list } });
    const once = { 'Idempotency-Key': 'k' };
    for (const id of ['main', 'beta', 'beta']) {
      await server.ask({ model, input: 'x' }, '', { ...once, 'x-openclaw-agent-id': id });
    }
    expect(server.turns.turns).toHaveLength(2);
  });
});

describe('what an agent is', () => {
  test('its model, persona and tools come with every response', async () => {
    await using server = await serve({ agents: { list } });
    await server.ask({ model: 'openclaw:beta', input: 'x' });
    expect(last(server)).toMatchObject({
      model: { model: 'beta-model' },
      persona: { text: 'You are Beta.' },
      tools: ['read_file'],
    });
  });

  test('OC-36, OC-37: public agents have no owner tools unless the caller says that the owner asks', async () => {
    await using server = await serve({ agents: { list } });
    const tools = async (name: string, headers: Record<string, string> = {}) => {
      await server.ask({ model: name, input: 'x' }, '', headers);
      return last(server).tools;
    };
    expect(await tools('openclaw:main')).toBeUndefined();
    expect(await tools('openclaw:main', { 'x-openclaw-sender-is-owner': 'false' })).not.toContain('cronjob');
    expect(await tools('openclaw:shop')).not.toContain('cronjob');
    expect(last(server).persona).toEqual({ text: '', isPublic: true });
    expect(await tools('openclaw:shop', { 'x-openclaw-sender-is-owner': 'true' })).toBeUndefined();
  });
});

describe('over a WebSocket', () => {
  test('the headers of the connection and the model of the frame choose the agent, with its tools', async () => {
    await using server = await serve({ agents: { list } });
    const peer = new Peer(server, { headers: { 'x-openclaw-session-key': 'agent:beta:mine' } });
    await peer.create({ model, input: 'x' });
    await peer.events();
    expect(last(server)).toMatchObject({ sessionId: 'agent:beta:mine', tools: ['read_file'] });
    const other = new Peer(server);
    await other.create({ model: 'openclaw:shop', input: 'x' });
    await other.events();
    expect(last(server).persona).toEqual({ text: '', isPublic: true });
  });
});
