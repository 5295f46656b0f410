import { beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { Upstream } from '../../testkit/upstream/index.ts';
import { GatewayError } from '../core/errors.ts';
import { noUsage } from '../core/message.ts';
import { interruptedResult } from './replay.ts';
import {
  calling,
  failing,
  fakeTool,
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

describe('interrupt', () => {
  test('in a slow stream it ends at once, closes the connection and stores no partial text', async () => {
    upstream.script({ text: ['one ', 'two '], fault: { kind: 'hang-mid-stream', after: 3 } });
    const { run, abort, text } = testRun('x');
    const running = (await open()).run(run);
    await expect.poll(text).toBe('one two ');
    abort.abort(new Error('Stopped by the user.'));
    const result = await running;
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
    upstream.script(calling('terminal'));
    const { run, abort } = testRun('x', [stuck]);
    const running = (await open({ tools: [stuck] })).run(run);
    await expect.poll(() => stuck.ran.length).toBe(1);
    abort.abort();
    const result = await running;
    expect(result.messages.at(-1)).toMatchObject({
      content: '{"error":"Tool execution cancelled by user interrupt","status":"cancelled"}',
    });
  });

  test('during a wait before a retry it ends without another request', async () => {
    const clock = virtualClock();
    upstream.script(failing(503));
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
    upstream.script(calling('write_file'));
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
