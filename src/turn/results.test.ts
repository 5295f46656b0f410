import { describe, expect, it } from 'vitest';
import type { Message } from '../core/message.ts';
import { continued, type GivenResult } from './results.ts';

const calls = [
  { id: 'a', name: 'get_weather', arguments: '{}' },
  { id: 'b', name: 'get_time', arguments: '{}' },
];
const stored: readonly Message[] = [
  { role: 'user', content: 'q' },
  { role: 'assistant', content: '', toolCalls: calls },
];
const result = (toolCallId: string, content = 'ok'): GivenResult => ({
  role: 'tool',
  toolCallId,
  name: 'unknown',
  content,
});

describe('results that a caller brings', () => {
  it('continue the turn that asked for them, under the names it knows', () => {
    expect(continued(stored, [result('b'), result('a')], '')).toEqual({
      history: [...stored, { ...result('b'), name: 'get_time' }, { ...result('a'), name: 'get_weather' }],
      input: '',
    });
  });

  it('come as words where no call is open for them', () => {
    const answered: Message[] = [...stored, result('a'), result('b'), { role: 'assistant', content: 'done' }];
    for (const [history, id] of [
      [answered, 'a'],
      [stored, 'zz'],
      [[...stored, result('a')], 'a'],
      [[], 'a'],
    ] as const) {
      const all = continued(history, [result(id, '30 °C')], '');
      expect(all.history).toEqual(history);
      expect(all.input).toMatch(/Results of the tool calls[\s\S]*\(a|zz\): 30 °C/);
    }
  });

  it('come as words before what is said in the same request', () => {
    expect(continued(stored, [result('a')], 'go on').input).toMatch(/get_weather \(a\): ok\n\ngo on$/);
    const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA' } };
    expect(continued(stored, [result('a')], [image]).input).toMatchObject([{ type: 'text' }, image]);
  });

  it('without an id of the call are known by the name of the only one', () => {
    const legacy = { ...result('function_get_time'), name: 'get_time' };
    expect(continued(stored, [legacy], '').history.at(-1)).toEqual({ ...result('b'), name: 'get_time' });
    const twice: Message[] = [
      { role: 'assistant', content: '', toolCalls: [...calls, { ...calls[1]!, id: 'c' }] },
    ];
    expect(continued(twice, [legacy], '').input).toContain('get_time (function_get_time): ok');
  });

  it('are not taken twice', () => {
    const known = [...stored, result('a'), result('b')];
    expect(continued(known, [result('a')], 'go on')).toEqual({ history: known, input: 'go on' });
  });

  it('leave a request without results as it is', () => {
    expect(continued(stored, [], 'hello')).toEqual({ history: stored, input: 'hello' });
  });
});
