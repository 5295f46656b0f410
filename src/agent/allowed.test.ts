import { beforeEach, expect, test } from 'vitest';
import type { Upstream } from '../../testkit/upstream/index.ts';
import { calling, dice, fakeTool, testAgent, testRun, testUpstream } from './testing.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});

test('a call outside of the allowed tools does not reach the caller', async () => {
  const server = fakeTool('read_file', {}, () => 'text');
  const agent = await testAgent(upstream, { tools: [server] });
  upstream.script(calling('dice'), calling('read_file'), calling('clock'));
  const { run } = testRun('x', [server], {
    clientTools: [dice, { ...dice, name: 'clock' }],
    toolChoice: { type: 'allowed', names: ['clock'], required: false },
  });
  const result = await agent.run(run);
  expect(result.clientCalls?.map(({ name }) => name)).toEqual(['clock']);
  expect(server.ran).toHaveLength(0);
});
