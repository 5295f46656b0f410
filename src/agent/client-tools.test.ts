import { beforeEach, describe, expect, test } from 'vitest';
import type { Reply, Upstream } from '../../testkit/upstream/index.ts';
import type { Message } from '../core/message.ts';
import type { AgentRun, JournalStep, Tool, ToolSchema } from './contract.ts';
import type { Mode } from './models/registry.ts';
import { modes, wires } from './models/testing.ts';
import {
  dice,
  fakeTool,
  sentTo,
  type TestAgentOptions,
  testAgent,
  testRun,
  testUpstream,
  warningsIn,
} from './testing.ts';
import { toCaller, toModel } from './wording.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});

const open = (mode: Mode, tools: readonly Tool[] = [], more: TestAgentOptions = {}) => {
  const { path, model: name } = wires[mode];
  const model = { baseUrl: `${upstream.url}${path}`, apiMode: mode, name, ...more.model };
  return testAgent(upstream, { tools, ...more, model });
};

const weather: ToolSchema = {
  name: 'get_weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};
const user: Message = { role: 'user', content: 'x' };
const call = (name: string, args: unknown = {}, id?: string) => ({
  name,
  arguments: args,
  ...(id !== undefined && { id }),
});
const body = (index = -1): Record<string, unknown> => upstream.requests.at(index)!.body;

/** Names of the tools a request offers, in its own words. */
function offered(request: Record<string, unknown>): string[] {
  const tools = (request['tools'] ?? []) as { name?: string; function?: { name: string } }[];
  const declared = tools as unknown as { functionDeclarations?: { name: string }[] }[];
  return tools.flatMap(
    (tool, index) =>
      declared[index]?.functionDeclarations?.map(({ name }) => name) ?? [
        tool.function?.name ?? tool.name ?? '',
      ],
  );
}

const choices: Readonly<Record<Mode, (request: Record<string, unknown>) => unknown>> = {
  chat: (request) => request['tool_choice'],
  responses: (request) => request['tool_choice'],
  anthropic: (request) => request['tool_choice'],
  google: (request) => (request['toolConfig'] as { functionCallingConfig?: unknown })?.functionCallingConfig,
};

const written = {
  chat: {
    required: 'required',
    none: 'none',
    tool: { type: 'function', function: { name: 'dice' } },
    auto: 'auto',
  },
  responses: { required: 'required', none: 'none', tool: { type: 'function', name: 'dice' }, auto: 'auto' },
  anthropic: {
    required: { type: 'any' },
    none: { type: 'none' },
    tool: { type: 'tool', name: 'dice' },
    auto: { type: 'auto' },
  },
  google: {
    required: { mode: 'ANY' },
    none: { mode: 'NONE' },
    tool: { mode: 'ANY', allowedFunctionNames: ['dice'] },
    auto: { mode: 'AUTO' },
  },
} as const;

describe.each(modes)('over the %s wire', (mode) => {
  test('a call of the caller’s tool ends the turn open, and the next turn goes on with its result', async () => {
    const agent = await open(mode);
    upstream.script(
      { text: 'Let me ask.', toolCalls: [call('get_weather', { city: 'Oslo' })] },
      { text: '3°' },
    );
    const first = await agent.run(testRun('x', [], { clientTools: [weather] }).run);
    expect(first).toMatchObject({ status: 'completed', exit: 'client_tools', text: 'Let me ask.' });
    expect(first.clientCalls).toEqual([
      { id: expect.any(String), name: 'get_weather', arguments: '{"city":"Oslo"}' },
    ]);
    expect(first.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(offered(body())).toEqual(['get_weather']);
    const { id } = first.clientCalls![0]!;
    const history: Message[] = [
      ...first.messages,
      { role: 'tool', toolCallId: id, name: 'get_weather', content: '3 degrees' },
    ];
    const second = await agent.run(testRun('', [], { clientTools: [weather], history }).run);
    expect(second).toMatchObject({ status: 'completed', text: '3°', modelCalls: 1 });
    expect(JSON.stringify(body())).toContain('3 degrees');
    expect(second.messages).toMatchObject([history.at(-1)!, { role: 'assistant', content: '3°' }]);
  });

  test('a continuation without the vendor’s opaque data, as clients send it, is accepted', async () => {
    const agent = await open(mode);
    const history: Message[] = [
      user,
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'dice', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'a', name: 'dice', content: '6' },
    ];
    const model = { reasoningEffort: 'high' };
    const result = await agent.run(testRun('', [], { clientTools: [dice], history, model }).run);
    expect(result).toMatchObject({ status: 'completed', text: 'echo: x' });
  });

  test('what must be called is said in the vendor’s words, once', async () => {
    const read = fakeTool('read_file');
    const agent = await open(mode, [read]);
    const ask = async (toolChoice: AgentRun['toolChoice'], ...replies: readonly Reply[]) => {
      const from = upstream.requests.length;
      upstream.script(...replies);
      const clientTools = [weather, dice];
      const { run, events } = testRun('x', [read], { clientTools, ...(toolChoice && { toolChoice }) });
      const result = await agent.run(run);
      const seen = upstream.requests.slice(from).map((request) => request.body as Record<string, unknown>);
      return {
        result,
        said: seen.map(choices[mode]),
        offers: seen.map(offered),
        warned: warningsIn(events),
      };
    };
    const words = written[mode];
    const all = ['read_file', 'get_weather', 'dice'];
    expect(await ask({ type: 'required' }, { toolCalls: [call('dice')] })).toMatchObject({
      said: [words.required],
      offers: [['get_weather', 'dice']],
      result: { exit: 'client_tools' },
      warned: [],
    });
    expect(await ask({ type: 'tool', name: 'dice' }, { text: 'no' })).toMatchObject({
      said: [words.tool],
      offers: [all],
      warned: [toCaller.noCall],
    });
    expect(await ask({ type: 'none' }, { text: 'no' })).toMatchObject({ said: [words.none], offers: [all] });
    const allowed = { type: 'allowed', names: ['dice', 'terminal'], required: false } as const;
    expect(await ask(allowed, { text: 'no' })).toMatchObject({ said: [words.auto], offers: [['dice']] });
    const free = await ask(undefined, { toolCalls: [call('read_file', { path: 'a' })] }, { text: 'ok' });
    expect(free).toMatchObject({ said: [words.auto, words.auto], offers: [all, all] });
  });

  test('an answer format reaches the model as a field or in words, and words are reported', async () => {
    const agent = await open(mode);
    const schema = {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    };
    upstream.script({ text: '{"a":1}' });
    const responseFormat = { type: 'json_schema', name: 'answer', schema, strict: true } as const;
    const { run, events } = testRun('x', [], { responseFormat });
    expect((await agent.run(run)).text).toBe('{"a":1}');
    expect(JSON.stringify(body())).toContain('"additionalProperties":false');
    expect(warningsIn(events)).toEqual([]);

    upstream.script({ text: '{}' });
    const object = testRun('x', [], { responseFormat: { type: 'json_object' } });
    await agent.run(object.run);
    expect(JSON.stringify(body())).toContain('JSON object');
    expect(warningsIn(object.events)).toEqual(mode === 'anthropic' ? [toCaller.formatByWords] : []);
  });
});

describe('tools of the caller', () => {
  test('server tools of the same message run first, and only their results are in the transcript', async () => {
    const read = fakeTool('read_file', {}, () => 'text of the file');
    const agent = await open('chat', [read]);
    upstream.script({
      text: 'Both.',
      toolCalls: [call('get_weather', '{"city": "Oslo" }'), call('read_file', { path: 'a' }), call('dice')],
    });
    const { run, events, journal } = testRun('x', [read], { clientTools: [weather, dice] });
    const result = await agent.run(run);
    expect(result.clientCalls?.map(({ name, arguments: args }) => [name, args])).toEqual([
      ['get_weather', '{"city": "Oslo" }'],
      ['dice', '{}'],
    ]);
    expect(result.messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'x'],
      ['assistant', 'Both.'],
      ['tool', 'text of the file'],
    ]);
    expect(journal).toEqual(['model:get_weather,read_file,dice', 'done:read_file']);
    expect(events.flatMap((event) => (event.type === 'tool.started' ? [event.name] : []))).toEqual([
      'read_file',
    ]);
    expect(upstream.requests).toHaveLength(1);
  });

  test('one with the name of a server tool takes its place: the server’s never runs', async () => {
    const terminal = fakeTool('terminal', { risk: 'exec' });
    const agent = await open('chat', [terminal]);
    upstream.script({ toolCalls: [call('terminal', { command: 'ls' })] });
    const own = { ...dice, name: 'terminal', description: 'Of the caller.' };
    const result = await agent.run(testRun('x', [terminal], { clientTools: [own] }).run);
    expect(result.clientCalls).toHaveLength(1);
    expect(terminal.ran).toEqual([]);
    expect(body()['tools']).toHaveLength(1);
    expect(JSON.stringify(body()['tools'])).toContain('Of the caller.');
  });

  test('broken JSON is passed on as written, cut arguments are asked for again', async () => {
    const agent = await open('chat');
    upstream.script({ toolCalls: [call('dice', '{"n": 1')] }, { toolCalls: [call('dice', "{'n': 1}")] });
    const result = await agent.run(testRun('x', [], { clientTools: [dice] }).run);
    expect(result.clientCalls?.[0]?.arguments).toBe("{'n': 1}");
    expect(upstream.requests).toHaveLength(2);
  });

  test('a call beside one that cannot run is held back and told so', async () => {
    const agent = await open('chat');
    upstream.script({ toolCalls: [call('dice'), call('frobnicate')] }, { text: 'ok' });
    const result = await agent.run(testRun('x', [], { clientTools: [dice] }).run);
    expect(result).toMatchObject({ text: 'ok', exit: expect.stringContaining('text_response') });
    expect(result.clientCalls).toBeUndefined();
    expect(result.messages.filter(({ role }) => role === 'tool').map(({ content }) => content)).toEqual([
      toModel.skipped('frobnicate'),
      toModel.unknownTool('frobnicate', ['dice']),
    ]);
  });

  test('without parallel calls the first call of a message counts, whoever runs it', async () => {
    const read = fakeTool('read_file');
    const agent = await open('chat', [read]);
    upstream.script({ toolCalls: [call('dice'), call('read_file'), call('get_weather')] });
    const { run } = testRun('x', [read], {
      clientTools: [weather, dice],
      sampling: { parallelToolCalls: false },
    });
    const result = await agent.run(run);
    expect(result.clientCalls?.map(({ name }) => name)).toEqual(['dice']);
    expect(read.ran).toEqual([]);
    expect(body()['parallel_tool_calls']).toBe(false);
    expect(result.messages[1]).toMatchObject({ toolCalls: [{ name: 'dice' }] });
  });

  test('with the choice none nothing runs, even when the model calls', async () => {
    const read = fakeTool('read_file');
    const agent = await open('chat', [read]);
    upstream.script({ toolCalls: [call('read_file'), call('dice')] }, { text: 'fine' });
    const run = testRun('x', [read], { clientTools: [dice], toolChoice: { type: 'none' } });
    const result = await agent.run(run.run);
    expect(read.ran).toEqual([]);
    expect(result).toMatchObject({ text: 'fine' });
    expect(result.clientCalls).toBeUndefined();
    expect(body()['tool_choice']).toBe('none');
  });

  test('several results continue together, and a missing one is told as not given', async () => {
    const agent = await open('chat');
    const calls = ['a', 'b', 'c'].map((id) => ({ id, name: 'dice', arguments: `{"n":"${id}"}` }));
    const history: Message[] = [
      user,
      { role: 'assistant', content: '', toolCalls: calls },
      { role: 'tool', toolCallId: 'c', name: 'dice', content: 'three' },
      { role: 'tool', toolCallId: 'a', name: 'dice', content: 'one' },
    ];
    const result = await agent.run(testRun('', [], { clientTools: [dice], history }).run);
    expect(result.status).toBe('completed');
    const sent = sentTo(upstream);
    expect(
      sent.filter(({ role }) => role === 'tool').map((each) => [each.tool_call_id, each.content]),
    ).toEqual([
      ['a', 'one'],
      ['b', toModel.noResult],
      ['c', 'three'],
    ]);
    expect(sent.filter(({ role }) => role === 'user')).toHaveLength(1);
    expect(result.messages.map(({ role }) => role)).toEqual(['tool', 'tool', 'tool', 'assistant']);
  });

  test('a continuation that fails keeps the results that were given', async () => {
    const agent = await open('chat', [], { attempts: 1 });
    upstream.script({ fault: { kind: 'status', status: 400, message: 'no' } });
    const history: Message[] = [
      user,
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'dice', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'a', name: 'dice', content: 'one' },
    ];
    const result = await agent.run(testRun('', [], { clientTools: [dice], history }).run);
    expect(result).toMatchObject({ status: 'failed', messages: [history[2]] });
  });
});

describe('a resumed turn', () => {
  const both = [
    { id: '1', name: 'read_file', arguments: '{}' },
    { id: '2', name: 'dice', arguments: '{}' },
  ];
  const model: JournalStep = {
    kind: 'model',
    message: { role: 'assistant', content: 'Both.', toolCalls: both },
    usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
  };

  test.each<[string, readonly JournalStep[], number]>([
    ['before the server’s tool ran', [model], 1],
    ['after it', [model, { kind: 'tool', call: both[0]!, result: 'text' }], 0],
  ])('with a caller’s call open ends the same way when it stopped %s', async (_, past, runs) => {
    const read = fakeTool('read_file', {}, () => 'text');
    const agent = await open('chat', [read]);
    const result = await agent.run(testRun('x', [read], { clientTools: [dice], past }).run);
    expect(result).toMatchObject({ status: 'completed', exit: 'client_tools', text: 'Both.' });
    expect(result.clientCalls).toEqual([both[1]]);
    expect(result.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(read.ran).toHaveLength(runs);
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('wishes a model does not take', () => {
  test('a schema that the endpoint refuses is asked for in words, and the caller is told', async () => {
    const agent = await open('chat', [], { attempts: 1 });
    upstream.script(
      {
        fault: { kind: 'status', status: 400, message: "response_format: 'json_schema' is unavailable now" },
      },
      { text: 'not json' },
    );
    const schema = { type: 'object', properties: { deep_field: { type: 'number' } } };
    const responseFormat = { type: 'json_schema', name: 'answer', schema } as const;
    const { run, events } = testRun('x', [], { responseFormat });
    expect(await agent.run(run)).toMatchObject({ status: 'completed', text: 'not json' });
    expect(body(0)['response_format']).toMatchObject({ type: 'json_schema', json_schema: { strict: false } });
    expect(body()['response_format']).toBeUndefined();
    expect(JSON.stringify(body()['messages'])).toContain('deep_field');
    expect(warningsIn(events)).toEqual([toCaller.formatByWords, toCaller.notJson]);
  });

  test('sampling fields that the vendor has no place for are named, what it takes is not', async () => {
    const agent = await open('anthropic');
    const { run, events } = testRun('x', [], {
      sampling: { temperature: 0.5, seed: 7, frequencyPenalty: 1 },
    });
    await agent.run(run);
    expect(body()['temperature']).toBe(0.5);
    expect(warningsIn(events).map((text) => text.split(' ')[0])).toEqual(['frequency_penalty', 'seed']);
  });
});
