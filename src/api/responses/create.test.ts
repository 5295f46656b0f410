import { describe, expect, it } from 'vitest';
import { noUsage } from '../../core/message.ts';
import type { Script } from '../testing/fake-turns.ts';
import { expectValid, expectValidEvents, serve } from './testing.ts';

const withTools: Script = (turn) => {
  turn.say('Looking. ');
  turn.emit({ type: 'segment.end' });
  turn.tool('terminal', 'call_7');
  turn.say('\n\nYour ', 'project');
  turn.end({
    text: 'Your project',
    usage: { ...noUsage, input: 50, output: 200, cacheRead: 7, reasoning: 3 },
    messages: [
      { role: 'user', content: 'look' },
      {
        role: 'assistant',
        content: 'Looking.',
        toolCalls: [{ id: 'call_7', name: 'terminal', arguments: '{}' }],
      },
      { role: 'tool', toolCallId: 'call_7', name: 'terminal', content: 'ok' },
      { role: 'assistant', content: 'Your project' },
    ],
  });
};

const types = (events: readonly Record<string, unknown>[]) => events.map((event) => event['type']);

describe('POST /v1/responses', () => {
  it('answers the complete object of the published schema', async () => {
    await using server = await serve();
    const answer = await server.ask({ input: 'hello', model: 'gpt-4o' });
    expectValid('ResponseResource', answer);
    expect(answer).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'gpt-4o',
      usage: { input_tokens: 50, output_tokens: 200, total_tokens: 250 },
      output: [
        {
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Hello', annotations: [], logprobs: [] }],
        },
      ],
    });
    expect(answer['id']).toMatch(/^resp_[0-9a-f]{28}$/);
    expect(server.turns.last).toMatchObject({ input: 'hello', history: [], source: 'api_server' });
  });

  it('shows tools of the server as paired items in order, outputs as text', async () => {
    await using server = await serve({ script: withTools });
    const answer = await server.ask({ input: 'look' });
    expectValid('ResponseResource', answer);
    expect(answer['output']).toMatchObject([
      { type: 'message', phase: 'commentary', content: [{ text: 'Looking. ' }] },
      { type: 'function_call', name: 'terminal', call_id: 'call_7', status: 'completed' },
      { type: 'function_call_output', call_id: 'call_7', output: 'ok', status: 'completed' },
      { type: 'message', phase: 'final_answer', content: [{ text: 'Your project' }] },
    ]);
    expect(answer['usage']).toMatchObject({
      input_tokens_details: { cached_tokens: 7 },
      output_tokens_details: { reasoning_tokens: 3 },
    });
  });

  it('streams the documented events in order, numbered, valid, and ends with [DONE]', async () => {
    await using server = await serve({ script: withTools });
    const events = await server.stream({ input: 'look' });
    expectValidEvents(events);
    expect(types(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const last = events.at(-1)!['response'] as { output: unknown[] };
    const done = events.filter(({ type }) => type === 'response.output_item.done');
    expect(last.output).toEqual(done.map((event) => event['item']));
    expect(last.output[2]).toMatchObject({ output: [{ type: 'input_text', text: 'ok' }] });
  });

  it('gives the same object to GET as at the end of the stream', async () => {
    await using server = await serve({ script: withTools });
    const events = await server.stream({ input: 'look' });
    const last = events.at(-1)!['response'] as { id: string };
    expect(await (await server.get(`/${last.id}`)).json()).toEqual(last);
  });
});
