import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../errors.ts';
import { chunksOf, listenFake } from '../testing/open.ts';
import { readChatRequest } from './request.ts';

const user = { role: 'user', content: 'x' };
const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
const read = (fields: object) => readChatRequest({ messages: [user], ...fields });

function refusal(fields: object): { message: string; param: string | null; status: number } | undefined {
  try {
    read(fields);
  } catch (error) {
    if (error instanceof ApiError) return { ...error.body.error, status: error.status };
    throw error;
  }
  return undefined;
}

const huge = { type: 'object', description: 'x'.repeat(70_000) };
const refused: [string, object, object][] = [
  ['tools that are no list', { tools: {} }, { param: 'tools' }],
  ['129 tools', { tools: Array.from({ length: 129 }, (_, i) => tool(`t${i}`)) }, { param: 'tools' }],
  [
    'a hosted tool',
    { tools: [{ type: 'web_search' }] },
    { message: expect.stringContaining('only function tools are supported'), param: 'tools[0].type' },
  ],
  ['a tool without function', { tools: [{ type: 'function' }] }, { param: 'tools[0].function' }],
  ['a name with a dot', { tools: [tool('a.b')] }, { param: 'tools[0].function.name' }],
  ['a name of 65 characters', { tools: [tool('a'.repeat(65))] }, { param: 'tools[0].function.name' }],
  ['one name twice', { tools: [tool('a'), tool('a')] }, { param: 'tools[1].function.name' }],
  [
    'parameters that are no schema',
    { tools: [tool('a', { parameters: 'x' })] },
    { param: 'tools[0].function.parameters' },
  ],
  [
    'parameters that are no object schema',
    { tools: [tool('a', { parameters: { type: 'array' } })] },
    { param: 'tools[0].function.parameters', code: 'invalid_function_parameters' },
  ],
  ['a large schema', { tools: [tool('a', { parameters: huge })] }, { param: 'tools[0].function' }],
  [
    'schemas that are large together',
    { tools: Array.from({ length: 12 }, (_, i) => tool(`t${i}`, { description: 'x'.repeat(50_000) })) },
    { param: 'tools[10].function' },
  ],
  ['an unknown choice', { tools: [tool('a')], tool_choice: 'any' }, { param: 'tool_choice' }],
  [
    'a choice of another kind',
    { tools: [tool('a')], tool_choice: { type: 'custom' } },
    { param: 'tool_choice' },
  ],
  ['a required call without tools', { tool_choice: 'required' }, { param: 'tool_choice' }],
  [
    'a choice that names a tool of the server',
    { tools: [tool('a')], tool_choice: tool('terminal') },
    { param: 'tool_choice.function.name' },
  ],
  [
    'an allowed tool that is not there',
    {
      tools: [tool('a')],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool('a'), tool('b')] } },
    },
    { param: 'tool_choice.allowed_tools.tools[1].function.name' },
  ],
  ['both forms', { tools: [tool('a')], functions: [{ name: 'b' }] }, { param: 'functions' }],
  ['parallel calls that are no boolean', { parallel_tool_calls: 'no' }, { param: 'parallel_tool_calls' }],
  ['an unknown format', { response_format: { type: 'xml' } }, { param: 'response_format.type' }],
  [
    'a format without schema',
    { response_format: { type: 'json_schema', json_schema: { name: 'a' } } },
    { param: 'response_format.json_schema.schema' },
  ],
  [
    'a large format',
    { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: huge } } },
    { param: 'response_format.json_schema.schema' },
  ],
];

describe('a request is refused for', () => {
  test.each(refused)('%s', (_, fields, expected) => {
    expect(refusal(fields)).toMatchObject({ status: 400, type: 'invalid_request_error', ...expected });
  });
});

describe('tools of a request', () => {
  test('reach the turn with a schema every vendor takes', () => {
    const parameters = { type: 'object', properties: { a: { type: 'string' } } };
    const { clientTools, toolChoice, tools, legacy } = read({
      tools: [tool('a', { description: 'A.', parameters, strict: true }), tool('b', { parameters: null })],
      tool_choice: 'auto',
    });
    expect(clientTools).toEqual([
      { name: 'a', description: 'A.', parameters, strict: true },
      { name: 'b', description: '', parameters: { type: 'object', properties: {} } },
    ]);
    expect([toolChoice, tools, legacy]).toEqual([undefined, undefined, false]);
  });

  test.each<[unknown, unknown]>([
    ['auto', undefined],
    [null, undefined],
    ['none', { type: 'none' }],
    ['required', { type: 'required' }],
    [tool('a'), { type: 'tool', name: 'a' }],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('a')] } },
      { type: 'allowed', names: ['a'], required: true },
    ],
  ])('with the choice %j', (choice, expected) => {
    expect(read({ tools: [tool('a'), tool('b')], tool_choice: choice }).toolChoice).toEqual(expected);
  });

  test('in the older form are the same, one call at a time', () => {
    const functions = [{ name: 'a', parameters: { type: 'object' } }];
    expect(read({ functions, function_call: { name: 'a' } })).toMatchObject({
      clientTools: [{ name: 'a' }],
      toolChoice: { type: 'tool', name: 'a' },
      sampling: { parallelToolCalls: false },
      legacy: true,
    });
    expect(read({ functions, function_call: 'none' }).toolChoice).toEqual({ type: 'none' });
  });

  test('one call at a time is a wish of its own, its opposite is none', () => {
    expect(read({ parallel_tool_calls: false }).sampling).toEqual({ parallelToolCalls: false });
    expect(read({ parallel_tool_calls: true }).sampling).toBeUndefined();
  });

  test('an answer format is passed on, free text is none', () => {
    const schema = { type: 'object' };
    const format = { name: 'a', description: 'd', schema, strict: true };
    expect(read({ response_format: { type: 'text' } }).responseFormat).toBeUndefined();
    expect(read({ response_format: { type: 'json_object' } }).responseFormat).toEqual({
      type: 'json_object',
    });
    expect(read({ response_format: { type: 'json_schema', json_schema: format } }).responseFormat).toEqual({
      type: 'json_schema',
      ...format,
    });
  });
});

const asked = {
  role: 'assistant',
  content: null,
  tool_calls: ['a', 'b'].map((id) => ({ id, ...tool('dice', { arguments: '{}' }) })),
};
const result = (id: string, content = '6') => ({ role: 'tool', tool_call_id: id, content });

describe('results at the end of a request', () => {
  test('continue the answer: nothing new is said, and the session is that of the first request', async () => {
    await using server = await listenFake();
    const first = await server.post({ messages: [user], tools: [tool('dice')] });
    const messages = [user, asked, result('b'), result('a', '')];
    const second = await server.post({ messages, tools: [tool('dice')] });
    expect(second.status).toBe(200);
    expect(second.headers.get('x-hermes-session-id')).toBe(first.headers.get('x-hermes-session-id'));
    const { input, history } = server.turns.last;
    expect(input).toBe('');
    expect(history).toMatchObject([
      { role: 'user' },
      { role: 'assistant', toolCalls: [{ id: 'a' }, { id: 'b' }] },
      { role: 'tool', toolCallId: 'b', name: 'dice', content: '6' },
      { role: 'tool', toolCallId: 'a', name: 'dice', content: '' },
    ]);
  });

  test.each<[string, object[], string]>([
    ['of a call nobody made', [user, asked, result('a'), result('z')], 'messages[3].tool_call_id'],
    ['without the message that asked', [user, result('a')], 'messages[1].tool_call_id'],
    ['behind another message', [user, asked, user, result('a')], 'messages[3].tool_call_id'],
  ])('%s are refused', async (_, messages, param) => {
    await using server = await listenFake();
    const answer = await server.post({ messages });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { param: string } }).error.param).toBe(param);
    expect(server.turns.requests).toEqual([]);
  });

  test('reach a stored session, which has the calls itself', async () => {
    await using server = await listenFake();
    await server.post({ messages: [result('a', 'six')] }, { 'X-Hermes-Session-Id': 's' });
    expect(server.turns.last).toMatchObject({
      history: 'stored',
      historyIfEmpty: [],
      input: '',
      results: [{ toolCallId: 'a', content: 'six' }],
    });
  });

  test('reach a stored session also before something new that is said', async () => {
    await using server = await listenFake();
    const messages = [user, asked, result('a', 'six'), { role: 'user', content: 'and now?' }];
    await server.post({ messages }, { 'X-Hermes-Session-Id': 's' });
    expect(server.turns.last).toMatchObject({
      input: 'and now?',
      historyIfEmpty: [{ role: 'user' }, { role: 'assistant' }, { role: 'tool' }],
      results: [{ toolCallId: 'a', content: 'six' }],
    });
  });
});

describe('an answer with open calls', () => {
  const args = `{"text":"${'😀'.repeat(300)}"}`;
  const clientCalls = [
    { id: 'call_1', name: 'dice', arguments: '{}' },
    { id: 'call_2', name: 'say', arguments: args },
  ];
  const open = () =>
    listenFake({
      script: (turn) => {
        turn.emit({ type: 'status', kind: 'warning', text: 'seed has no effect with this model.' });
        turn.say('Moment.');
        turn.tool('terminal', 'call_0', 'ls');
        turn.end({ text: 'Moment.', exit: 'client_tools', clientCalls });
      },
    });
  const tools = [tool('dice'), tool('say')];
  const functions = tools.map((each) => each.function);
  const hello = { messages: [user] };

  test('has them in its JSON, and none of the server’s', async () => {
    await using server = await open();
    const body = (await (await server.post({ ...hello, tools })).json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: 'Moment.',
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'dice', arguments: '{}' } },
              { id: 'call_2', type: 'function', function: { name: 'say', arguments: args } },
            ],
          },
        },
      ],
      warnings: ['seed has no effect with this model.'],
    });
    expect(body).not.toHaveProperty('hermes');
  });

  test('says nothing with null, not with an empty text', async () => {
    await using server = await listenFake({ script: (turn) => turn.end({ clientCalls }) });
    const body = await (await server.post({ ...hello, tools })).json();
    expect(body).toMatchObject({ choices: [{ message: { content: null } }] });
  });

  test('streams each call as its name and then its arguments in whole characters', async () => {
    await using server = await open();
    const text = await (await server.post({ ...hello, tools, stream: true })).text();
    const chunks = chunksOf(text) as {
      choices: { delta: Record<string, never>; finish_reason: unknown }[];
    }[];
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    const calls = deltas.flatMap((delta) => (delta['tool_calls'] ?? []) as { index: number }[]);
    expect(calls.filter((call) => 'id' in call)).toEqual([
      { index: 0, id: 'call_1', type: 'function', function: { name: 'dice', arguments: '' } },
      { index: 1, id: 'call_2', type: 'function', function: { name: 'say', arguments: '' } },
    ]);
    const pieces = calls.map((call) => ({ index: call.index, ...(call as { function?: object }).function }));
    const joined = (index: number) =>
      pieces.flatMap((piece) =>
        piece.index === index ? [(piece as { arguments?: string }).arguments ?? ''] : [],
      );
    expect(joined(0).join('')).toBe('{}');
    expect(joined(1).join('')).toBe(args);
    expect(joined(1).every((piece) => piece.length <= 256 && piece.isWellFormed())).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ delta: {}, finish_reason: 'tool_calls' }],
      warnings: ['seed has no effect with this model.'],
    });
    expect(text.match(/"finish_reason":"/g)).toHaveLength(1);
  });

  test('speaks the older form to those who asked in it', async () => {
    await using server = await open();
    const json = await (await server.post({ ...hello, functions })).json();
    expect(json).toMatchObject({
      choices: [
        { finish_reason: 'function_call', message: { function_call: { name: 'dice', arguments: '{}' } } },
      ],
    });
    const text = await (await server.post({ ...hello, functions, stream: true })).text();
    expect(text).toContain('"function_call":{"name":"dice","arguments":""}');
    expect(text).not.toContain('tool_calls');
    expect(text).not.toContain('say');
  });

  test('joins the same run under one key with the same calls', async () => {
    await using server = await open();
    const ask = async () => (await server.post({ ...hello, tools }, { 'Idempotency-Key': 'k' })).json();
    const [one, two] = [await ask(), await ask()] as { choices: unknown }[];
    expect(one?.choices).toEqual(two?.choices);
    expect(server.turns.requests).toHaveLength(1);
    await server.post(
      { ...hello, tools, response_format: { type: 'json_object' } },
      { 'Idempotency-Key': 'k' },
    );
    expect(server.turns.requests).toHaveLength(2);
  });
});

describe('no field of a request', () => {
  const serverTools = ['terminal', 'write_file', 'process', 'todo', 'hermes-cli', '*', 'all'];
  const name = fc.constantFrom(...serverTools, 'mine', 'other');
  const wish = fc.record(
    {
      tools: fc
        .uniqueArray(name, { maxLength: 4 })
        .map((names) => names.filter((n) => n !== '*').map((n) => tool(n))),
      tool_choice: fc.oneof(
        fc.constantFrom('auto', 'none', 'required'),
        name.map((n) => tool(n)),
      ),
      functions: fc.uniqueArray(name, { maxLength: 2 }).map((names) => names.map((n) => ({ name: n }))),
      toolsets: fc.array(name),
      platform: name,
      source: fc.constantFrom('cli', 'telegram'),
      allowed_tools: fc.array(name),
      metadata: fc.record({ tools: fc.array(name), toolsets: fc.array(name) }),
      model_options: fc.record({ tools: fc.array(name), toolsets: fc.array(name) }),
      extra_body: fc.record({ tools: fc.array(name) }),
    },
    { requiredKeys: [] },
  );

  test('names tools of the server for its turn: it can only ask for none', async () => {
    await using server = await listenFake();
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(wish, async (fields) => {
        const before = server.turns.requests.length;
        const answer = await server.post({ messages: [user], ...fields });
        await answer.text();
        if (answer.status === 400) return;
        accepted += 1;
        expect(server.turns.requests).toHaveLength(before + 1);
        const { tools, source, clientTools = [], ...rest } = server.turns.last;
        expect([tools ?? [], source]).toEqual([[], 'api_server']);
        const declared = [...(fields.tools ?? []).map((t) => t.function), ...(fields.functions ?? [])];
        expect(clientTools.map((each) => each.name)).toEqual(declared.map((each) => each.name));
        expect(rest).not.toHaveProperty('toolsets');
      }),
      { numRuns: 150 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
