import { describe, expect, it } from 'vitest';
import type { FakeTurn } from '../testing/fake-turns.ts';
import { serve } from './testing.ts';

const reference = (id: unknown) => ({ type: 'item_reference', id });
const idsOf = (answer: Readonly<Record<string, unknown>>) =>
  (answer['output'] as { readonly id: string }[]).map(({ id }) => id);

function runsATool(turn: FakeTurn): void {
  turn.tool('read', 'c1');
  turn.end({ text: 'done' });
}

describe('a reference', () => {
  it('stands for the item it names, with the result of a call of the server', async () => {
    await using server = await serve({ script: runsATool });
    const ids = idsOf(await server.ask({ input: 'read it' }));
    expect(ids).toHaveLength(3);
    const { headers } = await server.post({
      input: [
        { role: 'user', content: 'read it' },
        reference(ids[0]),
        { id: ids[2] },
        { role: 'user', content: 'more' },
      ],
    });
    expect(headers.get('x-hermes-ignored')).toBeNull();
    expect(server.turns.last.history).toEqual([
      { role: 'user', content: 'read it' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'read', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'c1', name: 'read', content: 'ok' },
      { role: 'assistant', content: 'done' },
    ]);
  });

  it('to a call does not bring a result that the request has itself', async () => {
    await using server = await serve({ script: runsATool });
    const [call] = idsOf(await server.ask({ input: 'read it' }));
    const own = { type: 'function_call_output', call_id: 'c1', output: 'B' };
    await server.ask({ input: ['read it', reference(call), own, 'more'] });
    const results = server.turns.last.history as readonly { readonly role: string }[];
    expect(results.filter(({ role }) => role === 'tool')).toMatchObject([{ content: 'B' }]);
  });

  it('in a chain is not said again', async () => {
    await using server = await serve();
    const first = await server.ask({ input: 'a' });
    const [message] = idsOf(first);
    await server.ask({ previous_response_id: first['id'], input: [reference(message), 'b'] });
    expect(server.turns.last.history).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'Hello' },
    ]);
  });

  it.each(['msg_1', 'msg_00000000000000000000000000000001', `msg_${'0'.repeat(32)}`])(
    'to what is not kept is named as ignored: %s',
    async (id) => {
      await using server = await serve();
      const { headers } = await server.post({ input: ['a', reference(id), 'b'] });
      expect(headers.get('x-hermes-ignored')).toBe('input[1]');
      expect(server.turns.last.history).toEqual([{ role: 'user', content: 'a' }]);
    },
  );
});
