import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import { noUsage } from '../../core/message.ts';
import { ApiError } from '../errors.ts';
import { chunksOf, framesOf } from '../testing/open.ts';
import { type ChunkOptions, chunkEncoder } from './chunks.ts';
import { encodeCompletion } from './completion.ts';
import { chatChunk, chatCompletion } from './schema.ts';

const plain = { reasoning: false, legacy: false, warnings: [] };
const identity = { id: 'chatcmpl-1', created: 1_710_000_000, model: 'm' };

const result = (change: Partial<TurnResult> = {}): TurnResult => ({
  status: 'completed',
  text: 'answer',
  messages: [],
  usage: { ...noUsage, input: 50, output: 200 },
  model: 'real',
  provider: 'p',
  modelCalls: 1,
  exit: 'text_response',
  ...change,
});
const broke = { code: 'model_error', message: 'model broke' };

/** The table of outcomes: result → status (JSON), finish reason (both), the `hermes` block. */
const outcomes: [string, Partial<TurnResult>, number, string, object | undefined][] = [
  ['completed', {}, 200, 'stop', undefined],
  ['completed without text', { text: '' }, 200, 'stop', undefined],
  [
    '41. truncated by its exit',
    { status: 'partial', exit: 'truncated' },
    200,
    'length',
    { completed: false, partial: true, failed: false, error: null, error_code: 'output_truncated' },
  ],
  [
    '41. truncated by its error text',
    { status: 'partial', error: { code: 'x', message: 'Response truncated due to length' } },
    200,
    'length',
    { error_code: 'output_truncated' },
  ],
  [
    'failed with text',
    { status: 'failed', error: broke },
    200,
    'error',
    { completed: false, partial: false, failed: true, error: 'model broke', error_code: 'agent_error' },
  ],
  [
    'partial with an error',
    { status: 'partial', error: broke },
    200,
    'error',
    { partial: true, error: 'model broke' },
  ],
  [
    'partial without an error',
    { status: 'partial', exit: 'max_iterations' },
    200,
    'stop',
    { completed: false, partial: true, error: null },
  ],
  ['interrupted with text', { status: 'interrupted' }, 200, 'error', { completed: false, partial: true }],
  ['40. failed without text', { status: 'failed', text: '', error: broke }, 502, 'error', { failed: true }],
  [
    '40. partial without text',
    { status: 'partial', text: '', exit: 'truncated' },
    502,
    'length',
    { partial: true },
  ],
  ['interrupted without text', { status: 'interrupted', text: '' }, 502, 'error', { partial: true }],
];

describe('the JSON answer', () => {
  test.each(outcomes)('of a turn that is %s', (_, change, status, finish, hermes) => {
    if (status === 502) {
      expect(() => encodeCompletion(result(change), identity, plain)).toThrow(ApiError);
      return;
    }
    const { body, headers } = encodeCompletion(result(change), identity, plain);
    expect(chatCompletion.parse(body)).toEqual(body);
    expect(body.choices[0]?.finish_reason).toBe(finish);
    if (hermes === undefined) expect([body.hermes, headers]).toEqual([undefined, {}]);
    else {
      expect(body.hermes).toMatchObject(hermes);
      expect(headers['X-Hermes-Completed']).toBe('false');
    }
  });

  test('34. has the documented shape', () => {
    expect(encodeCompletion(result(), identity, plain).body).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_710_000_000,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'answer', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 50, completion_tokens: 200, total_tokens: 250 },
    });
  });

  test('40. of nothing is a 502 that says what happened and forbids a blind retry', () => {
    try {
      encodeCompletion(result({ status: 'failed', text: '', error: broke }), identity, plain);
      expect.unreachable();
    } catch (error) {
      const { status, body, headers } = error as ApiError;
      expect([status, body, headers]).toEqual([
        502,
        {
          error: {
            message: 'model broke',
            type: 'server_error',
            param: null,
            code: 'agent_incomplete',
            hermes: { completed: false, partial: false, failed: true },
          },
        },
        {
          'X-Hermes-Completed': 'false',
          'X-Hermes-Partial': 'false',
          'X-Hermes-Error': 'model broke',
          'x-should-retry': 'false',
        },
      ]);
    }
    expect(() => encodeCompletion(result({ status: 'failed', text: '' }), identity, plain)).toThrow(
      'Agent run did not produce a response.',
    );
  });

  test('shows known token details and reasoning behind its gate', () => {
    const full = result({
      reasoning: 'because',
      usage: { input: 9, output: 4, cacheRead: 3, cacheWrite: 0, reasoning: 2 },
    });
    expect(
      encodeCompletion(full, identity, { ...plain, reasoning: true }).body.choices[0]?.message
        .reasoning_content,
    ).toBe('because');
    const hidden = encodeCompletion(full, identity, plain).body;
    expect(hidden.choices[0]?.message).not.toHaveProperty('reasoning_content');
    expect(hidden.usage).toEqual({
      prompt_tokens: 9,
      completion_tokens: 4,
      total_tokens: 13,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    });
  });

  test('puts an error into a header only as one short latin1 line', () => {
    const { headers } = encodeCompletion(
      result({
        status: 'failed',
        error: { code: 'x', message: `bad\r\nSet-Cookie: x 🔥 é ${'a'.repeat(500)}` },
      }),
      identity,
      plain,
    );
    expect(headers['X-Hermes-Error']).toMatch(/^bad Set-Cookie: x \? é a+$/);
    expect(headers['X-Hermes-Error']).toHaveLength(200);
  });
});

function stream(
  events: readonly AgentEvent[],
  end: Partial<TurnResult> = {},
  options: Partial<ChunkOptions> = {},
) {
  const encoder = chunkEncoder(identity, {
    includeUsage: false,
    toolProgress: true,
    reasoning: false,
    legacy: false,
    ...options,
  });
  return encoder.open() + events.map((event) => encoder.event(event)).join('') + encoder.finish(result(end));
}
const text = (value: string): AgentEvent => ({ type: 'text.delta', text: value });
const started = (name: string, call: string, preview = ''): AgentEvent => ({
  type: 'tool.started',
  call,
  name,
  emoji: '💻',
  preview,
  arguments: '{}',
});
const ended = (name: string, call: string): AgentEvent => ({
  type: 'tool.completed',
  call,
  name,
  ms: 1,
  isError: false,
  result: '',
});

describe('the stream', () => {
  test('46. starts with the role, ends with the finish chunk and [DONE]', () => {
    const frames = framesOf(stream([text('Your '), text('project')]));
    const head = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1710000000,"model":"m"';
    const chunk = (delta: string, finish = 'null', more = '') =>
      `{${head},"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]${more}}`;
    expect(frames.map(({ data }) => data)).toEqual([
      chunk('{"role":"assistant"}'),
      chunk('{"content":"Your "}'),
      chunk('{"content":"project"}'),
      chunk('{}', '"stop"', ',"usage":{"prompt_tokens":50,"completion_tokens":200,"total_tokens":250}'),
      '[DONE]',
    ]);
  });

  test('47. a segment border does not end it', () => {
    const chunks = chunksOf(stream([text('a'), { type: 'segment.end' }, text(''), text('b')]));
    expect(JSON.stringify(chunks)).toContain('"content":"b"');
    expect(JSON.stringify(chunks).match(/"content"/g)).toHaveLength(2);
  });

  test('48. tool frames are paired by id in the chunk envelope, and nothing of them is content', () => {
    const body = stream([
      started('terminal', 'call_7', 'ls -la'),
      started('web_search', 'call_8'),
      started('_thinking', 'call_9', 'hidden'),
      started('terminal', '', 'no id'),
      ended('web_search', 'call_8'),
      ended('terminal', 'call_7'),
      ended('terminal', 'call_7'),
      ended('_thinking', 'call_9'),
      ended('terminal', 'call_99'),
      text('done'),
    ]);
    const tools = framesOf(body).filter(({ event }) => event !== undefined);
    expect(tools.map(({ event }) => event)).toEqual(Array(4).fill('hermes.tool.progress'));
    expect(tools.map(({ data }) => JSON.parse(data))).toMatchObject([
      { tool: 'terminal', emoji: '💻', label: 'ls -la', toolCallId: 'call_7', status: 'running' },
      { tool: 'web_search', label: 'web_search', toolCallId: 'call_8', status: 'running' },
      { tool: 'web_search', toolCallId: 'call_8', status: 'completed' },
      { tool: 'terminal', toolCallId: 'call_7', status: 'completed' },
    ]);
    for (const chunk of chunksOf(body)) expect(chatChunk.parse(chunk)).toEqual(chunk);
    expect(body).not.toMatch(/hidden|_thinking|tool_calls/);
    expect(body.match(/"content"/g)).toHaveLength(1);
  });

  test('tool and status frames can be switched off', () => {
    const body = stream(
      [started('terminal', 'c'), { type: 'status', kind: 'info', text: 'x' }, ended('terminal', 'c')],
      {},
      { toolProgress: false },
    );
    expect(body).not.toContain('event:');
  });

  test('52. an answer that was never streamed is one content chunk', () => {
    const chunks = chunksOf(
      stream([started('terminal', 'c'), ended('terminal', 'c')], { text: 'all of it' }),
    );
    expect(chunks.at(-2)).toMatchObject({
      choices: [{ delta: { content: 'all of it' }, finish_reason: null }],
    });
    expect(JSON.stringify(chunksOf(stream([text('x')], { text: 'x' }))).match(/"content"/g)).toHaveLength(1);
  });

  test('53. include_usage gives usage once, in a chunk without choices', () => {
    const chunks = chunksOf(stream([text('x')], {}, { includeUsage: true }));
    expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 250 } });
  });

  test('reasoning goes before content, behind its gate', () => {
    const events: AgentEvent[] = [{ type: 'reasoning.delta', text: 'hm' }, text('x')];
    expect(stream(events)).not.toContain('hm');
    expect(chunksOf(stream(events, {}, { reasoning: true }))[1]).toMatchObject({
      choices: [{ delta: { reasoning_content: 'hm' } }],
    });
  });

  test.each(outcomes)(
    'of a turn that is %s has its finish reason exactly once',
    (_, change, _status, finish, hermes) => {
      const chunks = chunksOf(stream([], change)) as {
        choices: { finish_reason: string | null }[];
        error?: unknown;
        hermes?: unknown;
      }[];
      expect(
        chunks.flatMap(({ choices }) => choices.flatMap((choice) => choice.finish_reason ?? [])),
      ).toEqual([finish]);
      const last = chunks.at(-1);
      if (hermes === undefined) expect(last).not.toHaveProperty('hermes');
      else expect(last?.hermes).toMatchObject(hermes);
      // SDKs throw on `error`, so only real failures carry it.
      expect(last?.error !== undefined).toBe(finish === 'error');
    },
  );

  test('51. a fault of the writer still ends in a way every client understands', () => {
    const encoder = chunkEncoder(identity, {
      includeUsage: false,
      toolProgress: true,
      reasoning: false,
      legacy: false,
    });
    const frames = framesOf(encoder.crash());
    expect(JSON.parse(frames[0]?.data ?? '')).toMatchObject({ choices: [{ finish_reason: 'error' }] });
    expect(frames.at(-1)?.data).toBe('[DONE]');
  });

  test('any text and any model name survive the encoding, one line per frame', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.string({ unit: 'binary' }), (texts, model) => {
        const encoder = chunkEncoder(
          { ...identity, model },
          { includeUsage: false, toolProgress: true, reasoning: false, legacy: false },
        );
        const body = texts.map((value) => encoder.event(text(value))).join('');
        const chunks = chunksOf(body) as { model: string; choices: { delta: { content: string } }[] }[];
        expect(chunks.map((chunk) => chunk.choices[0]?.delta.content).join('')).toBe(texts.join(''));
        for (const chunk of chunks) expect(chunk.model).toBe(model);
      }),
      { numRuns: 200 },
    );
  });
});
