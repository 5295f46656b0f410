import { describe, expect, it } from 'vitest';
import type { Fault } from '../upstream/index.ts';
import { framesOf } from './frames.ts';
import { serve } from './served.ts';

/** The model whose provider may be silent for a moment only. */
const model = 'impatient';
const served = serve({
  yaml: ({ url, key }) => `
providers:
  impatient: {base_url: '${url}/v1', api_key: ${key}, stale_timeout_seconds: 0.3, request_timeout_seconds: 1}
platforms: {api_server: {model_routes: {${model}: {model: echo, provider: 'custom:impatient'}}}}
`,
});

interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly error?: { readonly message: string };
  readonly hermes?: { readonly error_code: string };
}
interface Answered {
  readonly id: string;
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly output: readonly { readonly content?: readonly { readonly text: string }[] }[];
}

const messages = [{ role: 'user', content: 'x' }];
const textOf = ({ output }: Answered) =>
  output.flatMap(({ content }) => content ?? []).map(({ text }) => text);

/** What one fault looks like in every form an answer can have. */
async function askAllWays() {
  const chat = await served.post('/v1/chat/completions', { model, messages });
  const chatStream = await served.post('/v1/chat/completions', { model, messages, stream: true });
  const chunks: Chunk[] = [];
  let last = '';
  for await (const { event, data } of framesOf(chatStream)) {
    if (event === undefined && data !== '[DONE]') chunks.push(JSON.parse(data) as Chunk);
    last = data;
  }
  expect(last).toBe('[DONE]');
  const response = await served.post('/v1/responses', { model, input: 'x' });
  const responseStream = await served.post('/v1/responses', { model, input: 'x', stream: true });
  const events: { readonly type: string; readonly response?: Answered }[] = [];
  for await (const { data } of framesOf(responseStream)) {
    if (data !== '[DONE]') events.push(JSON.parse(data) as (typeof events)[number]);
  }
  const finishes = chunks.flatMap(({ choices }) =>
    choices.flatMap(({ finish_reason }) => finish_reason ?? []),
  );
  const end = events.at(-1)!;
  return {
    chat,
    chunks,
    finishes,
    streamedText: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
    response: (await response.json()) as Answered,
    end,
    stored: await served.client.responses.retrieve(end.response!.id),
  };
}

/** Nothing is left of a faulty call: no turn, no connection to the model but those kept for reuse. */
async function expectClean(): Promise<void> {
  await expect.poll(() => served.active(), { timeout: 5_000 }).toBe(0);
  await expect.poll(() => served.upstream.open).toBeLessThanOrEqual(4);
}

const refusals: readonly (readonly [string, Fault, string, string])[] = [
  ['400', { kind: 'status', status: 400, message: 'no such thing' }, 'no such thing', 'server_error'],
  ['401', { kind: 'status', status: 401, message: 'bad key' }, 'bad key', 'server_error'],
  ['429', { kind: 'status', status: 429, message: 'slow down' }, 'slow down', 'rate_limit_exceeded'],
  [
    '429 with Retry-After',
    { kind: 'status', status: 429, message: 'slow down', headers: { 'retry-after': '7' } },
    'slow down',
    'rate_limit_exceeded',
  ],
  ['500', { kind: 'status', status: 500, message: 'boom' }, 'boom', 'server_error'],
  ['502 in HTML', { kind: 'status', status: 502, html: '<h1>Bad</h1>' }, 'HTTP 502', 'server_error'],
  ['529', { kind: 'status', status: 529, message: 'overloaded' }, 'overloaded', 'server_error'],
  ['an empty 200', { kind: 'empty-200' }, 'connection to the provider was lost', 'server_error'],
  ['another content type', { kind: 'wrong-content-type' }, 'text/html', 'server_error'],
  ['a redirect', { kind: 'redirect', to: 'http://169.254.169.254/latest' }, 'HTTP 307', 'server_error'],
  ['silence', { kind: 'hang-before-headers' }, '', 'server_error'],
];

describe('a model that answers with', () => {
  it.each(refusals)('%s is a typed error in every form of an answer', async (_, fault, words, code) => {
    served.answer(() => ({ text: 'never said', fault }));
    const got = await askAllWays();
    expect(got.chat.status).toBe(502);
    expect(got.chat.headers.get('x-should-retry')).toBe('false');
    expect(await got.chat.json()).toMatchObject({
      error: { type: 'server_error', code: 'agent_incomplete', message: expect.stringContaining(words) },
    });
    expect(got.finishes).toEqual(['error']);
    expect(got.streamedText).toBe('');
    expect(got.chunks.at(-1)).toMatchObject({
      error: { message: expect.stringContaining(words) },
      hermes: { error_code: 'agent_error' },
    });
    for (const answered of [got.response, got.end.response!, got.stored]) {
      expect(answered).toMatchObject({ status: 'failed', error: { code } });
      expect(answered.error?.message).toContain(words);
    }
    expect(got.end.type).toBe('response.failed');
    await expectClean();
  });

  it('words is not asked again by a redirect, a wrong key or a wrong request', async () => {
    for (const status of [400, 401, 403, 404]) {
      const before = served.seen().length;
      served.answer(() => ({ fault: { kind: 'status', status, message: 'no' } }));
      expect((await served.post('/v1/chat/completions', { model, messages })).status).toBe(502);
      expect(served.seen().length).toBe(before + 1);
    }
  });
});

const breaks: readonly (readonly [string, Fault])[] = [
  ['a reset in the middle of a frame', { kind: 'cut-mid-frame', after: 3 }],
  ['an end without an end', { kind: 'end-early', after: 3 }],
  ['broken JSON', { kind: 'invalid-json', after: 3 }],
  ['an error in the stream', { kind: 'error-in-stream', after: 3, status: 529, message: 'overloaded' }],
  ['silence in the stream', { kind: 'hang-mid-stream', after: 3 }],
];

describe('a model whose stream breaks off with', () => {
  it.each(breaks)('%s leaves its words, labelled as not complete', async (_, fault) => {
    served.answer(() => ({ text: 'one two three four', fault }));
    const got = await askAllWays();
    const answer = (await got.chat.json()) as Chunk & {
      readonly choices: readonly { readonly message: { readonly content: string } }[];
    };
    expect(got.chat.status).toBe(200);
    expect(got.chat.headers.get('x-hermes-completed')).toBe('false');
    expect(['length', 'error']).toContain(answer.choices[0]?.finish_reason);
    expect(answer.choices[0]?.message.content).toMatch(/^one two/);
    expect(answer.hermes).toMatchObject({ completed: false });
    expect(got.finishes).toEqual([answer.choices[0]?.finish_reason]);
    expect(got.streamedText).toMatch(/^one two/);
    for (const answered of [got.response, got.end.response!, got.stored as unknown as Answered]) {
      expect(['incomplete', 'failed']).toContain(answered.status);
      expect(textOf(answered).join('')).toMatch(/^one two/);
    }
    await expectClean();
  });

  it('words in between goes on after them when the next call succeeds', async () => {
    let calls = 0;
    served.answer(() => {
      calls += 1;
      return calls === 1
        ? { text: ['one ', 'two '], fault: { kind: 'cut-mid-frame', after: 3 } }
        : { text: 'three' };
    });
    const answer = await served.client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.choices[0]?.message.content).toMatch(/^one two\s+three$/);
  });
});

const harmless: readonly (readonly [string, Fault])[] = [
  ['bytes that are no UTF-8', { kind: 'invalid-utf8', after: 2 }],
  ['a second [DONE]', { kind: 'duplicate-done' }],
  ['pauses', { kind: 'slow', msPerFrame: 15 }],
];

describe('a model whose stream has', () => {
  it.each(harmless)('%s is understood', async (_, fault) => {
    served.answer(() => ({ text: 'one two three', fault }));
    const got = await askAllWays();
    expect(got.finishes).toEqual(['stop']);
    expect(got.streamedText).toMatch(/three$/);
    expect(got.end).toMatchObject({ type: 'response.completed' });
    expect(got.stored.output_text).toBe(got.streamedText);
    await expectClean();
  });

  it('no end is ended by its size', async () => {
    const text = ['x'.repeat(16 * 1024)];
    served.answer(() => ({ text, fault: { kind: 'flood', bytes: 200 * 1024 * 1024 } }));
    const chat = await served.post('/v1/chat/completions', { model, messages });
    expect(chat.headers.get('x-hermes-completed')).toBe('false');
    const response = (await (await served.post('/v1/responses', { model, input: 'x' })).json()) as Answered;
    expect(response.status).not.toBe('completed');
    await expectClean();
  });
});
