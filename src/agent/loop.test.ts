import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { type Reply, startUpstream, type Upstream } from '../../testkit/upstream/index.ts';
import { GatewayError } from '../core/errors.ts';
import { noUsage } from '../core/message.ts';
import { interruptedResult } from './replay.ts';
import { fakeTool, type TestAgent, type TestAgentOptions, testAgent, testRun } from './testing.ts';

let upstream: Upstream;
let opened: TestAgent | undefined;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  await upstream.close();
});
const open = async (options?: TestAgentOptions) => {
  opened = await testAgent(upstream, options);
  return opened.agent;
};
const call = (name: string, args: unknown = {}, more: Partial<Reply> = {}): Reply => ({
  toolCalls: [{ name, arguments: args }],
  ...more,
});
const status = (code: number, more: object = {}): Reply => ({
  fault: { kind: 'status', status: code, ...more },
});
interface Sent {
  role: string;
  content: string | null;
  tool_calls?: unknown[];
}
const sent = (index = -1) => upstream.requests.at(index)!.body['messages'] as Sent[];
const roles = (messages: readonly { role: string }[]) => messages.map((message) => message.role);

describe('the turn', () => {
  test('a tool call and a text make two model calls and four messages', async () => {
    const todo = fakeTool('todo');
    upstream.script(call('todo'), { text: 'done', usage: { input: 20, output: 2 } });
    const { run, events } = testRun('plan it', [todo]);
    const result = await (await open({ tools: [todo] })).run(run);
    expect(result).toMatchObject({ status: 'completed', text: 'done', modelCalls: 2, model: 'main-model' });
    expect(roles(result.messages)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect(result.usage.input).toBe(30);
    expect(events.map((event) => event.type)).toEqual([
      'turn.started',
      'segment.end',
      'tool.started',
      'tool.completed',
      'text.delta',
      'usage',
    ]);
  });

  test('text, tool, text: one segment end and exactly one blank line between', async () => {
    const todo = fakeTool('todo');
    upstream.script({ text: 'First.', ...call('todo') }, { text: ['\n\n', 'Second.'] });
    const { run, text, events } = testRun('go', [todo]);
    const result = await (await open({ tools: [todo] })).run(run);
    expect(text()).toBe('First.\n\nSecond.');
    expect(events.filter((event) => event.type === 'segment.end')).toHaveLength(1);
    expect(result.text).toBe('Second.');
  });

  test('when the budget ends the model is asked once more, without tools', async () => {
    const read = fakeTool('read_file');
    upstream.script(...Array.from({ length: 90 }, (_, n) => call('read_file', { n })), {
      text: 'so far so good',
    });
    const { run, events } = testRun('read all', [read]);
    const result = await (await open({ tools: [read] })).run(run);
    expect(upstream.requests).toHaveLength(91);
    expect(upstream.requests[90]!.body).not.toHaveProperty('tools');
    expect(result).toMatchObject({ status: 'partial', text: 'so far so good', exit: 'max_iterations' });
    const notices = events.filter((event) => event.type === 'status');
    expect(notices).toEqual([
      {
        type: 'status',
        kind: 'budget',
        text: '⚠️ Iteration budget exhausted (90/90) — asking model to summarise',
      },
    ]);
    expect(JSON.stringify(result.messages)).not.toContain('Without further tools');
  });

  test('an empty summary is asked for twice, then said to be missing', async () => {
    const read = fakeTool('read_file');
    upstream.script(call('read_file'), {}, {});
    const result = await (await open({ tools: [read] })).run(testRun('x', [read], { maxIterations: 1 }).run);
    expect(result.text).toBe("I reached the iteration limit and couldn't generate a summary.");
  });

  test('rounds of execute_code alone are free', async () => {
    const code = fakeTool('execute_code');
    upstream.script(call('execute_code', { a: 1 }), call('execute_code', { a: 2 }), { text: 'end' });
    const result = await (await open({ tools: [code] })).run(testRun('x', [code], { maxIterations: 1 }).run);
    expect(result).toMatchObject({ status: 'completed', text: 'end' });
  });

  test('steering goes to the end of the newest tool result', async () => {
    const todo = fakeTool('todo');
    upstream.script(call('todo'), { text: 'ok' });
    let pending: string | undefined = 'use pnpm';
    const takeSteering = () => {
      const text = pending;
      pending = undefined;
      return text;
    };
    await (await open({ tools: [todo] })).run(testRun('x', [todo], { takeSteering }).run);
    expect(roles(sent(0))).toEqual(['system', 'user']);
    expect(sent().at(-1)?.content).toMatch(/User guidance: use pnpm$/);
  });

  test('the system prompt is the same for every turn of a session and has no clock time', async () => {
    const clock = virtualClock({ autoSleep: true });
    const agent = await open({ clock });
    for (let turn = 0; turn < 20; turn++) {
      await clock.advance(3_600_000);
      await agent.run(testRun('hi', [], { contextPrompt: '## Current Session Context' }).run);
    }
    const prompts = new Set(
      upstream.requests.map((request) => JSON.stringify(request.body['messages']).split('"role":"user"')[0]),
    );
    expect(prompts.size).toBe(1);
    expect([...prompts][0]).toContain('Conversation started: Monday, January 05, 2026');
    expect([...prompts][0]).not.toMatch(/\d\d:\d\d/);
  });
});

describe('failures of the model', () => {
  test('503, 503, 200 make three requests with growing waits, and nothing is shown', async () => {
    const clock = virtualClock({ autoSleep: true, seed: 5 });
    upstream.script(status(503), status(503), { text: 'fine' });
    const { run, text, events } = testRun('hi');
    const result = await (await open({ clock })).run(run);
    expect(upstream.requests).toHaveLength(3);
    const [first = 0, second = 0] = clock.sleeps;
    expect([first >= 2_000, first <= 3_000, second >= 4_000, second <= 6_000]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([result.text, text()]).toEqual(['fine', 'fine']);
    expect(events.some((event) => event.type === 'status')).toBe(false);
  });

  test.each([
    ['7', 7_000],
    ['900', 120_000],
  ])('429 with Retry-After %s waits %i ms', async (hint, wait) => {
    const clock = virtualClock({ autoSleep: true });
    upstream.script(status(429, { headers: { 'retry-after': hint } }));
    await (await open({ clock })).run(testRun('hi').run);
    expect(clock.sleeps).toEqual([wait]);
  });

  test('429 goes to the fallback at once, and the primary is back after a minute', async () => {
    const clock = virtualClock({ autoSleep: true });
    const spare = { provider: 'custom', model: 'spare', baseUrl: `${upstream.url}/v1`, apiKey: upstream.key };
    const agent = await open({ clock, fallback: [spare] });
    upstream.script(status(429));
    const result = await agent.run(testRun('hi').run);
    expect(result).toMatchObject({ status: 'completed', model: 'spare' });
    expect(clock.sleeps).toEqual([]);
    await agent.run(testRun('again').run);
    await clock.advance(61_000);
    await agent.run(testRun('later').run);
    expect(upstream.requests.map((request) => request.body['model'])).toEqual([
      'main-model',
      'spare',
      'spare',
      'main-model',
    ]);
  });

  test('401 is not repeated with the same key: fallback, or failed', async () => {
    const agent = await open({ model: { apiKey: 'sk-wrong-key-12345' } });
    const result = await agent.run(testRun('hi').run);
    expect(result).toMatchObject({ status: 'failed', exit: 'model_error', error: { code: 'auth' } });
    expect(result.messages).toEqual([{ role: 'user', content: 'hi' }]);
    expect(JSON.stringify(result)).not.toContain('wrong-key');
    await opened?.close();
    const spare = { provider: 'custom', model: 'spare', baseUrl: `${upstream.url}/v1`, apiKey: upstream.key };
    const second = await open({ model: { apiKey: 'sk-wrong-key-12345' }, fallback: [spare] });
    expect(await second.run(testRun('hi').run)).toMatchObject({
      status: 'completed',
      text: 'echo: hi',
      model: 'spare',
    });
  });

  test('after the last attempt the failure is told once and only the user message is stored', async () => {
    const clock = virtualClock({ autoSleep: true });
    const todo = fakeTool('todo');
    upstream.script(call('todo'), status(500), status(500), status(500, { message: 'boom' }));
    const result = await (await open({ clock, tools: [todo] })).run(testRun('hi', [todo]).run);
    expect(result.error).toEqual({
      code: 'server_error',
      message: 'API call failed after 3 retries: HTTP 500: boom',
    });
    expect(result.messages).toEqual([{ role: 'user', content: 'hi' }]);
  });

  test('a conversation that is too long stores nothing and says what to do', async () => {
    upstream.script(status(400, { message: "This model's maximum context length is 32768 tokens" }));
    const result = await (await open()).run(testRun('hi').run);
    expect(result).toMatchObject({ status: 'failed', messages: [], error: { code: 'context_overflow' } });
    expect(result.error?.message).toContain('/new');
  });

  test('a stream that drops after text is continued once, without doubling a word', async () => {
    upstream.script(
      { text: ['one ', 'two '], fault: { kind: 'cut-mid-frame', after: 3 } },
      { text: ['three'] },
    );
    const { run, text } = testRun('count');
    const result = await (await open()).run(run);
    expect(upstream.requests).toHaveLength(2);
    expect(sent().slice(-2)).toMatchObject([
      { role: 'assistant', content: 'one two' },
      { role: 'user', content: expect.stringContaining('Continue exactly') },
    ]);
    expect([result.status, result.text, text()]).toEqual(['completed', 'one two three', 'one two three']);
    expect(result.messages).toEqual([
      { role: 'user', content: 'count' },
      { role: 'assistant', content: 'one two three' },
    ]);
  });

  test('a stream that drops inside a tool call is asked again, and the tool runs once', async () => {
    const write = fakeTool('write_file', { risk: 'write', idempotent: false });
    const step: Reply = { text: 'Writing.', ...call('write_file', { path: 'a', content: 'x'.repeat(60) }) };
    upstream.script({ ...step, fault: { kind: 'cut-mid-frame', after: 4 } }, step, { text: 'written' });
    const { run, text } = testRun('write', [write]);
    const result = await (await open({ tools: [write] })).run(run);
    expect(write.ran).toHaveLength(1);
    expect(result.text).toBe('written');
    expect(text()).toBe('Writing.\n\nwritten');
  });

  test('an answer cut by the token limit is continued with a larger cap, at most three times', async () => {
    upstream.script(...Array.from({ length: 4 }, (_, n): Reply => ({ text: `p${n} `, finish: 'length' })));
    const result = await (await open()).run(testRun('long').run);
    expect(upstream.requests.map((request) => request.body['max_tokens'])).toEqual([
      undefined,
      8_192,
      12_288,
      16_384,
    ]);
    expect(result).toMatchObject({
      status: 'partial',
      text: 'p0 p1 p2 p3 ',
      error: { message: 'Response remained truncated after 3 continuation attempts' },
    });
  });

  test('a tool call cut by the token limit never runs', async () => {
    const write = fakeTool('write_file', { risk: 'write' });
    const cut: Reply = {
      toolCalls: [{ name: 'write_file', arguments: '{"path":"/tmp/x","cont' }],
      finish: 'length',
    };
    upstream.script(cut, cut, cut, cut);
    const result = await (await open({ tools: [write] })).run(testRun('x', [write]).run);
    expect(write.ran).toEqual([]);
    expect(result).toMatchObject({
      status: 'partial',
      error: { message: 'Response truncated due to output length limit' },
    });
    expect(upstream.requests).toHaveLength(4);
  });

  test('nothing but thinking tells how to give the answer room', async () => {
    upstream.script({ reasoning: 'hmm', finish: 'length' });
    const result = await (await open()).run(testRun('x').run);
    expect(result).toMatchObject({
      status: 'partial',
      text: expect.stringContaining('**Thinking Budget Exhausted**'),
    });
  });

  test('silence after tool results is nudged once, and the nudge is not stored', async () => {
    const todo = fakeTool('web_search');
    upstream.script(call('web_search'), {}, { text: 'found it' });
    const result = await (await open({ tools: [todo] })).run(testRun('x', [todo]).run);
    expect(sent().at(-1)?.content).toContain('returned nothing after the tool results');
    expect(roles(result.messages)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect(JSON.stringify(result.messages)).not.toContain('(empty)');
  });

  test('text beside housekeeping tools stands when the model says nothing more', async () => {
    const todo = fakeTool('todo');
    upstream.script({ text: 'All noted.', ...call('todo') }, {});
    const result = await (await open({ tools: [todo] })).run(testRun('x', [todo]).run);
    expect(result).toMatchObject({ status: 'completed', text: 'All noted.' });
  });

  test('an answer that stays empty is partial, not an empty success', async () => {
    upstream.script({}, {}, {}, {});
    const result = await (await open()).run(testRun('x').run);
    expect(result).toMatchObject({ status: 'partial', exit: 'empty_response', text: '' });
    expect(upstream.requests).toHaveLength(4);
  });

  test('signed thinking that the provider refuses is dropped once, and the turn goes on', async () => {
    const todo = fakeTool('todo');
    const model = { apiMode: 'anthropic', baseUrl: upstream.url, name: 'claude-sonnet-4-5' };
    upstream.script(
      { reasoning: 'think', opaque: 'SIG', ...call('todo') },
      status(400, { message: 'messages.1.content.0: Invalid `signature` in `thinking` block' }),
      { text: 'ok' },
    );
    const result = await (await open({ tools: [todo], model })).run(testRun('x', [todo]).run);
    expect(result).toMatchObject({ status: 'completed', text: 'ok' });
    expect(JSON.stringify(upstream.requests[1]?.body)).toContain('"signature":"SIG"');
    expect(JSON.stringify(upstream.requests[2]?.body)).not.toContain('thinking');
  });
});

describe('tool calls', () => {
  test('a misspelt name is repaired; a tool that does not exist ends the turn at the third try', async () => {
    const read = fakeTool('read_file');
    upstream.script(
      call('Read-File', { path: 'a' }),
      call('frobnicate'),
      call('frobnicate'),
      call('frobnicate'),
    );
    const result = await (await open({ tools: [read] })).run(testRun('x', [read]).run);
    expect(read.ran).toEqual([{ path: 'a' }]);
    expect(result).toMatchObject({ status: 'partial', exit: 'invalid_tool' });
    expect(sent().at(-1)?.content).toBe("Tool 'frobnicate' does not exist. Available tools: read_file");
  });

  test('invalid arguments are asked for twice again, then sent back to the model', async () => {
    const read = fakeTool('read_file');
    upstream.script(...Array.from({ length: 3 }, () => call('read_file', '{"a":}')), { text: 'ok' });
    const result = await (await open({ tools: [read] })).run(testRun('x', [read]).run);
    expect(read.ran).toEqual([]);
    expect(upstream.requests).toHaveLength(4);
    expect(sent().at(-1)?.content).toMatch(/^Error: Invalid JSON arguments/);
    expect(result.text).toBe('ok');
  });

  test('a tool that throws becomes an error result without a stack', async () => {
    const bad = fakeTool('bad', {}, () => {
      throw new TypeError('no such thing');
    });
    upstream.script(call('bad'), { text: 'sorry' });
    const { run, events } = testRun('x', [bad]);
    await (await open({ tools: [bad] })).run(run);
    expect(sent().at(-1)?.content).toBe('{"error":"Tool execution failed: TypeError: no such thing"}');
    expect(events.find((event) => event.type === 'tool.completed')).toMatchObject({ isError: true });
  });

  const together = async (names: readonly [string, object][]) => {
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const slow = async (args: Record<string, unknown>) => {
      running++;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, args['ms'] as number));
      order.push(String(args['id']));
      running--;
      return String(args['id']);
    };
    const path = { path: (args: Record<string, unknown>) => String(args['path']) };
    const tools = [
      fakeTool('read_file', { parallel: path }, slow),
      fakeTool('write_file', { parallel: path }, slow),
      fakeTool('web_search', { parallel: 'read' }, slow),
      fakeTool('terminal', {}, slow),
    ];
    upstream.script({ toolCalls: names.map(([name, args]) => ({ name, arguments: args })) }, { text: 'ok' });
    const result = await (await open({ tools })).run(testRun('x', tools).run);
    const results = result.messages.flatMap((message) => (message.role === 'tool' ? [message.content] : []));
    return { most, order, results };
  };

  test('calls that only read or touch different paths run together, and results keep the order of the calls', async () => {
    const { most, results } = await together([
      ['read_file', { id: 'a', path: '/x/a', ms: 30 }],
      ['read_file', { id: 'b', path: '/x/b', ms: 5 }],
      ['web_search', { id: 'c', ms: 5 }],
    ]);
    expect(most).toBe(3);
    expect(results).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [
      'a terminal among them',
      [
        ['read_file', { id: 'a', path: '/x', ms: 9 }],
        ['terminal', { id: 'b', ms: 1 }],
      ],
    ],
    [
      'a path inside another',
      [
        ['write_file', { id: 'a', path: '/d/x', ms: 9 }],
        ['read_file', { id: 'b', path: '/d', ms: 1 }],
      ],
    ],
  ] as [string, [string, object][]][])('%s makes the batch run in order', async (_name, calls) => {
    const { most, order } = await together(calls);
    expect([most, order]).toEqual([1, ['a', 'b']]);
  });

  test('consent is asked through the gateway, and denied where nobody can answer', async () => {
    const rm = fakeTool('terminal', { risk: 'exec' }, async (_args, context) =>
      context.approve({ keys: ['recursive delete'], command: 'rm -r x', why: 'recursive delete' }),
    );
    upstream.script(call('terminal'), { text: 'ok' });
    await (await open({ tools: [rm] })).run(testRun('x', [rm]).run);
    expect(sent().at(-1)?.content).toBe('denied');
    await opened?.close();
    const asked: unknown[] = [];
    const agent = await open({
      tools: [rm],
      approve: async (request, about) => {
        asked.push([request.command, about.session]);
        return 'allowed';
      },
    });
    upstream.script(call('terminal'), { text: 'ok' });
    await agent.run(testRun('x', [rm]).run);
    expect(sent().at(-1)?.content).toBe('allowed');
    expect(asked).toEqual([['rm -r x', 'session_1']]);
  });

  test('the same failing call is pointed out to the model', async () => {
    const bad = fakeTool('bad', {}, () => '{"error":"no"}');
    upstream.script(call('bad'), call('bad'), { text: 'ok' });
    await (await open({ tools: [bad] })).run(testRun('x', [bad]).run);
    expect(sent().at(-1)?.content).toContain('[Warning: bad failed 2 times with exactly these arguments');
  });

  test('a tool the turn may not use is neither offered nor run', async () => {
    const allowed = fakeTool('todo');
    const other = fakeTool('terminal');
    upstream.script(call('terminal'), { text: 'ok' });
    const { run } = testRun('x', [allowed]);
    await (await open({ tools: [allowed, other] })).run(run);
    expect(JSON.stringify(upstream.requests[0]?.body['tools'])).not.toContain('terminal');
    expect(other.ran).toEqual([]);
  });

  test('a result of 250,000 characters becomes a preview with a readable path', async () => {
    const big = fakeTool('big', {}, () => `${'line\n'.repeat(50_000)}`);
    upstream.script(call('big'), { text: 'ok' });
    await (await open({ tools: [big] })).run(testRun('x', [big]).run);
    const content = sent().at(-1)?.content ?? '';
    expect(content).toMatch(/^<persisted-output>/);
    const path = /full text is in (\S+)/.exec(content)?.[1] ?? '';
    expect(readFileSync(path, 'utf8')).toHaveLength(250_000);
  });

  test('three results of 90,000 characters together stay below 200,000', async () => {
    const big = fakeTool('big', { parallel: 'read' }, () => 'x'.repeat(90_000));
    upstream.script({ toolCalls: [1, 2, 3].map((n) => ({ name: 'big', arguments: { n } })) }, { text: 'ok' });
    await (await open({ tools: [big] })).run(testRun('x', [big]).run);
    const total = sent().reduce(
      (sum, message) => sum + (message.role === 'tool' ? (message.content ?? '').length : 0),
      0,
    );
    expect(total).toBeLessThanOrEqual(200_000);
  });
});

describe('interrupt', () => {
  test('in a slow stream it ends at once, closes the connection and stores no partial text', async () => {
    upstream.script({ text: ['one ', 'two '], fault: { kind: 'hang-mid-stream', after: 3 } });
    const { run, abort } = testRun('x');
    const started = performance.now();
    setTimeout(() => abort.abort(new Error('Stopped by the user.')), 30);
    const result = await (await open()).run(run);
    expect(performance.now() - started).toBeLessThan(530);
    expect(result).toMatchObject({ status: 'interrupted', error: { message: 'Stopped by the user.' } });
    expect(result.messages).toEqual([{ role: 'user', content: 'x' }]);
    await expect.poll(() => upstream.requests[0]?.cut, { timeout: 500 }).toBe(true);
  });

  test('between two tool calls the second is skipped and the history stays valid', async () => {
    const { run, abort, journal } = testRun('x', [fakeTool('terminal'), fakeTool('patch')]);
    const first = fakeTool('terminal', { risk: 'exec' }, () => {
      abort.abort();
      return '{"output":"half"}';
    });
    const second = fakeTool('patch', { risk: 'write' });
    upstream.script({
      toolCalls: [
        { name: 'terminal', arguments: {} },
        { name: 'patch', arguments: {} },
      ],
    });
    const agent = await open({ tools: [first, second] });
    const result = await agent.run(run);
    expect(result.status).toBe('interrupted');
    expect(second.ran).toEqual([]);
    expect(result.messages.at(-1)).toMatchObject({
      content: '[Tool execution cancelled — patch was skipped due to user interrupt]',
    });
    expect(journal).toEqual(['model:terminal,patch', 'started:terminal']);
    const next = await agent.run(testRun('and now?', [], { history: result.messages }).run);
    expect(next.text).toBe('echo: and now?');
  });

  test('a tool that does not stop is given up', async () => {
    const stuck = fakeTool('terminal', { risk: 'exec' }, () => new Promise<string>(() => {}));
    upstream.script(call('terminal'));
    const { run, abort } = testRun('x', [stuck]);
    setTimeout(() => abort.abort(), 100);
    const result = await (await open({ tools: [stuck] })).run(run);
    expect(result.messages.at(-1)).toMatchObject({
      content: '{"error":"Tool execution cancelled by user interrupt","status":"cancelled"}',
    });
  });

  test('during a wait before a retry it ends without another request', async () => {
    const clock = virtualClock();
    upstream.script(status(503));
    const { run, abort } = testRun('x');
    const result = (await open({ clock })).run(run);
    await expect.poll(() => clock.sleeps.length).toBe(1);
    abort.abort();
    expect((await result).status).toBe('interrupted');
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('the journal', () => {
  test('records the model step before tools run, and both sides of a tool that changes something', async () => {
    const write = fakeTool('write_file', { risk: 'write' });
    const read = fakeTool('read_file');
    upstream.script(
      {
        toolCalls: [
          { name: 'write_file', arguments: {} },
          { name: 'read_file', arguments: {} },
        ],
      },
      { text: 'ok' },
    );
    const { run, journal } = testRun('x', [write, read]);
    await (await open({ tools: [write, read] })).run(run);
    expect(journal).toEqual([
      'model:write_file,read_file',
      'started:write_file',
      'done:write_file',
      'done:read_file',
    ]);
  });

  const tool = (id: string, name: string) => ({ id, name, arguments: '{}' });
  const step = (...calls: ReturnType<typeof tool>[]) =>
    ({
      kind: 'model',
      message: { role: 'assistant', content: '', toolCalls: calls },
      usage: noUsage,
    }) as const;

  test('a resumed turn reuses finished results, repeats only what is idempotent, and runs what never started', async () => {
    const calls = [tool('1', 'done'), tool('2', 'flying'), tool('3', 'safe'), tool('4', 'fresh')] as const;
    const done = fakeTool('done', { risk: 'write', idempotent: false });
    const flying = fakeTool('flying', { risk: 'exec', idempotent: false });
    const safe = fakeTool('safe', { risk: 'write', idempotent: true }, () => 'again');
    const fresh = fakeTool('fresh', { risk: 'write', idempotent: false }, () => 'new');
    const tools = [done, flying, safe, fresh];
    const past = [
      step(...calls),
      { kind: 'tool' as const, call: calls[0], result: 'old' },
      { kind: 'tool' as const, call: calls[1] },
      { kind: 'tool' as const, call: calls[2] },
    ];
    const result = await (await open({ tools })).run(testRun('x', tools, { past }).run);
    expect(tools.map(({ ran }) => ran.length)).toEqual([0, 0, 1, 1]);
    expect(result.messages.flatMap((m) => (m.role === 'tool' ? [m.content] : []))).toEqual([
      'old',
      interruptedResult,
      'again',
      'new',
    ]);
    expect(result).toMatchObject({ status: 'completed', modelCalls: 2, text: 'echo: x' });
    expect(upstream.requests).toHaveLength(1);
  });

  test('a fenced turn stops at once and emits nothing more', async () => {
    const write = fakeTool('write_file', { risk: 'write' });
    upstream.script(call('write_file'));
    const { run, events } = testRun('x', [write]);
    const fenced = async () => {
      throw new GatewayError('FENCED', { turn: run.turn });
    };
    const journal = { ...run.journal, model: fenced };
    const result = await (await open({ tools: [write] })).run({ ...run, journal });
    expect(result).toMatchObject({ status: 'failed', exit: 'fenced', messages: [] });
    expect(write.ran).toEqual([]);
    expect(events.map((event) => event.type)).toEqual(['turn.started']);
  });
});

describe('opening', () => {
  test('nothing configured answers with the demo model, which says what it is', async () => {
    const agent = await open({
      model: { provider: 'auto', name: '', baseUrl: undefined, apiKey: undefined },
    });
    expect(agent.model).toEqual({ name: 'hermes-demo', provider: 'demo', isDemo: true });
    const result = await agent.run(testRun('hello').run);
    expect(result.text).toContain('demo model');
    expect(upstream.requests).toHaveLength(0);
  });

  test('a model that is configured but unusable is refused at once', async () => {
    await expect(open({ model: { provider: 'nonesuch' } })).rejects.toMatchObject({ code: 'NO_MODEL' });
  });

  test('a turn whose own choice cannot be served fails with the reason', async () => {
    const result = await (await open()).run(testRun('x', [], { model: { provider: 'nonesuch' } }).run);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'NO_MODEL' } });
  });
});
