import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import OpenAI, { AuthenticationError, BadRequestError, InternalServerError, RateLimitError } from 'openai';
import { describe, expect, test } from 'vitest';
import type { Script } from '../testing/fake-turns.ts';
import { key, type Listening, listenFake } from '../testing/open.ts';

const client = (server: Listening, options: { apiKey?: string; maxRetries?: number } = {}) =>
  new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0, ...options });

const messages = [{ role: 'user' as const, content: 'hello' }];

const withTools: Script = (turn) => {
  turn.emit({ type: 'turn.started', model: 'm', provider: 'p' });
  turn.say('Looking. ');
  turn.emit({ type: 'segment.end' });
  turn.tool('terminal', 'call_7', 'ls -la');
  turn.emit({ type: 'status', kind: 'info', text: 'still here' });
  turn.say('Your ', 'project');
  turn.end({
    text: 'Your project',
    usage: { input: 5, output: 7, cacheRead: 1, cacheWrite: 0, reasoning: 2 },
  });
};

describe('the official OpenAI client', () => {
  test('gets a completion with the model it asked for', async () => {
    await using server = await listenFake();
    const answer = await client(server).chat.completions.create({ model: 'gpt-4o', messages });
    expect(answer.model).toBe('gpt-4o');
    expect(answer.choices[0]?.message.content).toBe('Hello');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage).toEqual({ prompt_tokens: 50, completion_tokens: 200, total_tokens: 250 });
    expect(answer._request_id).toMatch(/^req_/);
  });

  test('iterates a stream in which a tool runs', async () => {
    await using server = await listenFake({ script: withTools });
    const stream = await client(server).chat.completions.create({ model: 'm', messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('Looking. Your project');
  });

  test('54. its stream() accumulator completes on a turn with tools', async () => {
    await using server = await listenFake({ script: withTools });
    const stream = client(server).chat.completions.stream({
      model: 'm',
      messages,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Looking. Your project');
    expect(final.choices[0]?.message.tool_calls ?? []).toEqual([]);
    expect(final.usage?.total_tokens).toBe(12);
  });

  test('raises a failure in the middle of a stream', async () => {
    await using server = await listenFake({
      script: (turn) => {
        turn.say('half');
        turn.end({ status: 'failed', text: 'half', error: { code: 'x', message: 'model broke' } });
      },
    });
    const stream = await client(server).chat.completions.create({ model: 'm', messages, stream: true });
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow('model broke');
  });

  test('keeps a truncated answer of a stream', async () => {
    await using server = await listenFake({
      script: (turn) => {
        turn.say('half');
        turn.end({ status: 'partial', text: 'half', exit: 'truncated' });
      },
    });
    const final = await client(server)
      .chat.completions.stream({ model: 'm', messages })
      .finalChatCompletion();
    expect(final.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'half' } });
  });

  test('27. sends images that reach the agent as canonical parts', async () => {
    await using server = await listenFake();
    await client(server).chat.completions.create({
      model: 'm',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
          ],
        },
      ],
    });
    expect(server.turns.last.input).toEqual([
      { type: 'text', text: 'what is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
    ]);
  });

  test('lists and retrieves models', async () => {
    await using server = await listenFake({
      api: { modelRoutes: { 'a/b': { model: 'x/y', provider: 'p', apiKey: 'secret', baseUrl: undefined } } },
    });
    const ids: string[] = [];
    for await (const model of client(server).models.list()) ids.push(model.id);
    expect(ids).toEqual(['hermes-agent', 'a/b', 'openclaw', 'openclaw/default', 'openclaw/main']);
    expect((await client(server).models.retrieve('openclaw/main')).owned_by).toBe('openclaw');
    expect((await client(server).models.retrieve('a/b')).id).toBe('a/b');
    await expect(client(server).models.retrieve('nope')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  test('maps every refusal to its typed error with message and code', async () => {
    await using server = await listenFake({ api: { maxConcurrentRuns: 1 }, script: () => {} });
    await expect(
      client(server, { apiKey: 'wrong' }).chat.completions.create({ model: 'm', messages }),
    ).rejects.toSatisfy((error) => error instanceof AuthenticationError && error.code === 'invalid_api_key');
    await expect(client(server).chat.completions.create({ model: 'm', messages, n: 2 })).rejects.toSatisfy(
      (error) =>
        error instanceof BadRequestError && error.code === 'unsupported_value' && error.param === 'n',
    );
    const first = server.turns.next();
    const waiting = client(server).chat.completions.create({ model: 'm', messages });
    const turn = await first;
    await expect(client(server).chat.completions.create({ model: 'm', messages })).rejects.toSatisfy(
      (error) => error instanceof RateLimitError && error.code === 'rate_limit_exceeded',
    );
    turn.end({ text: 'done' });
    await waiting;
  });

  test('does not repeat a turn that ended without an answer', async () => {
    await using server = await listenFake({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'model broke' } }),
    });
    await expect(
      client(server, { maxRetries: 2 }).chat.completions.create({ model: 'm', messages }),
    ).rejects.toSatisfy((error) => error instanceof InternalServerError && error.status === 502);
    expect(server.turns.turns).toHaveLength(1);
  });

  test('gets through with any key when the server has none', async () => {
    await using server = await listenFake({ api: { key: undefined } });
    const answer = await client(server, { apiKey: 'not-needed' }).chat.completions.create({
      model: 'm',
      messages,
    });
    expect(answer.choices[0]?.message.content).toBe('Hello');
  });
});

describe('55. the AI SDK providers complete a stream with tools', () => {
  test.each(['openai', 'openai-compatible'])('%s', async (kind) => {
    await using server = await listenFake({ script: withTools });
    const baseURL = `${server.url}/v1`;
    const model =
      kind === 'openai'
        ? createOpenAI({ baseURL, apiKey: key }).chat('hermes-agent')
        : createOpenAICompatible({ name: 'hermes', baseURL, apiKey: key, includeUsage: true }).chatModel('m');
    const { stream } = await model.doStream({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    });
    let text = '';
    const types = new Set<string>();
    for await (const part of stream) {
      types.add(part.type);
      if (part.type === 'text-delta') text += part.delta;
      if (part.type === 'error') throw part.error;
    }
    expect(text).toBe('Looking. Your project');
    expect(types).not.toContain('tool-call');
    expect(types).toContain('finish');
  });
});
