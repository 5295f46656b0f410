import { expect, test } from 'vitest';
import type { Message } from '../../core/message.ts';
import { toPrompt } from './convert.ts';
import { chatBody, echoesReasoning, ReasoningDetails } from './quirks.ts';
import type { Endpoint } from './resolve.ts';
import { endpointOf } from './testing.ts';

const at = (baseUrl: string, model = 'm', more: Partial<Endpoint> = {}) =>
  endpointOf({ baseUrl, model, ...more });
const openrouter = 'https://openrouter.ai/api/v1';

test('OpenRouter takes the effort as an object, others as a field', () => {
  const body = { model: 'm', reasoning_effort: 'high', messages: [] };
  expect(chatBody(body, at(openrouter))).toMatchObject({ reasoning: { enabled: true, effort: 'high' } });
  expect(chatBody({ ...body, reasoning_effort: 'none' }, at(openrouter))).toMatchObject({
    reasoning: { enabled: false },
  });
  expect(chatBody(body, at('http://h/v1'))).toBe(body);
});

test('four cache marks on a long Claude conversation at OpenRouter, none for GPT', () => {
  const messages = Array.from({ length: 10 }, (_, n) => ({
    role: n === 0 ? 'system' : n % 2 ? 'user' : 'assistant',
    content: `m${n}`,
  }));
  const marks = (model: string) =>
    JSON.stringify(chatBody({ messages }, at(openrouter, model))).match(/cache_control/g);
  expect(marks('anthropic/claude-opus-4.6')).toHaveLength(4);
  expect(marks('openai/gpt-4o')).toBeNull();
});

test('GPT-5 and Codex models get a developer message instead of a system message', () => {
  const body = { messages: [{ role: 'system', content: 's' }] };
  expect(chatBody(body, at('http://h/v1', 'gpt-5-mini'))['messages']).toEqual([
    { role: 'developer', content: 's' },
  ]);
});

test('the extra body of a named endpoint is merged into every request', () => {
  expect(chatBody({ model: 'm' }, at('http://h/v1', 'm', { extraBody: { top_k: 3 } }))).toEqual({
    model: 'm',
    top_k: 3,
  });
});

test('streamed reasoning details of one index become one block, other fields stay', () => {
  const collect = new ReasoningDetails();
  const chunk = (detail: object) => ({ choices: [{ delta: { reasoning_details: [detail] } }] });
  expect(collect.list).toBeUndefined();
  collect.add({ choices: [] });
  collect.add(chunk({ type: 'reasoning.text', index: 0, text: 'a', format: 'x' }));
  collect.add(chunk({ type: 'reasoning.text', index: 0, text: 'b', signature: 'SIG' }));
  collect.add(chunk({ type: 'reasoning.encrypted', index: 1, data: 'D' }));
  expect(collect.list).toEqual([
    { type: 'reasoning.text', index: 0, text: 'ab', format: 'x', signature: 'SIG' },
    { type: 'reasoning.encrypted', index: 1, data: 'D' },
  ]);
});

test('DeepSeek history without reasoning carries a single space, and no text of another provider', () => {
  expect(echoesReasoning('https://api.deepseek.com/v1')).toBe(true);
  expect(echoesReasoning('http://h/v1')).toBe(false);
  const options = {
    mode: 'chat',
    issuer: 'deepseek https://api.deepseek.com/v1',
    vision: false,
    echoReasoning: true,
  } as const;
  const calls = [{ id: '1', name: 't', arguments: '{}' }];
  const foreign: Message = {
    role: 'assistant',
    content: '',
    reasoning: 'foreign',
    toolCalls: calls,
    meta: { provider: 'other', data: {} },
  };
  const own: Message = { ...foreign, reasoning: 'mine', meta: { provider: options.issuer, data: {} } };
  const echoed = (message: Message) => {
    const prompt = toPrompt('', [{ role: 'user', content: 'q' }, message], options);
    const assistant = prompt.find(({ role }) => role === 'assistant');
    return Array.isArray(assistant?.content) ? assistant.content[0] : undefined;
  };
  expect(echoed({ role: 'assistant', content: 'plain' })).toMatchObject({ type: 'reasoning', text: ' ' });
  expect(echoed(foreign)).toMatchObject({ type: 'reasoning', text: ' ' });
  expect(echoed(own)).toMatchObject({ type: 'reasoning', text: 'mine' });
});
