import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { fail } from '../../core/errors.ts';
import { chunksOf, framesOf, hello, key, listenFake, rawSocket } from '../testing/open.ts';

const streamed = { ...hello, stream: true };

async function caught(run: () => void): Promise<Error> {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('what the agent gets', () => {
  test('32, 33, 42. system text as a layer of this turn, history, source and a live consumer', async () => {
    await using server = await listenFake();
    await server.post({
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'hi' },
        { role: 'user', content: 'bye' },
      ],
      temperature: 0.5,
      tools: [],
    });
    expect(server.turns.last).toMatchObject({
      source: 'api_server',
      consumer: 'live',
      ephemeralSystem: 'be brief',
      input: 'bye',
      history: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'hi' },
      ],
      sampling: { temperature: 0.5 },
      tools: [],
    });
  });

  test('35. equal openers share a session id, but never wait for each other', async () => {
    await using server = await listenFake();
    const answers = await Promise.all([server.post(hello), server.post(hello)]);
    for (const answer of answers)
      expect(answer.headers.get('x-hermes-session-id')).toBe('api-a1ad92f331dce2e0');
    const lanes = server.turns.requests.map(({ sessionKey }) => sessionKey);
    expect(new Set(lanes).size).toBe(2);
  });

  test('36. a named session is continued from the store; the body’s history counts only when that is empty', async () => {
    await using server = await listenFake();
    const messages = [
      { role: 'user', content: 'old' },
      { role: 'assistant', content: 'x' },
      ...hello.messages,
    ];
    for (let i = 0; i < 2; i += 1) {
      const answer = await server.post({ messages }, { 'X-Hermes-Session-Id': 'agent:main:telegram:dm:7' });
      expect(answer.headers.get('x-hermes-session-id')).toBe('agent:main:telegram:dm:7');
    }
    const [one, two] = server.turns.requests;
    expect(one).toMatchObject({ sessionId: 'agent:main:telegram:dm:7', history: 'stored', input: 'hello' });
    expect(one?.historyIfEmpty).toHaveLength(2);
    expect(one?.sessionKey).toBe(two?.sessionKey);
    expect(one?.sessionKey).toMatch(/^api:[0-9a-f]{16}:agent:main:telegram:dm:7$/);
  });

  test('39. a memory scope is passed on and echoed, in JSON and in a stream', async () => {
    await using server = await listenFake();
    const scope = Buffer.from('user-ö', 'utf8').toString('latin1');
    for (const body of [hello, streamed]) {
      const answer = await server.post(body, { 'X-Hermes-Session-Key': scope });
      await answer.text();
      expect(answer.headers.get('x-hermes-session-key')).toBe(scope);
      expect(server.turns.last.memoryScope).toBe('user-ö');
    }
  });

  test('37, 39. without a configured key both headers are refused and nothing runs', async () => {
    await using server = await listenFake({ api: { key: undefined } });
    for (const header of ['X-Hermes-Session-Id', 'X-Hermes-Session-Key']) {
      expect((await server.post(hello, { [header]: 'x' })).status).toBe(403);
    }
    expect(server.turns.turns).toEqual([]);
  });

  test('a route alias is passed as the turn’s model, and the answer says which model worked', async () => {
    await using server = await listenFake({
      api: { modelRoutes: { fast: { model: 'x/y', provider: 'p', apiKey: undefined, baseUrl: undefined } } },
    });
    const answer = await server.post({ ...hello, model: 'fast' });
    expect(server.turns.last.model).toEqual({ model: 'x/y', provider: 'p' });
    expect(((await answer.json()) as { model: string }).model).toBe('fast');
    expect(answer.headers.get('x-hermes-model')).toBe('scripted-model');
    const stream = await server.post({ ...streamed, model: 'gpt-4o' });
    await stream.text();
    expect(server.turns.last.model).toBeUndefined();
    expect(stream.headers.get('x-hermes-model')).toBe('configured-model');
  });

  test('ignored fields are named in a header', async () => {
    await using server = await listenFake();
    const answer = await server.post({ ...hello, logit_bias: { 1: 2 }, user: 'ann' });
    expect(answer.headers.get('x-hermes-ignored')).toBe('logit_bias, user');
  });
});

describe('a stream', () => {
  test('46. sends head and role chunk before the agent has produced anything', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const answer = await server.post(streamed);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    const reader = answer.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    expect(first).toContain('"delta":{"role":"assistant"}');
    (await next).end({ text: 'late' });
    let rest = '';
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      rest += new TextDecoder().decode(part.value);
    }
    expect(framesOf(rest).at(-1)?.data).toBe('[DONE]');
  });

  test('49. silence of 35 seconds brings a keep-alive every 10, and any write puts it off', async () => {
    const clock = virtualClock();
    await using server = await listenFake({ script: () => {}, clock });
    const next = server.turns.next();
    const answer = await server.post(streamed);
    const turn = await next;
    await clock.advance(35_000);
    turn.say('x');
    await clock.advance(9_999);
    turn.end({ text: 'x' });
    expect((await answer.text()).match(/: keepalive\n\n/g)).toHaveLength(3);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  test('50. a reader that leaves interrupts its turn', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const abort = new AbortController();
    const answer = await server.post(streamed, {}, abort.signal);
    const turn = await next;
    abort.abort();
    expect(await turn.interrupted).toBe('SSE client disconnected');
    turn.say('to nobody');
    await expect(answer.text()).rejects.toThrow();
  });

  test('51. a failed turn ends with its error, [DONE] and a complete chunked body', async () => {
    await using server = await listenFake({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'model broke' } }),
    });
    const body = await (await server.post(streamed)).text();
    expect(chunksOf(body).at(-1)).toMatchObject({
      choices: [{ finish_reason: 'error' }],
      error: { message: 'model broke' },
      hermes: { failed: true },
    });
    expect(framesOf(body).at(-1)?.data).toBe('[DONE]');
  });

  test('every frame arrives whole', async () => {
    await using server = await listenFake({
      script: async (turn) => {
        for (let i = 0; i < 20; i += 1) {
          turn.say(`word ${i} `);
          await new Promise((resolve) => setImmediate(resolve));
        }
        turn.end({ text: 'x' });
      },
    });
    const socket = await rawSocket(server.port);
    const body = JSON.stringify(streamed);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    let text = '';
    for await (const bytes of socket) text += String(bytes);
    // One chunk of the chunked encoding is one write.
    const writes = text
      .slice(text.indexOf('\r\n\r\n') + 4)
      .split(/\r?\n?[0-9a-f]+\r\n/)
      .filter((part) => part.trim() !== '');
    for (const write of writes) expect(write.endsWith('\n\n')).toBe(true);
    expect(writes.length).toBeGreaterThan(20);
  });

  test('a client that resets in the middle leaves the server able to serve', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const socket = await rawSocket(server.port);
    const body = JSON.stringify(streamed);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const turn = await next;
    socket.resetAndDestroy();
    await turn.interrupted;
    expect((await server.get('/health')).status).toBe(200);
  });
});

describe('a JSON request', () => {
  test('whose client leaves interrupts its turn', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const abort = new AbortController();
    const asked = server.post(hello, {}, abort.signal).catch(() => undefined);
    const turn = await next;
    abort.abort();
    expect(await turn.interrupted).toBe('HTTP client disconnected');
    await asked;
  });

  test('40. gets 502 with headers when the turn brought nothing', async () => {
    await using server = await listenFake({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'model broke' } }),
    });
    const answer = await server.post(hello);
    expect([
      answer.status,
      answer.headers.get('x-should-retry'),
      answer.headers.get('x-hermes-completed'),
    ]).toEqual([502, 'false', 'false']);
    expect(answer.headers.get('x-hermes-session-id')).toMatch(/^api-/);
  });
});

describe('the shared cap', () => {
  test('refuses one more than it allows with 429 and Retry-After, and takes new work once a turn has ended', async () => {
    await using server = await listenFake({ api: { maxConcurrentRuns: 2 }, script: () => {} });
    const turns = [server.turns.next(), server.turns.next()];
    const [json, stream] = [server.post(hello), server.post(streamed)];
    const [one, two] = await Promise.all(turns);
    const refused = await server.post('not even JSON');
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      429,
      '1',
      {
        error: {
          message: 'Too many concurrent runs (max 2)',
          type: 'rate_limit_error',
          param: null,
          code: 'rate_limit_exceeded',
        },
      },
    ]);
    one?.end({ text: 'a' });
    two?.end({ text: 'b' });
    await Promise.all([json, stream.then((answer) => answer.text())]);
    server.turns.script = (turn) => turn.end({ text: 'again' });
    expect((await server.post(hello)).status).toBe(200);
  });

  test('0 means no cap', async () => {
    await using server = await listenFake({ api: { maxConcurrentRuns: 0 }, script: () => {} });
    const turns = Array.from({ length: 30 }, () => server.turns.next());
    const answers = turns.map(() => server.post(hello));
    for (const turn of await Promise.all(turns)) turn.end({ text: 'x' });
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('a refusal by the turns', () => {
  const refusals: [string, () => never, number, string][] = [
    ['too many waiting', () => fail('BUSY', { waiting: 100 }), 429, 'rate_limit_exceeded'],
    ['shutting down', () => fail('DRAINING'), 503, 'gateway_draining'],
    ['a full disk', () => fail('STORE_FULL', { why: 'ENOSPC /home/u/gateway.db' }), 503, 'store_full'],
  ];
  test.each(refusals)('%s is told in a way that allows a retry', async (_, raise, status, code) => {
    await using server = await listenFake();
    server.turns.refusal = await caught(raise);
    for (const body of [hello, streamed]) {
      const answer = await server.post(body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe(code);
      expect(error.message).not.toContain('/home');
    }
  });

  test('an unexpected fault is a 500 that hides its text and names the log line', async () => {
    await using server = await listenFake();
    server.turns.refusal = new Error('secret in /home/u');
    const answer = await server.post(hello);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([500, 'false']);
    expect(text).not.toContain('secret');
    expect(text).toContain(answer.headers.get('x-request-id'));
    expect(JSON.stringify(server.logs)).toContain('secret in /home/u');
  });
});

describe('Idempotency-Key', () => {
  const once = { 'Idempotency-Key': 'k1' };

  test('81. two equal requests at the same time are one run with two equal answers', async () => {
    await using server = await listenFake({ script: () => {}, api: { maxConcurrentRuns: 1 } });
    const next = server.turns.next();
    const first = server.post(hello, once);
    const turn = await next;
    const second = server.post(hello, once);
    await new Promise((resolve) => setTimeout(resolve, 20));
    turn.end({ text: 'one answer' });
    const answers = await Promise.all([first, second]);
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as {
      id: string;
      choices: unknown;
    }[];
    expect(bodies[0]?.choices).toEqual(bodies[1]?.choices);
    expect(bodies[0]?.id).not.toBe(bodies[1]?.id);
    expect(answers.map((answer) => answer.headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(server.turns.turns).toHaveLength(1);
  });

  test('82. another body runs on its own', async () => {
    await using server = await listenFake();
    await server.post(hello, once);
    await server.post({ messages: [{ role: 'user', content: 'other' }] }, once);
    expect(server.turns.turns).toHaveLength(2);
  });

  test('83. the first caller may leave without ending the shared run', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const abort = new AbortController();
    const first = server.post(hello, once, abort.signal).catch(() => undefined);
    const turn = await next;
    abort.abort();
    await first;
    const second = server.post(hello, once);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(turn.interruptReason).toBeUndefined();
    turn.end({ text: 'kept' });
    expect(await (await second).text()).toContain('kept');
    expect(server.turns.turns).toHaveLength(1);
  });

  test('a repeated stream joins the running turn from its first event', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const first = await server.post(streamed, once);
    const turn = await next;
    turn.say('from the start ');
    const second = await server.post(streamed, once);
    turn.say('to the end');
    turn.end({ text: 'x' });
    const texts = (await Promise.all([first.text(), second.text()])).map((body) =>
      (chunksOf(body) as { choices: { delta: { content?: string } }[] }[])
        .map((chunk) => chunk.choices[0]?.delta.content ?? '')
        .join(''),
    );
    expect(texts).toEqual(Array(2).fill('from the start to the end'));
    expect(server.turns.turns).toHaveLength(1);
  });

  test('a finished stream is answered again without a second run, a failed one runs again', async () => {
    await using server = await listenFake({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'model broke' } }),
    });
    await (await server.post(streamed, once)).text();
    server.turns.script = (turn) => turn.end({ text: 'recorded answer' });
    const bodies = [];
    for (let i = 0; i < 2; i += 1) bodies.push(await (await server.post(streamed, once)).text());
    for (const body of bodies) expect(body).toContain('recorded answer');
    expect(server.turns.turns).toHaveLength(2);
  });

  test('a stream that was interrupted runs again under the same key', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const abort = new AbortController();
    await server.post(streamed, once, abort.signal);
    abort.abort();
    await (await next).interrupted;
    server.turns.script = (turn) => turn.end({ text: 'second try' });
    expect(await (await server.post(streamed, once)).text()).toContain('second try');
    expect(new Set(server.turns.requests.map((request) => request.key)).size).toBe(1);
  });
});

describe('closing', () => {
  test('interrupts running turns, ends their streams properly and frees the port', async () => {
    const server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const answer = await server.post(streamed);
    const turn = await next;
    const closed = server.api.close();
    expect(await turn.interrupted).toBe('Gateway is shutting down');
    const body = await answer.text();
    await closed;
    expect(framesOf(body).at(-1)?.data).toBe('[DONE]');
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  test('cuts connections that do not end by themselves', async () => {
    const server = await listenFake();
    const socket = await rawSocket(server.port);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\n');
    await server.get('/health');
    await server.api.close();
    expect(server.turns.turns).toEqual([]);
    socket.destroy();
  });
});
