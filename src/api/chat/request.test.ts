import { describe, expect, test } from 'vitest';
import { ApiError } from '../errors.ts';
import { readChatRequest } from './request.ts';

const user = (content: unknown) => ({ role: 'user', content });
const read = (...messages: unknown[]) => readChatRequest({ messages }).conversation;

function refusal(body: Record<string, unknown>): unknown {
  try {
    readChatRequest(body);
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, ...error.body.error };
    throw error;
  }
  return undefined;
}

const field = "Missing or invalid 'messages' field";
const empty = 'No user message found in messages';
const refused: [string, Record<string, unknown>, object][] = [
  ['31. missing messages', {}, { message: field, param: 'messages' }],
  ['31. empty messages', { messages: [] }, { message: field }],
  ['31. messages that are no array', { messages: 'hi' }, { message: field }],
  ['31. null messages', { messages: null }, { message: field }],
  ['an element that is no object', { messages: [user('a'), 3] }, { param: 'messages[1]' }],
  ['a role that is no string', { messages: [{ role: 1, content: 'a' }] }, { param: 'messages[0].role' }],
  [
    'an unknown role',
    { messages: [{ role: 'robot', content: 'a' }] },
    { message: "Unknown message role 'robot'.", param: 'messages[0].role' },
  ],
  ['only system text', { messages: [{ role: 'system', content: 'a' }] }, { message: empty }],
  ['a blank last message', { messages: [user('a'), user(' ')] }, { message: empty }],
  [
    'a tool result without its call',
    { messages: [{ role: 'tool', content: 'x' }, user('a')] },
    { param: 'messages[0].tool_call_id' },
  ],
  [
    '29. a bad part, with its place',
    { messages: [user('a'), user([{ type: 'file' }])] },
    { code: 'unsupported_content_type', param: 'messages[1].content' },
  ],
  ['more than one choice', { messages: [user('a')], n: 2 }, { code: 'unsupported_value', param: 'n' }],
  [
    'a temperature that is no number',
    { messages: [user('a')], temperature: 'hot' },
    { param: 'temperature' },
  ],
  [
    'stop words that are no strings',
    { messages: [user('a')], stop: [1] },
    { param: expect.stringMatching(/^stop/) },
  ],
  [
    'tool calls without function',
    { messages: [{ role: 'assistant', tool_calls: [{ id: 'c' }] }, user('a')] },
    { param: 'messages[0].tool_calls[0].function' },
  ],
];

describe('a request is refused for', () => {
  test.each(refused)('%s', (_, body, expected) => {
    expect(refusal(body)).toMatchObject({ status: 400, type: 'invalid_request_error', ...expected });
  });
});

describe('messages', () => {
  test('32. system and developer texts combine, wherever they stand', () => {
    const { system, history } = read(
      {
        role: 'system',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: 'x' },
        ],
      },
      user('one'),
      { role: 'developer', content: 'b' },
      user('two'),
    );
    expect([system, history]).toEqual(['a\nb', [{ role: 'user', content: 'one' }]]);
  });

  test('33. the last message is the input, the earlier ones are history', () => {
    expect(read(user('one'), { role: 'assistant', content: 'two' }, user('three'))).toEqual({
      system: '',
      history: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'two' },
      ],
      input: 'three',
      results: [],
      brought: { files: [], images: new Map(), newest: 'messages[2].content' },
      firstUser: 'one',
    });
  });

  test('an assistant message may be the last one', () => {
    expect(read(user('a'), { role: 'assistant', content: 'go on' }).input).toBe('go on');
  });

  test('28. an image alone is an input', () => {
    expect(read(user([{ type: 'image_url', image_url: 'http://x' }])).input).toHaveLength(1);
  });

  test('tool calls and results become history, in both forms', () => {
    const { history } = read(
      user('list'),
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'ls', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'README' }] },
      { role: 'assistant', content: '', function_call: { name: 'date', arguments: '{}' } },
      { role: 'function', name: 'date', content: 'today' },
      user('thanks'),
    );
    expect(history.slice(1)).toEqual([
      { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'ls', arguments: '{"a":1}' }] },
      { role: 'tool', toolCallId: 'c1', name: 'ls', content: 'README' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'function_date', name: 'date', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'function_date', name: 'date', content: 'today' },
    ]);
  });

  test('an image in an assistant message stays visible as a link', () => {
    const parts = [
      { type: 'text', text: 'see' },
      { type: 'image_url', image_url: { url: 'https://x/y.png' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
    ];
    expect(read(user('a'), { role: 'assistant', content: parts }, user('b')).history[1]).toEqual({
      role: 'assistant',
      content: 'see\n![image](https://x/y.png)\n[image]',
    });
  });
});

describe('other fields', () => {
  const base = { messages: [user('a')] };
  test('sampling wishes are passed on, nulls and "no limit" are not wishes', () => {
    const all = {
      temperature: 0,
      top_p: 0.5,
      max_tokens: 10,
      max_completion_tokens: 20,
      stop: 'END',
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: -0.1,
    };
    expect(readChatRequest({ ...base, ...all }).sampling).toEqual({
      temperature: 0,
      topP: 0.5,
      maxTokens: 20,
      stop: ['END'],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: -0.1,
    });
    expect(
      readChatRequest({ ...base, temperature: null, max_tokens: -1, stop: [] }).sampling,
    ).toBeUndefined();
  });

  test.each([
    ['false', false],
    [' OFF ', false],
    ['0', false],
    ['perhaps', false],
    [null, false],
    [0, false],
    [{}, false],
    ['true', true],
    ['Yes', true],
    [1, true],
    [true, true],
  ])('22. stream: %o streams: %o', (stream, expected) => {
    expect(readChatRequest({ ...base, stream }).fields.stream).toBe(expected);
  });

  test('an empty list of tools asks for none', () => {
    expect(readChatRequest({ ...base, tools: [] }).tools).toEqual([]);
    expect(readChatRequest(base).tools).toBeUndefined();
  });

  test('what has no effect is named, what has is not', () => {
    const { ignored } = readChatRequest({
      ...base,
      model: 'm',
      n: 1,
      temperature: 1,
      tools: [{ type: 'function', function: { name: 'a' } }],
      tool_choice: 'auto',
      parallel_tool_calls: true,
      response_format: { type: 'json_object' },
      logprobs: true,
      user: null,
      verbosity: 'low',
      'bad name\r\n': 1,
      store: false,
    });
    expect(ignored).toEqual(['logprobs', 'verbosity']);
  });
});
