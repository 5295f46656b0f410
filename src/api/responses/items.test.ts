import { describe, expect, it } from 'vitest';
import type { Message } from '../../core/message.ts';
import type { Script } from '../testing/fake-turns.ts';
import { serve } from './testing.ts';
import type { Json } from './testing-schema.ts';

const image_url =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const call = (call_id: string) => ({ type: 'function_call', call_id, name: 'look', arguments: '{}' });
const output = (call_id: string, value: unknown) => ({
  type: 'function_call_output',
  call_id,
  output: value,
});
const picture = [
  { type: 'input_text', text: 'The screen:' },
  { type: 'input_image', image_url },
];

it('a text that is cut is named', async () => {
  await using server = await serve();
  const response = await server.post({ input: ['x'.repeat(65_537), 'y'.repeat(65_536)] });
  expect(response.headers.get('x-hermes-ignored')).toBe('input[0].content (cut)');
  await response.text();
});

describe('results with parts', () => {
  it('show their images to the model behind the last result', async () => {
    await using server = await serve();
    await server.ask({ input: ['look', call('a'), call('b'), output('a', picture), output('b', 'nothing')] });
    const { input, history } = server.turns.last;
    expect(history).toMatchObject([
      { role: 'user', content: 'look' },
      { role: 'assistant', toolCalls: [{ id: 'a' }, { id: 'b' }] },
      { role: 'tool', toolCallId: 'a', content: 'The screen:\n[image]' },
      { role: 'tool', toolCallId: 'b', content: 'nothing' },
    ]);
    expect(input).toMatchObject([{ type: 'text' }, { type: 'image_url', image_url: { url: image_url } }]);
  });

  it('show them before what is said or called next', async () => {
    await using server = await serve();
    await server.ask({
      input: ['look', call('a'), output('a', picture), call('b'), output('b', 'x'), 'and?'],
    });
    expect((server.turns.last.history as Message[]).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'user',
      'assistant',
      'tool',
    ]);
    expect(server.turns.last.input).toBe('and?');
  });

  it('give the text of their files to the model, without storing it', async () => {
    await using server = await serve();
    const file_data = Buffer.from('a,b\n1,2').toString('base64');
    const file = {
      type: 'input_file',
      filename: 'table.csv',
      file_data: `data:text/csv;base64,${file_data}`,
    };
    const { id } = await server.ask({ input: ['look', call('a'), output('a', [file])] });
    expect(JSON.stringify(server.turns.last.unstored)).toContain('1,2');
    const listed = await (await server.get(`/${id}/input_items`)).text();
    expect(listed).toContain('table.csv');
    expect(listed).not.toContain(file_data);
  });

  it('that are videos, or files by id, are refused by name', async () => {
    await using server = await serve();
    for (const part of [
      { type: 'input_video', video_url: 'https://example.com/v.mp4' },
      { type: 'input_file', file_id: 'file-1' },
    ]) {
      const refused = await server.post({ input: ['look', call('a'), output('a', [part])] });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: { param: 'input[2].output', code: 'unsupported_content_type' },
      });
    }
  });

  it('may be empty', async () => {
    await using server = await serve();
    await server.ask({ input: ['look', call('a'), output('a', '')] });
    expect(server.turns.last.history).toMatchObject([{}, {}, { role: 'tool', content: '' }]);
  });
});

describe('reasoning that the caller keeps', () => {
  const meta = { provider: 'p', data: { signature: 'very secret' } };
  const asks: Script = (turn) => {
    const calls = [{ id: 'a', name: 'look', arguments: '{}', meta }];
    turn.emit({ type: 'reasoning.delta', text: 'hm' });
    turn.end({
      clientCalls: calls,
      messages: [
        { role: 'user', content: 'look' },
        { role: 'assistant', content: '', reasoning: 'hm, look', toolCalls: calls, meta },
      ],
    });
  };
  const tools = [{ type: 'function', name: 'look' }];
  const include = ['reasoning.encrypted_content'];

  it('goes back to the provider as it was, and nobody can read it on the way', async () => {
    await using server = await serve({ script: asks });
    const asked = await server.ask({ input: 'look', tools, include, store: false });
    expect(JSON.stringify(asked)).not.toContain('very secret');
    const items = asked['output'] as Json[];
    expect(items.map(({ type }) => type)).toEqual(['reasoning', 'function_call']);
    const response = await server.post({ input: ['look', ...items, output('a', 'x')], tools, store: false });
    expect(response.headers.get('x-hermes-ignored')).toBeNull();
    await response.text();
    expect((server.turns.last.history as Message[])[1]).toEqual({
      role: 'assistant',
      content: '',
      reasoning: 'hm, look',
      toolCalls: [{ id: 'a', name: 'look', arguments: '{}', meta }],
      meta,
    });
  });

  it('is sealed also where it is shown', async () => {
    await using server = await serve({ script: asks, api: { showReasoning: true } });
    const { output: items } = await server.ask({ input: 'look', tools, include });
    expect(items).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'hm' }], encrypted_content: expect.any(String) },
      { type: 'reasoning', summary: [] },
      { type: 'function_call' },
    ]);
  });

  it('is not there when nobody asked for it', async () => {
    await using server = await serve({ script: asks });
    const { output: items } = await server.ask({ input: 'look', tools });
    expect((items as Json[]).map(({ type }) => type)).toEqual(['function_call']);
  });

  it('of another maker, altered, or of another key is reported, not used', async () => {
    await using server = await serve({ script: asks });
    await using other = await serve({ script: asks, api: { key: 'another-key-0123456789' } });
    const [own] = (await other.ask({ input: 'look', tools, include }))['output'] as Json[];
    for (const item of [
      own,
      { ...own, encrypted_content: 'gAAAA' },
      { type: 'reasoning', id: 'rs', summary: [] },
    ]) {
      const response = await server.post({ input: ['a', item, 'b'] });
      expect(response.status).toBe(200);
      expect(response.headers.get('x-hermes-ignored')).toBe('input[1]');
      await response.text();
    }
  });

  it('is no summary of a conversation, nor the other way round', async () => {
    await using server = await serve({ script: asks });
    const [item] = (await server.ask({ input: 'look', tools, include }))['output'] as Json[];
    const { encrypted_content } = item!;
    const refused = await server.post({ input: [{ type: 'compaction', encrypted_content }, 'b'] });
    expect(refused.status).toBe(400);
    await refused.text();
    server.turns.script = (turn) => turn.end({ text: 'A summary.' });
    const window = (await server.ask({ model: 'm', input: 'a' }, '/compact'))['output'] as Json[];
    const summary = {
      type: 'reasoning',
      id: 'rs',
      summary: [],
      encrypted_content: window.at(-1)!['encrypted_content'],
    };
    const response = await server.post({ input: ['a', summary, 'b'] });
    expect(response.headers.get('x-hermes-ignored')).toBe('input[1]');
    await response.text();
  });
});

describe('conversation_history', () => {
  it('may hold calls, results and instructions as Chat Completions writes them', async () => {
    await using server = await serve();
    const conversation_history = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'look' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', function: { name: 'look', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'seen' },
    ];
    await server.ask({ input: 'and?', conversation_history });
    expect(server.turns.last.history).toEqual([
      { role: 'user', content: '[Instructions]\nBe brief.' },
      { role: 'user', content: 'look' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'a', name: 'look', content: 'seen' },
    ]);
  });

  it.each([
    [{ role: 'wizard', content: 'x' }, 'conversation_history[0].role'],
    [{ role: 'tool', content: 'x' }, 'conversation_history[0].tool_call_id'],
    [
      { role: 'assistant', content: '', tool_calls: [{ id: 'a' }] },
      'conversation_history[0].tool_calls[0].name',
    ],
  ])('is refused with the place of the fault: %j', async (entry, param) => {
    await using server = await serve();
    const refused = await server.post({ input: 'x', conversation_history: [entry] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param } });
  });
});

it('truncation keeps summaries whatever their age', async () => {
  await using server = await serve({ script: (turn) => turn.end({ text: 'We began.' }) });
  const { output: items } = await server.ask({ model: 'm', input: 'a' }, '/compact');
  const many = Array.from({ length: 120 }, (_, n) => `m${n}`);
  await server.ask({ input: [...(items as object[]).slice(1), ...many], truncation: 'auto' });
  const history = server.turns.last.history as Message[];
  expect(history).toHaveLength(101);
  expect(history[0]!.content).toContain('We began.');
});
