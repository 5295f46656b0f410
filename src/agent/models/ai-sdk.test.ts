import { beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { Fault, Reply, Upstream, UpstreamRequest } from '../../../testkit/upstream/index.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { Message } from '../../core/message.ts';
import type { Model, ModelCall } from '../contract.ts';
import { testUpstream } from '../testing.ts';
import { endpointModel } from './ai-sdk.ts';
import { imageOmitted } from './convert.ts';
import { openModels } from './open.ts';
import { openLanguageModel } from './packages.ts';
import type { Mode } from './registry.ts';
import { collect, endpointOf, modelSettings, modes, openNamed, wires } from './testing.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await testUpstream();
});

function open(
  mode: Mode,
  options: { clock?: Clock; key?: string; url?: string; staleMs?: number } = {},
): Model {
  const { path, model } = wires[mode];
  const entry = {
    baseUrl: options.url ?? `${upstream.url}${path}`,
    apiKey: options.key ?? upstream.key,
    apiMode: mode,
    model,
    staleTimeoutMs: options.staleMs,
  };
  return openNamed(entry, { clock: options.clock ?? systemClock, fetch }).open({ provider: 'custom:fake' });
}

const weather = {
  name: 'weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

function ask(messages: readonly Message[] | string, extra: Partial<ModelCall> = {}): ModelCall {
  const list: readonly Message[] =
    typeof messages === 'string' ? [{ role: 'user', content: messages }] : messages;
  return { system: 'Be brief.', messages: list, tools: [], session: 's1', ...extra };
}

function assistantOf(result: Awaited<ReturnType<typeof collect>>): Message {
  return {
    role: 'assistant',
    content: result.text,
    ...(result.calls.length > 0 && { toolCalls: result.calls }),
    ...(result.finish?.meta && { meta: result.finish.meta }),
  };
}

const lastBody = () => upstream.requests.at(-1)!.body;

describe.each(modes)('over the %s wire', (mode) => {
  test('text arrives delta by delta, with usage that counts cached tokens in', async () => {
    upstream.script({
      text: ['one', ' two', ' three'],
      usage: { input: 1000, output: 30, cached: 800, reasoning: 10 },
    });
    const result = await collect(open(mode), ask('hi'));
    expect(result.deltas).toEqual(['one', ' two', ' three']);
    expect(result.finish).toMatchObject({
      reason: 'stop',
      usage: { input: 1000, cacheRead: 800, output: 30 },
    });
  });

  test('a tool call arrives whole, and its result goes back in the vendor’s shape', async () => {
    const model = open(mode);
    upstream.script({
      text: 'look',
      toolCalls: [{ name: 'weather', arguments: { unit: 'c', city: 'Oslo' } }],
    });
    const first = await collect(model, ask('hi', { tools: [weather] }));
    expect(first.failure).toBeUndefined();
    expect(first.calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([
      ['weather', { unit: 'c', city: 'Oslo' }],
    ]);
    expect(first.finish?.reason).toBe('tool-calls');
    const result: Message = {
      role: 'tool',
      toolCallId: first.calls[0]!.id,
      name: 'weather',
      content: '{"t":3}',
    };
    const next = ask([{ role: 'user', content: 'hi' }, assistantOf(first), result], { tools: [weather] });
    const second = await collect(model, next);
    expect(second.failure).toBeUndefined();
    expect(second.text).toBe('echo: hi');
  });

  test('think tags never reach the text, also when cut by deltas', async () => {
    upstream.script({ text: ['a <thi', 'nk>secret</think> b'] });
    const result = await collect(open(mode), ask('hi'));
    expect(result.text).toBe('a  b');
    expect(result.reasoning).toBe('secret');
  });

  test('an answer cut by the token limit says so', async () => {
    upstream.script({ text: 'half', finish: 'length' });
    expect((await collect(open(mode), ask('hi'))).finish?.reason).toBe('length');
  });

  test('a wrong key is a failure with the vendor’s status, and the key is not in it', async () => {
    const { failure } = await collect(open(mode, { key: 'sk-wrong-key-123456' }), ask('hi'));
    expect(failure?.status).toBe(mode === 'google' ? 400 : 401);
    expect(JSON.stringify(failure)).not.toContain('wrong-key');
  });

  test('an abort closes the connection and ends the stream as aborted', async () => {
    upstream.script({ text: 'one two three', fault: { kind: 'hang-mid-stream', after: 4 } });
    const abort = new AbortController();
    const running = collect(open(mode), ask('hi'), abort.signal);
    await expect.poll(() => upstream.requests.length).toBe(1);
    abort.abort();
    const { failure } = await running;
    expect(failure).toMatchObject({ aborted: true });
    await expect.poll(() => upstream.requests[0]?.cut, { timeout: 500 }).toBe(true);
  });

  const cases: [string, Fault, object][] = [
    [
      '429 with a hint',
      { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      { status: 429, retryAfterMs: 7000 },
    ],
    ['500', { kind: 'status', status: 500, message: 'boom' }, { status: 500, message: 'boom' }],
    [
      '502 with an HTML page',
      { kind: 'status', status: 502, html: '<html><title>Bad Gateway</title></html>' },
      { status: 502, message: 'Bad Gateway' },
    ],
    ['529', { kind: 'status', status: 529 }, { status: 529 }],
    ['a connection cut inside a frame', { kind: 'cut-mid-frame', after: 3 }, { transport: true }],
    ['a stream that ends early', { kind: 'end-early', after: 3 }, { transport: true, code: 'stream_cut' }],
    ['invalid JSON', { kind: 'invalid-json' }, { code: 'malformed_response' }],
    ['an empty 200', { kind: 'empty-200' }, { transport: true }],
    ['a web page instead of a stream', { kind: 'wrong-content-type' }, { code: 'malformed_response' }],
    ['a redirect to a private address', { kind: 'redirect', to: 'http://10.0.0.1/' }, { status: 307 }],
    [
      'an error inside the stream',
      { kind: 'error-in-stream', status: 503, message: 'upstream died' },
      { message: 'upstream died' },
    ],
  ];
  test.each(cases)('%s is a typed failure, never an exception', async (_name, fault, expected) => {
    upstream.script({ text: 'one two three four', fault });
    const { failure } = await collect(open(mode), ask('hi'));
    expect(failure).toMatchObject(expected);
    expect(upstream.requests).toHaveLength(1);
  });

  test('bytes that are not UTF-8 and repeated end marks do no harm', async () => {
    upstream.script({ text: 'one two', fault: { kind: 'invalid-utf8', after: mode === 'google' ? 0 : 2 } });
    expect((await collect(open(mode), ask('hi'))).finish?.reason).toBe('stop');
    upstream.script({ text: 'one two', fault: { kind: 'duplicate-done' } });
    expect((await collect(open(mode), ask('hi'))).text).toBe('one two');
  });

  test('silence before the headers ends with the read-gap timer, by the clock', async () => {
    const clock = virtualClock();
    upstream.script({ fault: { kind: 'hang-before-headers' } });
    const result = collect(open(mode, { clock }), ask('hi'));
    await expect.poll(() => upstream.requests.length).toBe(1);
    await clock.advance(1_799_000);
    await clock.advance(2_000);
    expect((await result).failure).toMatchObject({
      transport: true,
      code: expect.stringMatching(/^timeout_/),
    });
    expect(clock.pending).toBe(0);
  });

  test('a stream without progress ends with the stale timer of its provider', async () => {
    const clock = virtualClock();
    upstream.script({ text: 'one two three', fault: { kind: 'hang-mid-stream', after: 4 } });
    const result = collect(open(mode, { clock, staleMs: 5_000 }), ask('hi'));
    await expect.poll(() => upstream.requests.length).toBe(1);
    await clock.advance(4_000);
    await clock.advance(6_000);
    expect((await result).failure).toMatchObject({ transport: true, code: 'timeout_stale' });
  });

  test('nothing listening is a transport failure', async () => {
    const { failure } = await collect(open(mode, { url: 'http://127.0.0.1:1/v1' }), ask('hi'));
    expect(failure).toMatchObject({ transport: true });
  });
});

describe('opaque data', () => {
  const withTool: Reply = {
    reasoning: 'let me think ',
    opaque: 'SIG+/=',
    toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }],
  };
  const toolTurn = async (model: Model, history: readonly Message[] = []): Promise<Message[]> => {
    const messages: Message[] = [...history, { role: 'user', content: 'hi' }];
    upstream.script(withTool);
    const first = await collect(model, ask(messages, { tools: [weather] }));
    expect(first.failure).toBeUndefined();
    const id = first.calls[0]!.id;
    return [...messages, assistantOf(first), { role: 'tool', toolCallId: id, name: 'weather', content: '3' }];
  };
  const blocksOf = (request: UpstreamRequest) =>
    (request.body['messages'] as { role: string; content: { type: string }[] }[]).map((m) =>
      m.content.map((b) => b.type),
    );

  test('Anthropic thinking of the latest turn is replayed byte for byte, earlier turns carry none', async () => {
    const model = open('anthropic');
    const turn = await toolTurn(model);
    expect((await collect(model, ask(turn, { tools: [weather] }))).failure).toBeUndefined();
    const [, replayed] = lastBody()['messages'] as { content: unknown[] }[];
    expect(replayed?.content[0]).toEqual({
      type: 'thinking',
      thinking: 'let me think ',
      signature: 'SIG+/=',
    });
    const later = await toolTurn(model, [...turn, { role: 'assistant', content: 'it is cold' }]);
    expect((await collect(model, ask(later, { tools: [weather] }))).failure).toBeUndefined();
    const thinking = blocksOf(upstream.requests.at(-1)!).map((types) => types.includes('thinking'));
    expect(thinking).toEqual([false, false, false, false, false, true, false]);
  });

  test('Responses reasoning is replayed without its id to the same endpoint, and never to another', async () => {
    const model = open('responses');
    const turn = await toolTurn(model);
    expect((await collect(model, ask(turn, { tools: [weather] }))).failure).toBeUndefined();
    const items = lastBody()['input'] as Record<string, unknown>[];
    const reasoning = items.filter((item) => item['type'] === 'reasoning');
    expect(reasoning).toEqual([
      {
        type: 'reasoning',
        encrypted_content: 'SIG+/=',
        summary: [{ type: 'summary_text', text: 'let me think ' }],
      },
    ]);
    const other = open('responses', { url: `${upstream.url}/other/v1` });
    expect((await collect(other, ask(turn, { tools: [weather] }))).failure).toBeUndefined();
    expect(JSON.stringify(lastBody())).not.toContain('SIG');
  });

  test('Google thought signatures go back with their call', async () => {
    const model = open('google');
    const turn = await toolTurn(model);
    expect((await collect(model, ask(turn, { tools: [weather] }))).failure).toBeUndefined();
    expect(JSON.stringify(lastBody())).toContain('"thoughtSignature":"SIG+/="');
  });

  test('a conversation handed over between wires carries no foreign opaque data', async () => {
    const turn = await toolTurn(open('anthropic'));
    for (const mode of ['chat', 'responses', 'google'] as const) {
      expect((await collect(open(mode), ask(turn, { tools: [weather] }))).failure).toBeUndefined();
      expect(JSON.stringify(lastBody())).not.toContain('SIG');
    }
  });
});

describe('limits', () => {
  test('an answer without end is cut at 64 MiB', async () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    upstream.script({ text: [megabyte], fault: { kind: 'flood', bytes: 80 * 1024 * 1024 } });
    const { failure, text } = await collect(open('chat'), ask('hi'));
    expect(failure).toMatchObject({
      code: 'malformed_response',
      message: expect.stringContaining('67108864'),
    });
    expect(text.length).toBeLessThan(65 * 1024 * 1024);
  });

  test('a slow stream is read to its end', async () => {
    upstream.script({ text: 'one two three', fault: { kind: 'slow', msPerFrame: 5 } });
    expect((await collect(open('chat'), ask('hi'))).text).toBe('one two three');
  });

  test('a provider package that fails to load is a failure, and is loaded again by the next call', async () => {
    let loads = 0;
    const at = { baseUrl: `${upstream.url}/v1`, apiKey: upstream.key };
    const endpoint = endpointOf({ ...at, mode: 'responses' });
    const model = endpointModel(endpoint, systemClock, async () => {
      if (loads++ === 0) throw new Error('no such package');
      return openLanguageModel('responses', endpoint, fetch);
    });
    expect((await collect(model, ask('hi'))).failure?.message).toContain('no such package');
    expect((await collect(model, ask('hi'))).text).toBe('echo: hi');
  });
});

describe('requests', () => {
  test('Responses calls store nothing, send instructions and a cache key', async () => {
    await collect(open('responses'), ask('hi', { tools: [weather], reasoningEffort: 'low' }));
    expect(lastBody()).toMatchObject({
      store: false,
      instructions: 'Be brief.',
      prompt_cache_key: 's1',
      parallel_tool_calls: true,
      include: ['reasoning.encrypted_content'],
      reasoning: { effort: 'low', summary: 'auto' },
      tools: [{ type: 'function', name: 'weather', strict: false }],
    });
  });

  test('Anthropic calls carry max_tokens of the model and at most four cache marks', async () => {
    const history: Message[] = Array.from(
      { length: 9 },
      (_, index): Message =>
        index % 2 === 0
          ? { role: 'user', content: `q${index}` }
          : { role: 'assistant', content: `a${index}` },
    );
    await collect(open('anthropic'), ask(history));
    expect(lastBody()['max_tokens']).toBe(64_000);
    expect(JSON.stringify(lastBody()).match(/"cache_control"/g)).toHaveLength(4);
  });

  test('chat calls ask for usage, and send max_tokens only when it was set', async () => {
    await collect(open('chat'), ask('hi'));
    expect(lastBody()).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(lastBody()).not.toHaveProperty('max_tokens');
    await collect(open('chat'), ask('hi', { sampling: { maxTokens: 7, temperature: 0.5, stop: ['x'] } }));
    expect(lastBody()).toMatchObject({ max_tokens: 7, temperature: 0.5, stop: ['x'] });
  });

  const picture = [
    { type: 'text' as const, text: 'what is this?' },
    { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
    { type: 'image_url' as const, image_url: { url: 'https://example.com/a.jpg' } },
  ];

  test('images reach models that see, as data and as URLs', async () => {
    await collect(open('responses'), ask([{ role: 'user', content: picture }]));
    const seen = JSON.stringify(lastBody());
    expect(seen).toContain('data:image/png;base64,iVBORw0KGgo=');
    expect(seen).toContain('https://example.com/a.jpg');
    const anthropic = await collect(open('anthropic'), ask([{ role: 'user', content: picture }]));
    expect(anthropic.failure).toBeUndefined();
    expect(JSON.stringify(lastBody())).toContain('iVBORw0KGgo=');
  });

  test('a model that cannot see is told that an image was left out', async () => {
    const baseUrl = `${upstream.url}/v1`;
    const own = modelSettings({ baseUrl, apiKey: upstream.key, supportsVision: false });
    const blind = openModels({ model: own, providers: {}, providerEnv: {} }, { clock: systemClock, fetch });
    await collect(blind.open(undefined), ask([{ role: 'user', content: picture }]));
    const sent = JSON.stringify(lastBody());
    expect(sent).toContain(imageOmitted);
    expect(sent).not.toContain('base64');
  });

  test('equal choices share one model object', () => {
    const deps = { clock: systemClock, fetch };
    const model = modelSettings({ baseUrl: 'http://h/v1' });
    const models = openModels({ model, providers: {}, providerEnv: {} }, deps);
    expect(models.open(undefined)).toBe(models.open({ model: 'm' }));
    expect(models.open({ model: 'other' })).not.toBe(models.open(undefined));
  });
});

describe('budgeted thinking of Anthropic', () => {
  const called: Message = {
    role: 'assistant',
    content: '',
    toolCalls: [{ id: 'a', name: 'weather', arguments: '{}' }],
  };
  const result: Message = { role: 'tool', toolCallId: 'a', name: 'weather', content: 'rain' };
  const user: Message = { role: 'user', content: 'hi' };
  const own = { provider: 'custom:fake', data: {} };
  const thinks = async (messages: readonly Message[], extra: Partial<ModelCall> = {}) => {
    const model = open('anthropic');
    await collect(model, ask(messages, { tools: [weather], reasoningEffort: 'high', ...extra }));
    return (lastBody()['thinking'] as { type?: string } | undefined)?.type === 'enabled';
  };

  test('stays out where the vendor would refuse it: forced calls, and calls that lost their thinking', async () => {
    const meta = { ...own, provider: `custom:fake ${upstream.url}` };
    expect(await thinks([user])).toBe(true);
    expect(await thinks([user], { toolChoice: { type: 'required' } })).toBe(false);
    expect(await thinks([user, called, result])).toBe(false);
    expect(await thinks([user, { ...called, meta }, result])).toBe(true);
    expect(await thinks([user, called, result, { role: 'assistant', content: 'Rain.' }, user])).toBe(true);
  });
});
