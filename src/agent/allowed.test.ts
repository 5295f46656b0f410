import { afterEach, beforeEach, expect, test } from 'vitest';
import { startUpstream, type Upstream } from '../../testkit/upstream/index.ts';
import type { ToolSchema } from './contract.ts';
import { fakeTool, type TestAgent, testAgent, testRun } from './testing.ts';

let upstream: Upstream;
let opened: TestAgent;
const schema = (name: string): ToolSchema => ({
  name,
  description: '',
  parameters: { type: 'object', properties: {} },
});

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  await opened.close();
  await upstream.close();
});

test('a call outside of the allowed tools does not reach the caller', async () => {
  const server = fakeTool('read_file', {}, () => 'text');
  opened = await testAgent(upstream, { tools: [server] });
  upstream.script(
    { toolCalls: [{ name: 'dice', arguments: {} }] },
    { toolCalls: [{ name: 'read_file', arguments: {} }] },
    { toolCalls: [{ name: 'clock', arguments: {} }] },
  );
  const { run } = testRun('x', [server], {
    clientTools: [schema('dice'), schema('clock')],
    toolChoice: { type: 'allowed', names: ['clock'], required: false },
  });
  const result = await opened.agent.run(run);
  expect(result.clientCalls?.map(({ name }) => name)).toEqual(['clock']);
  expect(server.ran).toHaveLength(0);
});
