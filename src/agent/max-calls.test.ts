import { beforeEach, expect, test } from 'vitest';
import type { Upstream } from '../../testkit/upstream/index.ts';
import { dice, fakeTool, testAgent, testRun, testUpstream, warningsIn } from './testing.ts';
import { toCaller } from './wording.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});
const read = () => fakeTool('read_file', {}, () => 'text');
const call = (name: string, id: string) => ({ name, arguments: { of: id }, id });

test('a turn makes no more tool calls than its caller allows, and then answers', async () => {
  const tool = read();
  const agent = await testAgent(upstream, { tools: [tool] });
  upstream.script(
    { toolCalls: [call('read_file', '1')] },
    { toolCalls: [call('read_file', '2'), call('read_file', '3')] },
    { text: 'enough' },
  );
  const { run, events } = testRun('x', [tool], { maxToolCalls: 2 });
  expect(await agent.run(run)).toMatchObject({ status: 'completed', text: 'enough' });
  expect(tool.ran).toHaveLength(2);
  expect(warningsIn(events)).toEqual([toCaller.callsSpent(2)]);
  const choices = upstream.requests.map(({ body }) => body['tool_choice']);
  expect(choices).toEqual(['auto', 'auto', 'none']);
});

test('a model that calls on although it may not is not obeyed', async () => {
  const tool = read();
  const agent = await testAgent(upstream, { tools: [tool] });
  upstream.script(
    { toolCalls: [call('read_file', '1')] },
    { text: 'So far.', toolCalls: [call('read_file', '2')] },
  );
  const { run } = testRun('x', [tool], { maxToolCalls: 1 });
  expect(await agent.run(run)).toMatchObject({ status: 'completed', text: 'So far.' });
  expect(tool.ran).toHaveLength(1);
});

test('calls of the caller’s own tools count as well', async () => {
  const agent = await testAgent(upstream);
  upstream.script({ toolCalls: [call('dice', '1'), call('dice', '2')] });
  const { run } = testRun('x', [], { clientTools: [dice], maxToolCalls: 1 });
  const result = await agent.run(run);
  expect(result.clientCalls?.map(({ id }) => id)).toEqual(['1']);
});

test('calls of an earlier attempt count', async () => {
  const tool = read();
  const agent = await testAgent(upstream, { tools: [tool] });
  upstream.script({ text: 'enough' });
  const made = { id: '1', name: 'read_file', arguments: '{}' };
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
  const { run } = testRun('x', [tool], {
    maxToolCalls: 1,
    past: [
      { kind: 'model', message: { role: 'assistant', content: '', toolCalls: [made] }, usage },
      { kind: 'tool', call: made, result: 'text' },
    ],
  });
  expect(await agent.run(run)).toMatchObject({ text: 'enough' });
  expect(upstream.requests[0]!.body['tool_choice']).toBe('none');
});
