import { beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { Reply, Upstream } from '../../testkit/upstream/index.ts';
import {
  calling,
  failing,
  fakeTool,
  sentTo,
  type TestAgentOptions,
  testAgent,
  testRun,
  testUpstream,
} from './testing.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});
const open = (options?: TestAgentOptions) => testAgent(upstream, options);
const sent = (index?: number) => sentTo(upstream, index);
const roles = (messages: readonly { role: string }[]) => messages.map((message) => message.role);

describe('the turn', () => {
  test('a tool call and a text make two model calls and four messages', async () => {
    const todo = fakeTool('todo');
    upstream.script(calling('todo'), { text: 'done', usage: { input: 20, output: 2 } });
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
    upstream.script({ text: 'First.', ...calling('todo') }, { text: ['\n\n', 'Second.'] });
    const { run, text, events } = testRun('go', [todo]);
    const result = await (await open({ tools: [todo] })).run(run);
    expect(text()).toBe('First.\n\nSecond.');
    expect(events.filter((event) => event.type === 'segment.end')).toHaveLength(1);
    expect(result.text).toBe('Second.');
  });

  test('when the budget ends the model is asked once more, without tools', async () => {
    const read = fakeTool('read_file');
    upstream.script(...Array.from({ length: 90 }, (_, n) => calling('read_file', { n })), {
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
    upstream.script(calling('read_file'), {}, {});
    const result = await (await open({ tools: [read] })).run(testRun('x', [read], { maxIterations: 1 }).run);
    expect(result.text).toBe("I reached the iteration limit and couldn't generate a summary.");
  });

  test('rounds of execute_code alone are free', async () => {
    const code = fakeTool('execute_code');
    upstream.script(calling('execute_code', { a: 1 }), calling('execute_code', { a: 2 }), { text: 'end' });
    const result = await (await open({ tools: [code] })).run(testRun('x', [code], { maxIterations: 1 }).run);
    expect(result).toMatchObject({ status: 'completed', text: 'end' });
  });

  test('steering goes to the end of the newest tool result', async () => {
    const todo = fakeTool('todo');
    upstream.script(calling('todo'), { text: 'ok' });
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
    upstream.script(failing(503), failing(503), { text: 'fine' });
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
    upstream.script(failing(429, { headers: { 'retry-after': hint } }));
    await (await open({ clock })).run(testRun('hi').run);
    expect(clock.sleeps).toEqual([wait]);
  });

  test('429 goes to the fallback at once, and the primary is back after a minute', async () => {
    const clock = virtualClock({ autoSleep: true });
    const spare = { provider: 'custom', model: 'spare', baseUrl: `${upstream.url}/v1`, apiKey: upstream.key };
    const agent = await open({ clock, fallback: [spare] });
    upstream.script(failing(429));
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
    upstream.script(calling('todo'), failing(500), failing(500), failing(500, { message: 'boom' }));
    const result = await (await open({ clock, tools: [todo] })).run(testRun('hi', [todo]).run);
    expect(result.error).toEqual({
      code: 'server_error',
      message: 'API call failed after 3 retries: HTTP 500: boom',
    });
    expect(result.messages).toEqual([{ role: 'user', content: 'hi' }]);
  });

  test('a conversation that is too long stores nothing and says what to do', async () => {
    upstream.script(failing(400, { message: "This model's maximum context length is 32768 tokens" }));
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
    const step: Reply = {
      text: 'Writing.',
      ...calling('write_file', { path: 'a', content: 'x'.repeat(60) }),
    };
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
    upstream.script(calling('web_search'), {}, { text: 'found it' });
    const result = await (await open({ tools: [todo] })).run(testRun('x', [todo]).run);
    expect(sent().at(-1)?.content).toContain('returned nothing after the tool results');
    expect(roles(result.messages)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect(JSON.stringify(result.messages)).not.toContain('(empty)');
  });

  test('text beside housekeeping tools stands when the model says nothing more', async () => {
    const todo = fakeTool('todo');
    upstream.script({ text: 'All noted.', ...calling('todo') }, {});
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
      { reasoning: 'think', opaque: 'SIG', ...calling('todo') },
      failing(400, { message: 'messages.1.content.0: Invalid `signature` in `thinking` block' }),
      { text: 'ok' },
    );
    const result = await (await open({ tools: [todo], model })).run(testRun('x', [todo]).run);
    expect(result).toMatchObject({ status: 'completed', text: 'ok' });
    expect(JSON.stringify(upstream.requests[1]?.body)).toContain('"signature":"SIG"');
    expect(JSON.stringify(upstream.requests[2]?.body)).not.toContain('thinking');
  });
});
