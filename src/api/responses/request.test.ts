import { describe, expect, it } from 'vitest';
import type { Message } from '../../core/message.ts';
import type { FakeTurn } from '../testing/fake-turns.ts';
import { eventsOf, expectValid, expectValidEvents, serve } from './testing.ts';

describe('input', () => {
  it.each([
    ['a string', 'a', 'a', []],
    ['strings', ['a', 'b'], 'b', [{ role: 'user', content: 'a' }]],
    ['messages without a role', [{ content: 'a' }, { content: 'b' }], 'b', [{ role: 'user', content: 'a' }]],
    [
      'typed messages',
      [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] },
        { type: 'reasoning', summary: [], content: null },
        { type: 'item_reference', id: 'msg_1' },
        { id: 'msg_2' },
        { type: 'other:thing', id: 'x' },
        { role: 'user', content: [{ type: 'input_text', text: 'b' }] },
      ],
      'b',
      [{ role: 'assistant', content: 'a' }],
    ],
    [
      'tools of the server, in each of their forms',
      [
        { type: 'hermes:tool_call', id: 'h', call_id: 'a', name: 'read', arguments: '{}', output: 'A' },
        { type: 'mcp_call', id: 'm', server_label: 'hermes', name: 'read', arguments: '{}', output: 'B' },
        { role: 'user', content: 'go on' },
      ],
      'go on',
      [
        { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'read', arguments: '{}' }] },
        { role: 'tool', toolCallId: 'a', name: 'read', content: 'A' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'm', name: 'read', arguments: '{}' }] },
        { role: 'tool', toolCallId: 'm', name: 'read', content: 'B' },
      ],
    ],
  ])('may be %s', async (_, input, last, history) => {
    await using server = await serve();
    await server.ask({ input });
    expect(server.turns.last.input).toBe(last);
    expect(server.turns.last.history).toEqual(history);
  });

  it('takes its system and developer messages as instructions', async () => {
    await using server = await serve();
    const system = { role: 'system', content: 'Be kind.' };
    const developer = { role: 'developer', content: [{ type: 'input_text', text: 'Be quick.' }] };
    await server.ask({ instructions: 'Be brief.', input: [system, developer, 'a'] });
    expect(server.turns.last.ephemeralSystem).toBe('Be brief.\nBe kind.\nBe quick.');
  });

  it('may hold images', async () => {
    await using server = await serve();
    const image_url = 'data:image/png;base64,AAAA';
    await server.ask({
      input: [{ role: 'user', content: [{ type: 'input_image', image_url, detail: 'low' }] }],
    });
    expect(server.turns.last.input).toEqual([
      { type: 'image_url', image_url: { url: image_url, detail: 'low' } },
    ]);
  });

  it.each([
    [{}, "Missing 'input' field", 'input'],
    [{ input: null }, "Missing 'input' field", 'input'],
    [{ input: 5 }, "'input' must be a string or array", 'input'],
    [{ input: [] }, 'No user message found in input', 'input'],
    [{ input: '  ' }, 'No user message found in input', 'input'],
    [{ input: [3] }, 'input[0] must be a string or an object', 'input[0]'],
    [{ input: [{ role: 'robot', content: 'a' }] }, "Unknown message role 'robot'.", 'input[0].role'],
    [{ input: [{ type: 'wish' }] }, "Unsupported input item type 'wish'.", 'input[0].type'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
      expect.stringContaining('not supported'),
      'input[0].content',
    ],
    [{ input: [{ type: 'function_call', call_id: 'a' }] }, "input[0] must have 'name'.", 'input[0].name'],
    [
      { input: 'a', conversation: 'x', previous_response_id: 'y' },
      "Cannot use both 'conversation' and 'previous_response_id'",
      'conversation',
    ],
    [
      { input: 'a', conversation_history: 'x' },
      "'conversation_history' must be an array of message objects",
      'conversation_history',
    ],
    [
      { input: 'a', conversation_history: [{ role: 'user', content: 'x' }, { role: 'user' }] },
      "conversation_history[1] must have 'role' and 'content' fields",
      'conversation_history[1]',
    ],
    [
      { input: 'a', metadata: { ['k'.repeat(65)]: 'v' } },
      expect.stringContaining('metadata'),
      expect.anything(),
    ],
    [{ input: 'a', metadata: { k: 'v'.repeat(513) } }, expect.stringContaining('metadata'), 'metadata.k'],
    [
      { input: 'a', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, ''])) },
      expect.stringContaining('at most 16'),
      'metadata',
    ],
    [{ input: 'a', max_output_tokens: 0 }, expect.any(String), 'max_output_tokens'],
    [{ input: 'a', text: { format: { type: 'xml' } } }, expect.any(String), 'text.format.type'],
  ])('is refused: %j', async (body, message, param) => {
    await using server = await serve();
    const refused = await server.post(body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      error: {
        message,
        param,
        type: 'invalid_request_error',
        code: param === 'input[0].content' ? 'unsupported_content_type' : null,
      },
    });
    expect(server.turns.turns).toEqual([]);
  });
});

describe('a request', () => {
  it('is echoed with every field, nulls where nothing was said', async () => {
    await using server = await serve();
    const said = {
      instructions: 'i',
      temperature: 0.5,
      top_p: 0.9,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      top_logprobs: 2,
      max_output_tokens: 100,
      max_tool_calls: 3,
      truncation: 'auto',
      reasoning: { effort: 'low', summary: null },
      metadata: { a: 'b' },
      safety_identifier: 's',
      prompt_cache_key: 'p',
      user: 'u',
    };
    const answer = await server.ask({ input: 'a', ...said });
    expectValid('ResponseResource', answer);
    expect(answer).toMatchObject(said);
    expect(server.turns.last).toMatchObject({
      sampling: { temperature: 0.5, topP: 0.9, maxTokens: 100, presencePenalty: 0.1, frequencyPenalty: 0.2 },
      model: { reasoningEffort: 'low' },
    });
    expectValid(
      'ResponseResource',
      await server.ask({ input: 'a', ...nulls(said), tools: null, text: null }),
    );
  });

  it('gets its session and memory scope in the headers', async () => {
    await using server = await serve();
    const response = await server.post({ input: 'a' }, '', { 'X-Hermes-Session-Key': 'person' });
    expect(response.headers.get('x-hermes-session-id')).toBe(server.turns.last.sessionId);
    expect(response.headers.get('x-hermes-session-key')).toBe('person');
    expect(response.headers.get('x-hermes-model')).toBe('configured-model');
    expect(server.turns.last.memoryScope).toBe('person');
  });

  it('chooses how tools of the server are shown', async () => {
    await using server = await serve({
      script: (turn) => {
        turn.tool('terminal', 'a');
        turn.end({ text: 'x' });
      },
    });
    const shown = async (body: object, headers = {}) =>
      ((await server.ask({ input: 'a', ...body }, '', headers))['output'] as { type: string }[])[0]?.type;
    expect(await shown({})).toBe('function_call');
    expect(await shown({ include: ['hermes:tool_calls'] })).toBe('hermes:tool_call');
    expect(await shown({ model: 'openclaw:main' })).toBe('message');
    expect(await shown({ model: 'agent:main' })).toBe('message');
    expect(await shown({}, { 'X-Hermes-Tool-Items': 'mcp_call' })).toBe('mcp_call');
    expect((await server.post({ input: 'a' }, '', { 'X-Hermes-Tool-Items': 'all' })).status).toBe(400);
  });

  it('is shown tools of the server as its client takes them, or as the configuration says', async () => {
    const script = (turn: FakeTurn) => {
      turn.tool('terminal', 'a');
      turn.end({ text: 'x' });
    };
    const clients = [
      'OpenAI/JS 7.55.0',
      'ai/7.0.173 ai-sdk-provider-utils/5.0.81',
      'langchainjs-openai/1.0.0',
    ];
    const kinds = async (toolItems: 'none' | undefined) => {
      await using server = await serve({ script, api: { toolItems } });
      const shown: (string | undefined)[] = [];
      for (const client of clients) {
        const answer = await server.ask({ input: 'a' }, '', { 'User-Agent': client });
        shown.push((answer['output'] as { type: string }[])[0]?.type);
      }
      return shown;
    };
    expect(await kinds(undefined)).toEqual(['function_call', 'mcp_call', 'mcp_call']);
    expect(await kinds('none')).toEqual(['message', 'message', 'message']);
  });

  it('is refused at the cap before its body is read', async () => {
    await using server = await serve({ script: () => {}, api: { maxConcurrentRuns: 1 } });
    await server.ask({ input: 'a', background: true });
    expect((await server.post({ nonsense: true })).status).toBe(429);
  });
});

const nulls = (fields: object) =>
  Object.fromEntries(
    Object.keys(fields)
      .filter((name) => name !== 'truncation')
      .map((name) => [name, null]),
  );

describe('an Idempotency-Key', () => {
  const keyed = { 'Idempotency-Key': 'once' };
  const withTool = (turn: FakeTurn) => {
    turn.tool('terminal', 'a');
    const messages: Message[] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'terminal', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'a', name: 'terminal', content: 'ok' },
      { role: 'assistant', content: 'x' },
    ];
    turn.end({ text: 'x', messages });
  };

  it('gives requests with one key one turn and equal answers of their own', async () => {
    await using server = await serve({ script: withTool });
    const body = { input: 'a', conversation: 'talk' };
    const [one, two] = await Promise.all([server.ask(body, '', keyed), server.ask(body, '', keyed)]);
    const three = await server.post(body, '', keyed);
    expect(three.headers.get('idempotency-replayed')).toBe('true');
    const last = (await three.json()) as typeof one;
    expect(server.turns.turns).toHaveLength(1);
    expect(new Set([one['id'], two['id'], last['id']]).size).toBe(3);
    expect([two['output'], last['output']]).toEqual([one['output'], one['output']]);
    for (const { id } of [one, two, last]) expect((await server.get(`/${id}`)).status).toBe(200);
    await server.ask({ input: 'b', conversation: 'talk' });
    expect(server.turns.last.history).toHaveLength(4);
  });

  it('runs another body, and asks again what was not stored', async () => {
    await using server = await serve({ script: withTool });
    const body = { input: 'a', store: false };
    const one = await server.ask(body, '', keyed);
    const two = await server.ask(body, '', keyed);
    expect(server.turns.turns).toHaveLength(1);
    expect((two['output'] as object[]).length).toBe((one['output'] as object[]).length);
    await server.ask({ input: 'other' }, '', keyed);
    expect(server.turns.turns).toHaveLength(2);
  });

  it('lets a stream join its turn, without doubling the conversation', async () => {
    await using server = await serve({ script: withTool });
    const body = { input: 'a', conversation: 'talk', stream: true };
    for (let n = 0; n < 2; n += 1) {
      const events = eventsOf(await (await server.post(body, '', keyed)).text());
      expectValidEvents(events);
      expect(events.at(-1)).toMatchObject({ type: 'response.completed' });
    }
    expect(server.turns.turns).toHaveLength(1);
    await server.ask({ input: 'b', conversation: 'talk' });
    expect(server.turns.last.history).toHaveLength(4);
  });
});

describe('a stream', () => {
  it('joins words that come close together, and keeps their order with tools', async () => {
    await using server = await serve({
      script: (turn) => {
        turn.say('a', 'b', 'c', 'd');
        turn.tool('terminal', 'x');
        turn.say('e', 'f');
        turn.end({ text: 'ef' });
      },
    });
    const events = await server.stream({ input: 'a' });
    expectValidEvents(events);
    const told = events.flatMap(({ type, delta, item }) =>
      type === 'response.output_text.delta'
        ? [delta]
        : type === 'response.output_item.added'
          ? [(item as { type: string }).type]
          : [],
    );
    expect(told).toEqual(['message', 'a', 'bcd', 'function_call', 'function_call_output', 'message', 'ef']);
  });

  it('keeps a silent connection alive, and lets it be read by byte', async () => {
    await using server = await serve({
      script: async (turn) => {
        await new Promise((resolve) => setTimeout(resolve, 60));
        turn.end({ text: 'späť 😀' });
      },
      limits: { keepAliveMs: 20 },
    });
    const response = await server.post({ input: 'a', stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const text = await response.text();
    expect(text).toContain(': keepalive\n\n');
    expectValidEvents(eventsOf(text));
  });
});
