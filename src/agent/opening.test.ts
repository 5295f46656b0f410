import { beforeEach, expect, test } from 'vitest';
import type { Upstream } from '../../testkit/upstream/index.ts';
import type { ContentPart, Message } from '../core/message.ts';
import { withAttachments } from './opening.ts';
import { calling, fakeTool, testAgent, testRun, testUpstream } from './testing.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});

const page: ContentPart = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };

test('attachments are shown with every call of the turn and are no part of its transcript', async () => {
  const tool = fakeTool('todo');
  const agent = await testAgent(upstream, { tools: [tool] });
  upstream.script(calling('todo'), { text: 'seen' });
  const result = await agent.run(testRun('look', [tool], { attachments: [page] }).run);
  expect(result.messages.map(({ content }) => content)).toEqual(['look', '', '{"ok":true}', 'seen']);
  expect(upstream.requests).toHaveLength(2);
  for (const { body } of upstream.requests) {
    const messages = body['messages'] as { role: string; content: unknown }[];
    expect(messages.filter(({ role }) => role === 'user')).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'look' }, page] },
    ]);
  }
});

test('attachments come after the results that a turn goes on from, and before what it adds', () => {
  const result: Message = { role: 'tool', toolCallId: 'c1', name: 't', content: 'r' };
  const answer: Message = { role: 'assistant', content: 'a' };
  expect(withAttachments([result, answer], 1, [page])).toEqual([
    result,
    { role: 'user', content: [page] },
    answer,
  ]);
  expect(withAttachments([{ role: 'user', content: '' }], 1, [page])).toEqual([
    { role: 'user', content: [page] },
  ]);
  const same: readonly Message[] = [answer];
  expect(withAttachments(same, 1)).toBe(same);
});
