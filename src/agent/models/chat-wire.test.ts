import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { type Fault, startUpstream, type Upstream } from '../../../testkit/upstream/index.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { Message } from '../../core/message.ts';
import type { Model, ModelCall } from '../contract.ts';
import type { Models } from './open.ts';
import { collect as collectAll, openNamed } from './testing.ts';

/** One request to a server that answers what the test says. */
interface Raw {
  readonly url: string;
  readonly bodies: Record<string, unknown>[];
  readonly sockets: { opened: number; open: number };
  answer(response: ServerResponse): void;
}

let upstream: Upstream;
let raw: Raw;
const opened: Models[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
  raw = await startRaw();
  closing.push(upstream.close);
});
afterEach(async () => {
  await closeModels();
  await Promise.all(closing.splice(0).map((close) => close()));
});

const closeModels = () => Promise.all(opened.splice(0).map((models) => models.close()));

async function startRaw(): Promise<Raw> {
  const bodies: Record<string, unknown>[] = [];
  const sockets = { opened: 0, open: 0 };
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    bodies.push(JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>);
    handle.answer(response);
  });
  server.on('connection', (socket) => {
    sockets.opened++;
    sockets.open++;
    socket.on('close', () => sockets.open--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const handle: Raw = { url, bodies, sockets, answer: (response) => response.end() };
  return handle;
}

/** Over the client's own connections, as in a running gateway. */
function open(
  url = `${upstream.url}/v1`,
  options: { clock?: Clock; key?: string; staleMs?: number; totalMs?: number } = {},
): Model {
  const entry = {
    baseUrl: url,
    apiKey: options.key ?? upstream.key,
    apiMode: 'chat',
    model: 'some-model',
    requestTimeoutMs: options.totalMs,
    staleTimeoutMs: options.staleMs,
  };
  const models = openNamed(entry, { clock: options.clock ?? systemClock });
  opened.push(models);
  return models.open({ provider: 'custom:fake' });
}

const weather = { name: 'weather', description: 'Weather.', parameters: { type: 'object' } };

function ask(messages: readonly Message[] = [{ role: 'user', content: 'hi' }]): ModelCall {
  return { system: 'Be brief.', messages, tools: [weather], session: 's1' };
}

const collect = (model: Model, call = ask(), signal?: AbortSignal) => collectAll(model, call, signal);

const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const say = (delta: object, finish_reason: string | null = null, more: object = {}) =>
  frame({ choices: [{ index: 0, delta, finish_reason }], ...more });
const done = 'data: [DONE]\n\n';

function answers(text: string, headers: Record<string, string> = { 'content-type': 'text/event-stream' }) {
  raw.answer = (response) => response.writeHead(200, headers).end(text);
}

describe('over connections of its own', () => {
  const faults: [string, Fault, object][] = [
    [
      'a limit with a hint',
      { kind: 'status', status: 429, code: 'slow_down', headers: { 'retry-after': '7' } },
      { status: 429, code: 'slow_down', retryAfterMs: 7000 },
    ],
    [
      'an error page',
      { kind: 'status', status: 502, html: '<html><title>Bad Gateway</title></html>' },
      { status: 502, message: 'Bad Gateway' },
    ],
    ['a cut inside a frame', { kind: 'cut-mid-frame', after: 3 }, { transport: true, code: 'stream_cut' }],
    ['an early end', { kind: 'end-early', after: 3 }, { transport: true, code: 'stream_cut' }],
    ['invalid JSON', { kind: 'invalid-json' }, { code: 'malformed_response' }],
    ['an empty 200', { kind: 'empty-200' }, { transport: true }],
    ['a web page', { kind: 'wrong-content-type' }, { code: 'malformed_response' }],
    ['a redirect', { kind: 'redirect', to: 'http://10.0.0.1/' }, { status: 307 }],
    ['a flood', { kind: 'flood', bytes: 80 * 1024 * 1024 }, { code: 'malformed_response' }],
    [
      'an error inside the stream',
      { kind: 'error-in-stream', status: 503, message: 'died' },
      { status: 503, message: 'died' },
    ],
  ];
  test.each(faults)(
    '%s is one typed failure, and the connection is not left open',
    async (_name, fault, expected) => {
      const text = fault.kind === 'flood' ? ['x'.repeat(1024 * 1024)] : 'one two three four';
      upstream.script({ text, fault });
      const { failure } = await collect(open());
      expect(failure).toMatchObject(expected);
      expect(upstream.requests).toHaveLength(1);
      await closeModels();
      await expect.poll(() => upstream.open).toBe(0);
    },
  );

  test('a wrong key is named by its status, and the key is not repeated', async () => {
    const { failure } = await collect(open(undefined, { key: 'sk-wrong-key-123456' }));
    expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(JSON.stringify(failure)).not.toContain('wrong-key');
  });

  test('nothing listening is a transport failure', async () => {
    expect((await collect(open('http://127.0.0.1:1/v1'))).failure).toMatchObject({
      transport: true,
      message: expect.stringContaining('Cannot connect'),
    });
  });

  test.each([
    ['before the headers', { kind: 'hang-before-headers' }],
    ['inside the answer', { kind: 'hang-mid-stream', after: 3 }],
  ] as const)('an abort %s ends the stream and closes the connection within 500 ms', async (_when, fault) => {
    upstream.script({ text: 'one two three', fault });
    const abort = new AbortController();
    const running = collect(open(), ask(), abort.signal);
    await expect.poll(() => upstream.requests.length).toBe(1);
    abort.abort();
    expect((await running).failure).toEqual({ message: 'Interrupted.', aborted: true });
    await expect.poll(() => upstream.open, { timeout: 500 }).toBe(0);
  });

  test('a reader that leaves early closes the connection', async () => {
    upstream.script({ text: 'one two three', fault: { kind: 'hang-mid-stream', after: 4 } });
    for await (const event of open().stream(ask(), new AbortController().signal)) {
      expect(event).toEqual({ type: 'text', text: 'one' });
      break;
    }
    await expect.poll(() => upstream.open, { timeout: 500 }).toBe(0);
  });

  const silences: [string, Fault, { staleMs?: number; totalMs?: number }, number, string][] = [
    ['no byte', { kind: 'hang-before-headers' }, { totalMs: 3_600_000 }, 1_800_000, 'timeout_read_gap'],
    ['no progress', { kind: 'hang-mid-stream', after: 4 }, { staleMs: 5_000 }, 5_000, 'timeout_stale'],
    ['no end', { kind: 'hang-mid-stream', after: 4 }, { totalMs: 9_000 }, 9_000, 'timeout_total'],
  ];
  test.each(silences)(
    '%s for too long, by the clock, is a time-out',
    async (_name, fault, limits, ms, code) => {
      const clock = virtualClock();
      upstream.script({ text: 'one two three', fault });
      let isOver = false;
      const result = collect(open(undefined, { clock, ...limits })).finally(() => {
        isOver = true;
      });
      await expect.poll(() => upstream.requests.length).toBe(1);
      await clock.advance(ms - 1_000);
      expect(isOver).toBe(false);
      await clock.advance(3_000);
      expect((await result).failure).toMatchObject({ transport: true, code });
      expect(clock.pending).toBe(0);
      await expect.poll(() => upstream.open, { timeout: 500 }).toBe(0);
    },
  );

  test('calls that follow one another share their connections', async () => {
    answers(say({ content: 'a' }) + say({}, 'stop') + done);
    const model = open(raw.url);
    for (let n = 0; n < 8; n++) expect((await collect(model)).text).toBe('a');
    // A connection rests for one turn of the event loop, so a call that follows at once may need a second one.
    expect(raw.sockets.opened).toBeLessThanOrEqual(2);
  });

  test('the end mark ends the answer when the provider keeps the body open, and then loses the connection', async () => {
    const clock = virtualClock();
    raw.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(say({ content: 'a' }, 'stop') + done);
    };
    expect((await collect(open(raw.url, { clock }))).finish?.reason).toBe('stop');
    await clock.advance(1_000);
    await expect.poll(() => raw.sockets.open).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('what providers answer', () => {
  test('one JSON object instead of a stream is an answer like any other', async () => {
    const message = {
      role: 'assistant',
      content: '<think>hm</think>yes',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      ],
    };
    const usage = { prompt_tokens: 7, completion_tokens: 2 };
    const body = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage });
    answers(body, { 'content-type': 'application/json; charset=utf-8' });
    const result = await collect(open(raw.url));
    expect(result).toMatchObject({ text: 'yes', reasoning: 'hm' });
    expect(result.calls).toEqual([{ id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' }]);
    expect(result.finish).toMatchObject({ reason: 'tool-calls', usage: { input: 7, output: 2 } });
  });

  const errors: [string, object, object][] = [
    [
      'an error with the text of the provider behind it',
      { error: { code: 429, message: 'Provider returned error', metadata: { raw: 'slow down, please' } } },
      { status: 429, message: 'Provider returned error (slow down, please)' },
    ],
    ['an error that is only a text', { error: 'model is loading' }, { message: 'model is loading' }],
    [
      'an error beside choices',
      { error: { code: '502', message: 'gone' }, choices: [{ delta: {} }] },
      { status: 502 },
    ],
    [
      'an error as the frame itself',
      { object: 'error', message: 'bad', code: 400 },
      { status: 400, message: 'bad' },
    ],
    ['a frame of another protocol', { type: 'message_start' }, { code: 'malformed_response' }],
    ['a frame that is no object', [1], { code: 'malformed_response' }],
  ];
  test.each(errors)('%s is a failure, in a stream and as one JSON object', async (_name, value, expected) => {
    answers(say({ content: 'a' }) + frame(value) + done);
    expect((await collect(open(raw.url))).failure).toMatchObject(expected);
    answers(JSON.stringify(value), { 'content-type': 'application/json' });
    expect((await collect(open(raw.url))).failure).toMatchObject(expected);
  });

  test('an encoding nobody asked for is refused', async () => {
    answers('x', { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    expect((await collect(open(raw.url))).failure).toMatchObject({ code: 'malformed_response' });
  });

  test('an error that is null is none, and fields of a wrong type are passed over', async () => {
    answers(
      say({ content: 5, reasoning: {}, tool_calls: 'x' }, '', { error: null, usage: null }) +
        frame({ choices: [] }) +
        frame({ choices: [null] }) +
        frame({ choices: null, usage: { prompt_tokens: 'many', completion_tokens: 2 } }) +
        say({ content: 'a', refusal: false }, 'stop') +
        done,
    );
    const { text, finish } = await collect(open(raw.url));
    expect({ text, reason: finish?.reason, usage: finish?.usage }).toMatchObject({
      text: 'a',
      reason: 'stop',
      usage: { input: 0, output: 2 },
    });
  });

  test('content in parts is text and reasoning, a refusal ends as filtered', async () => {
    const thinking = [{ type: 'text', text: 'hm' }];
    answers(
      say({ content: [{ type: 'thinking', thinking }, { type: 'text', text: 'a' }, { type: 'image' }] }) +
        say({ refusal: ' no' }, 'stop') +
        done,
    );
    const { text, reasoning, finish } = await collect(open(raw.url));
    expect([text, reasoning, finish?.reason]).toEqual(['a no', 'hm', 'content-filter']);
  });

  test('a last frame without its blank line counts when it is whole, and only then', async () => {
    const last = say({ content: 'b' }, 'stop').trimEnd();
    answers(say({ content: 'a' }) + last);
    expect(await collect(open(raw.url))).toMatchObject({ text: 'ab', finish: { reason: 'stop' } });
    answers(say({ content: 'a' }) + last.slice(0, -4));
    expect((await collect(open(raw.url))).failure).toMatchObject({ code: 'stream_cut' });
  });

  test('a stream that ends inside a tool call says so, and hands over no half call', async () => {
    answers(
      say({ tool_calls: [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"ci' } }] }) + done,
    );
    const { failure, calls } = await collect(open(raw.url));
    expect(failure).toMatchObject({ code: 'stream_cut_in_tool_call', transport: true });
    expect(calls).toEqual([]);
  });

  test('a tool call without a name is malformed', async () => {
    answers(say({ tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] }, 'tool_calls') + done);
    expect((await collect(open(raw.url))).failure).toMatchObject({ code: 'malformed_response' });
  });
});

test('opaque fields go back to the endpoint that made them, unchanged, and to no other', async () => {
  const details = [{ type: 'reasoning.encrypted', data: 'SEALED', index: 0 }];
  const sealed = { google: { thought_signature: 'SIG+/=' } };
  const made = { index: 0, id: 'a', function: { name: 'weather', arguments: '{}' }, extra_content: sealed };
  answers(
    say({ content: 'look', reasoning_details: details }) +
      say({ tool_calls: [made], extra_content: { seen: 1 } }, 'tool_calls') +
      done,
  );
  const model = open(raw.url);
  const first = await collect(model);
  const turn: Message[] = [
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      content: first.text,
      toolCalls: first.calls,
      ...(first.finish?.meta && { meta: first.finish.meta }),
    },
    { role: 'tool', toolCallId: 'a', name: 'weather', content: 'rain' },
  ];
  await collect(model, ask(turn));
  const sent = raw.bodies.at(-1)!['messages'] as object[];
  expect(sent[2]).toEqual({
    role: 'assistant',
    content: 'look',
    tool_calls: [
      { id: 'a', type: 'function', function: { name: 'weather', arguments: '{}' }, extra_content: sealed },
    ],
    extra_content: { seen: 1 },
    reasoning_details: details,
  });
  expect((await collect(open(), ask(turn))).failure).toBeUndefined();
  expect(JSON.stringify(upstream.requests.at(-1)!.body)).not.toMatch(/SEALED|SIG|seen/);
});
