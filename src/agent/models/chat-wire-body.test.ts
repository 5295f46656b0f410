import { expect, test } from 'vitest';
import type { ModelCall } from '../contract.ts';
import { chatRequest } from './chat-wire-body.ts';
import type { Endpoint } from './resolve.ts';
import { endpointOf } from './testing.ts';

const weather = {
  name: 'weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};

function sent(call: Partial<ModelCall> = {}, more: Partial<Endpoint> = {}): Record<string, unknown> {
  const endpoint = endpointOf({ vision: true, ...more });
  const whole: ModelCall = {
    system: 'Be brief.',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [],
    session: 's',
    ...call,
  };
  const text = chatRequest(whole, endpoint, 'custom http://h/v1', new AbortController().signal);
  return JSON.parse(text) as Record<string, unknown>;
}

test('a plain call says nothing that nobody asked for', () => {
  expect(sent()).toEqual({
    model: 'm',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
    ],
    stream: true,
    stream_options: { include_usage: true },
  });
});

test('every wish of the caller has its field', () => {
  const sampling = {
    temperature: 0,
    topP: 0.5,
    maxTokens: 9,
    stop: ['x'],
    seed: 1,
    presencePenalty: 0.1,
    frequencyPenalty: 0.2,
    parallelToolCalls: false,
  };
  const responseFormat = {
    type: 'json_schema',
    name: 'n',
    schema: { type: 'object' },
    description: 'd',
  } as const;
  const body = sent({
    sampling,
    responseFormat,
    tools: [{ ...weather, strict: true }],
    reasoningEffort: 'high',
  });
  expect(body).toMatchObject({
    temperature: 0,
    top_p: 0.5,
    max_tokens: 9,
    stop: ['x'],
    seed: 1,
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    parallel_tool_calls: false,
    reasoning_effort: 'high',
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'n', schema: { type: 'object' }, description: 'd', strict: false },
    },
    tools: [{ type: 'function', function: { ...weather, strict: true } }],
    tool_choice: 'auto',
  });
  expect(body).not.toHaveProperty('strictJsonSchema');
});

test('a tool choice names its function or its force', () => {
  const choice = (toolChoice: ModelCall['toolChoice'] & object) =>
    sent({ tools: [weather], toolChoice })['tool_choice'];
  expect(choice({ type: 'tool', name: 'weather' })).toEqual({
    type: 'function',
    function: { name: 'weather' },
  });
  expect(choice({ type: 'required' })).toBe('required');
  expect(choice({ type: 'allowed', names: ['weather'], required: true })).toBe('required');
  expect(sent({ toolChoice: { type: 'required' } })).not.toHaveProperty('tool_choice');
});

test('a free JSON object is asked for by field and in words', () => {
  const body = sent({ responseFormat: { type: 'json_object' } });
  expect(body['response_format']).toEqual({ type: 'json_object' });
  expect(JSON.stringify(body['messages'])).toContain('JSON');
});

test('tool calls go back with sorted arguments, missing results are filled in, images keep their form', () => {
  const data = 'data:image/jpeg;base64,AAAA';
  const images = [data, 'https://example.com/a.png'];
  const { messages } = sent({
    system: '',
    messages: [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'a', name: 'weather', arguments: '{"z":1,"b":2}' }],
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'see' },
          ...images.map((url) => ({ type: 'image_url' as const, image_url: { url } })),
        ],
      },
    ],
  });
  expect(messages).toEqual([
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'weather', arguments: '{"b":2,"z":1}' } }],
    },
    { role: 'tool', tool_call_id: 'a', content: expect.stringContaining('No result') },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'see' },
        ...images.map((url) => ({ type: 'image_url', image_url: { url } })),
      ],
    },
  ]);
});

test('what single hosts and the operator want differently is applied last', () => {
  const deepseek = sent(
    {
      messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: 'a' },
        { role: 'user', content: 'r' },
      ],
    },
    { baseUrl: 'https://api.deepseek.com/v1', extraBody: { top_k: 3 } },
  );
  expect(deepseek['messages']).toContainEqual({ role: 'assistant', content: 'a', reasoning_content: ' ' });
  expect(deepseek['top_k']).toBe(3);
  const openrouter = sent({ reasoningEffort: 'low' }, { baseUrl: 'https://openrouter.ai/api/v1' });
  expect(openrouter['reasoning']).toEqual({ enabled: true, effort: 'low' });
  expect(openrouter).not.toHaveProperty('reasoning_effort');
});
