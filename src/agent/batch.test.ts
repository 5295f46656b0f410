import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Upstream } from '../../testkit/upstream/index.ts';
import {
  calling,
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

describe('tool calls', () => {
  test('a misspelt name is repaired; a tool that does not exist ends the turn at the third try', async () => {
    const read = fakeTool('read_file');
    upstream.script(
      calling('Read-File', { path: 'a' }),
      calling('frobnicate'),
      calling('frobnicate'),
      calling('frobnicate'),
    );
    const result = await (await open({ tools: [read] })).run(testRun('x', [read]).run);
    expect(read.ran).toEqual([{ path: 'a' }]);
    expect(result).toMatchObject({ status: 'partial', exit: 'invalid_tool' });
    expect(sent().at(-1)?.content).toBe("Tool 'frobnicate' does not exist. Available tools: read_file");
  });

  test('invalid arguments are asked for twice again, then sent back to the model', async () => {
    const read = fakeTool('read_file');
    upstream.script(...Array.from({ length: 3 }, () => calling('read_file', '{"a":}')), { text: 'ok' });
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
    upstream.script(calling('bad'), { text: 'sorry' });
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
      context.approve({ keys: ['recursive delete'], command: 'rm -r swordfish', why: 'recursive delete' }),
    );
    upstream.script(calling('terminal'), { text: 'ok' });
    await (await open({ tools: [rm] })).run(testRun('x', [rm]).run);
    expect(sent().at(-1)?.content).toBe('denied');
    const asked: unknown[] = [];
    const agent = await open({ tools: [rm], secrets: ['swordfish'] });
    upstream.script(calling('terminal'), { text: 'ok' });
    const { run } = testRun('x', [rm], {
      approve: async (request) => {
        asked.push(request);
        return 'allowed';
      },
    });
    await agent.run(run);
    expect(sent().at(-1)?.content).toBe('allowed');
    // What people are shown has no secrets in it.
    expect(asked).toEqual([{ keys: ['recursive delete'], command: 'rm -r ***', why: 'recursive delete' }]);
  });

  test('the same failing call is pointed out to the model', async () => {
    const bad = fakeTool('bad', {}, () => '{"error":"no"}');
    upstream.script(calling('bad'), calling('bad'), { text: 'ok' });
    await (await open({ tools: [bad] })).run(testRun('x', [bad]).run);
    expect(sent().at(-1)?.content).toContain('[Warning: bad failed 2 times with exactly these arguments');
  });

  test('a tool the turn may not use is neither offered nor run', async () => {
    const allowed = fakeTool('todo');
    const other = fakeTool('terminal');
    upstream.script(calling('terminal'), { text: 'ok' });
    const { run } = testRun('x', [allowed]);
    await (await open({ tools: [allowed, other] })).run(run);
    expect(JSON.stringify(upstream.requests[0]?.body['tools'])).not.toContain('terminal');
    expect(other.ran).toEqual([]);
  });

  test('a result of 250,000 characters becomes a preview with a readable path', async () => {
    const big = fakeTool('big', {}, () => `${'line\n'.repeat(50_000)}`);
    upstream.script(calling('big'), { text: 'ok' });
    await (await open({ tools: [big] })).run(testRun('x', [big]).run);
    const content = sent().at(-1)?.content ?? '';
    expect(content).toMatch(/^<persisted-output>/);
    const path = /full text is in (\S+)/.exec(content)?.[1] ?? '';
    expect(readFileSync(path, 'utf8')).toHaveLength(250_000);
  });

  test('what the journal keeps of a message is bounded, pages of files included', async () => {
    const read = fakeTool('read_file', { parallel: 'read' }, () => 'x'.repeat(90_000));
    upstream.script({
      toolCalls: ['a', 'b', 'c', 'd'].map((path) => ({ name: 'read_file', arguments: { path } })),
    });
    const { run } = testRun('x', [read]);
    const kept = new Map<string, number>();
    const toolDone = async (done: { readonly id: string }, result: string) => {
      kept.set(done.id, result.length);
    };
    const agent = await open({ tools: [read] });
    const result = await agent.run({ ...run, journal: { ...run.journal, toolDone } });
    const total = [...kept.values()].reduce((sum, length) => sum + length, 0);
    expect([kept.size, total < 200_000]).toEqual([4, true]);
    const stored = result.messages.flatMap((m) => (m.role === 'tool' ? [m.content.length] : []));
    expect(stored).toEqual([...kept].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, length]) => length));
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
