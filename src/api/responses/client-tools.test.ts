import { describe, expect, it } from 'vitest';
import type { Script } from '../testing/fake-turns.ts';
import { expectValid, expectValidEvents, serve } from './testing.ts';

const flat = { type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } };
const nested = { type: 'function', function: { name: 'get_time', description: 'now', strict: true } };

/** Asks for the weather of two towns; goes on when it is told. */
const weather: Script = (turn) => {
  const { input, history } = turn.request;
  if (typeof history !== 'string' && history.at(-1)?.role === 'tool' && input === '') {
    turn.say('Sunny.');
    const given = history.slice(-2);
    turn.end({ text: 'Sunny.', messages: [...given, { role: 'assistant', content: 'Sunny.' }] });
    return;
  }
  const calls = ['Rome', 'Oslo'].map((town, n) => ({
    id: `call_${n}`,
    name: 'get_weather',
    arguments: JSON.stringify({ town }),
  }));
  turn.say('Let me see.');
  turn.emit({ type: 'segment.end' });
  turn.end({
    text: 'Let me see.',
    exit: 'client_tools',
    clientCalls: calls,
    messages: [
      { role: 'user', content: input },
      { role: 'assistant', content: 'Let me see.', toolCalls: calls },
    ],
  });
};

const ask = { input: 'weather?', tools: [flat, nested] };
const outputs = (answer: Record<string, unknown>, type: string) =>
  (answer['output'] as Record<string, unknown>[]).filter((item) => item['type'] === type);

describe('functions of the caller', () => {
  it('are offered to the model and echoed flat, with nulls for what was not said', async () => {
    await using server = await serve({ script: weather });
    const answer = await server.ask(ask);
    expectValid('ResponseResource', answer);
    expect(answer['tools']).toEqual([
      { ...flat, description: null, strict: null },
      { type: 'function', name: 'get_time', description: 'now', parameters: null, strict: true },
    ]);
    expect(server.turns.last.clientTools).toEqual([
      { name: 'get_weather', description: '', parameters: { type: 'object', properties: {} } },
      { name: 'get_time', description: 'now', parameters: { type: 'object', properties: {} }, strict: true },
    ]);
  });

  it('end the response with their open calls, as completed', async () => {
    await using server = await serve({ script: weather });
    const answer = await server.ask(ask);
    expect(answer['status']).toBe('completed');
    expect(answer['output']).toMatchObject([
      { type: 'message', phase: 'commentary', content: [{ text: 'Let me see.' }] },
      { type: 'function_call', call_id: 'call_0', arguments: '{"town":"Rome"}', status: 'completed' },
      { type: 'function_call', call_id: 'call_1', name: 'get_weather', status: 'completed' },
    ]);
  });

  it('stream their arguments in the published order', async () => {
    await using server = await serve({ script: weather });
    const events = await server.stream(ask);
    expectValidEvents(events);
    const ofFirst = events.filter((event) => event['output_index'] === 1);
    expect(ofFirst).toMatchObject([
      { type: 'response.output_item.added', item: { arguments: '', status: 'in_progress' } },
      { type: 'response.function_call_arguments.delta', delta: '{"town":"Rome"}' },
      { type: 'response.function_call_arguments.done', name: 'get_weather' },
      { type: 'response.output_item.done', item: { arguments: '{"town":"Rome"}', status: 'completed' } },
    ]);
  });

  it('are answered with the next request, and the turn goes on from there', async () => {
    await using server = await serve({ script: weather });
    const answer = await server.ask(ask);
    const results = outputs(answer, 'function_call').map(({ call_id }, n) => ({
      type: 'function_call_output',
      call_id,
      output: n === 0 ? '30 °C' : [{ type: 'input_text', text: '10 °C' }],
    }));
    const next = await server.ask({ previous_response_id: answer['id'], input: results, tools: [flat] });
    expect(outputs(next, 'message')).toMatchObject([{ content: [{ text: 'Sunny.' }] }]);
    const { history, input } = server.turns.last;
    expect(input).toBe('');
    expect(history).toMatchObject([
      { role: 'user' },
      { role: 'assistant', toolCalls: [{ id: 'call_0' }, { id: 'call_1' }] },
      { role: 'tool', toolCallId: 'call_0', name: 'get_weather', content: '30 °C' },
      { role: 'tool', toolCallId: 'call_1', content: '10 °C' },
    ]);
    await server.ask({ previous_response_id: next['id'], input: 'thanks' });
    expect(server.turns.last.history).toHaveLength(5);
  });

  it('cannot be answered when nobody asked, in a chain', async () => {
    await using server = await serve({ script: weather });
    const { id } = await server.ask(ask);
    const input = [{ type: 'function_call_output', call_id: 'call_9', output: '' }];
    const refused = await server.post({ previous_response_id: id, input });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param: 'input' } });
  });

  it('can be answered with replayed items, or without their call', async () => {
    await using server = await serve({ script: weather });
    const answer = await server.ask(ask);
    const calls = outputs(answer, 'function_call');
    await server.ask({
      input: [
        { role: 'user', content: 'weather?' },
        ...calls,
        ...calls.map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'warm' })),
      ],
    });
    expect(server.turns.last.history).toMatchObject([
      { role: 'user' },
      { role: 'assistant', toolCalls: [{ id: 'call_0' }, { id: 'call_1' }] },
      { role: 'tool' },
      { role: 'tool' },
    ]);
    await server.ask({ input: [{ type: 'function_call_output', call_id: 'call_x', output: 'warm' }] });
    expect(server.turns.last.history).toMatchObject([
      { role: 'assistant', toolCalls: [{ id: 'call_x' }] },
      { role: 'tool', toolCallId: 'call_x', content: 'warm' },
    ]);
  });

  it('are called once at most without parallel_tool_calls', async () => {
    await using server = await serve({ script: weather });
    const answer = await server.ask({ ...ask, parallel_tool_calls: false });
    expect(answer['parallel_tool_calls']).toBe(false);
    expect(server.turns.last.sampling).toEqual({ parallelToolCalls: false });
  });

  it('get an id that clients can send back where the model’s is too long', async () => {
    const long = 'x'.repeat(80);
    await using server = await serve({
      script: (turn) => {
        const calls = [{ id: long, name: 'get_weather', arguments: '' }];
        const messages = [
          { role: 'user' as const, content: 'q' },
          { role: 'assistant' as const, content: '', toolCalls: calls },
        ];
        turn.end({ clientCalls: calls, messages });
      },
    });
    const answer = await server.ask(ask);
    const [call] = outputs(answer, 'function_call');
    expect(call).toMatchObject({ arguments: '{}' });
    expect(String(call!['call_id']).length).toBeLessThanOrEqual(64);
    const input = [{ type: 'function_call_output', call_id: call!['call_id'], output: 'warm' }];
    await server.ask({ previous_response_id: answer['id'], input });
    expect(server.turns.last.history).toMatchObject([{}, {}, { toolCallId: call!['call_id'] }]);
  });
});

describe('tool_choice', () => {
  const cases = [
    ['auto', undefined],
    ['required', { type: 'required' }],
    ['none', { type: 'none' }],
    [
      { type: 'allowed_tools', mode: 'none', tools: [{ type: 'function', name: 'get_time' }] },
      { type: 'none' },
    ],
    [
      { type: 'function', name: 'get_time' },
      { type: 'tool', name: 'get_time' },
    ],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_time' }] },
      { type: 'allowed', names: ['get_time'], required: true },
    ],
  ] as const;
  for (const [wish, choice] of cases) {
    it(`${JSON.stringify(wish)} reaches the agent and is echoed`, async () => {
      await using server = await serve({ script: weather });
      const answer = await server.ask({ ...ask, tool_choice: wish });
      expectValid('ResponseResource', answer);
      expect(answer['tool_choice']).toEqual(wish);
      expect(server.turns.last.toolChoice).toEqual(choice);
    });
  }

  it('an empty list of tools leaves the model without any tool', async () => {
    await using server = await serve();
    await server.ask({ input: 'x', tools: [] });
    expect(server.turns.last.tools).toEqual([]);
    expect(server.turns.last.clientTools).toBeUndefined();
  });

  it.each([
    [{ tool_choice: { type: 'function', name: 'unknown' } }, 'tool_choice'],
    [{ tool_choice: { type: 'allowed_tools', tools: [{ type: 'function', name: 'no' }] } }, 'tool_choice'],
    [{ tool_choice: 'sometimes' }, 'tool_choice'],
    [{ tools: [{ type: 'function', name: 'bad name' }] }, 'tools[0]'],
    [{ tools: [{ type: 'function', name: 'f', parameters: { type: 'string' } }] }, 'tools[0].parameters'],
    [{ tools: [flat, flat] }, 'tools'],
  ])('or tools that cannot be meant are refused: %j', async (wrong, param) => {
    await using server = await serve();
    const refused = await server.post({ ...ask, ...wrong });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param } });
    expect(server.turns.turns).toEqual([]);
  });

  it('hosted tools of other vendors are reported as ignored', async () => {
    await using server = await serve();
    const response = await server.post({ input: 'x', tools: [{ type: 'web_search' }], seed: 1 });
    expect(response.headers.get('x-hermes-ignored')).toBe('seed, tools[0]');
  });
});

describe('text.format', () => {
  const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
  const format = { type: 'json_schema', name: 'count', schema, strict: true };
  const saying = (text: string) => ({ script: ((turn) => turn.end({ text })) as Script });

  it('reaches the agent, is echoed, and lets a matching answer pass', async () => {
    await using server = await serve(saying('{"n":1}'));
    const answer = await server.ask({ input: 'x', text: { format, verbosity: 'low' } });
    expectValid('ResponseResource', answer);
    expect(answer).toMatchObject({
      status: 'completed',
      text: { format: { ...format, description: null }, verbosity: 'low' },
    });
    expect(server.turns.last.responseFormat).toEqual(format);
  });

  it.each(['prose', '{"n":"one"}'])('never passes off %j as what a strict schema promised', async (text) => {
    await using server = await serve(saying(text));
    const answer = await server.ask({ input: 'x', text: { format } });
    expectValid('ResponseResource', answer);
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
  });

  it('ends the check of an answer that its schema makes endless, and goes on serving', async () => {
    await using server = await serve(saying(`"${'a'.repeat(60)}!"`));
    const schema = { type: 'string', pattern: '^(a+)+$' };
    const answer = await server.ask({ input: 'x', text: { format: { ...format, schema } } });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
    server.turns.script = (turn) => turn.end({ text: '"aaa"' });
    expect(await server.ask({ input: 'x', text: { format: { ...format, schema } } })).toMatchObject({
      status: 'completed',
    });
  });

  it.each(['https://json-schema.org/draft/2020-12/schema', 'http://json-schema.org/draft-07/schema#'])(
    'may say which draft it follows: %s',
    async ($schema) => {
      await using server = await serve(saying('{"n":1}'));
      const ask = () =>
        server.ask({ input: 'x', text: { format: { ...format, schema: { $schema, ...schema } } } });
      expect(await ask()).toMatchObject({ status: 'completed' });
      server.turns.script = (turn) => turn.end({ text: '{"n":"one"}' });
      expect(await ask()).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
    },
  );

  it('refuses a schema that is none', async () => {
    await using server = await serve();
    const bad = { ...format, schema: { type: 'nonsense' } };
    const refused = await server.post({ input: 'x', text: { format: bad } });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param: 'text.format.schema' } });
  });
});
