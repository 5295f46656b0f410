import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { maxBodyBytes } from './body.ts';
import { hello, key, listenFake, rawSocket, readAll } from './testing/open.ts';

const body = JSON.stringify(hello);
const head = (lines: readonly string[], path = '/v1/chat/completions') =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${key}`, ...lines, '', ''].join('\r\n');

/** Sends bytes and answers status and JSON of the first response. */
async function exchange(port: number, bytes: string | Buffer, end = false) {
  const socket = await rawSocket(port);
  const answer = readAll(socket);
  socket.write(bytes);
  if (end) socket.end();
  const text = await answer;
  return { status: Number(text.slice(9, 12)), text };
}

describe('a body over 10,000,000 bytes', () => {
  test('21. is refused by its announced length, before a byte of it is read', async () => {
    await using server = await listenFake();
    const { status, text } = await exchange(server.port, head([`Content-Length: ${maxBodyBytes + 1}`]));
    expect(status).toBe(413);
    expect(text).toMatch(/connection: close/i);
    expect(text).toContain('"code":"body_too_large"');
    expect(text).toContain('X-Content-Type-Options: nosniff'.toLowerCase());
  });

  test('is refused instead of being invited with 100 Continue', async () => {
    await using server = await listenFake();
    const { text } = await exchange(
      server.port,
      head([`Content-Length: ${maxBodyBytes + 1}`, 'Expect: 100-continue']),
    );
    expect(text).toMatch(/^HTTP\/1\.1 413/);
  });

  test('21. is refused in chunks too', async () => {
    await using server = await listenFake();
    const socket = await rawSocket(server.port);
    const answer = readAll(socket);
    socket.write(head(['Transfer-Encoding: chunked']));
    const chunk = Buffer.alloc(1_000_000, 0x20);
    for (let i = 0; i < 11 && !socket.destroyed; i += 1) {
      socket.write(`${chunk.length.toString(16)}\r\n`);
      socket.write(chunk);
      socket.write('\r\n');
    }
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 413/);
    expect(text).toContain('Request body too large.');
  });

  test('one of exactly the limit is read', async () => {
    await using server = await listenFake();
    const answer = await server.post(body.padEnd(maxBodyBytes, ' '));
    expect(answer.status).toBe(200);
  });

  test('an ordinary client sees the 413 although it is still sending', async () => {
    await using server = await listenFake();
    const answer = await server.post(body.padEnd(maxBodyBytes + 1, ' '));
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
      413,
      'body_too_large',
    ]);
  });
});

describe('malformed HTTP is answered 400 in JSON and ends the connection', () => {
  const requests: [string, string][] = [
    ['garbage', 'hello there\r\n\r\n'],
    [
      'two ways of saying the length',
      `${head(['Content-Length: 5', 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
    ],
    ['two lengths', head(['Content-Length: 5', 'Content-Length: 6'])],
    ['a length that is no number', head(['Content-Length: abc'])],
    ['a negative length', head(['Content-Length: -1'])],
    ['a control character in a header', head(['X-A: b\u0001c\u0000'])],
    ['a bare line feed in the head', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
    ['a space before the colon', head(['X-A : b'])],
    ['no Host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ];
  test.each(requests)('%s', async (_, bytes) => {
    await using server = await listenFake();
    const { status, text } = await exchange(server.port, bytes, true);
    expect(status).toBe(400);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({
      error: { type: 'invalid_request_error', param: null },
    });
    expect(text.toLowerCase()).toContain('x-request-id: req_');
    expect(server.turns.turns).toEqual([]);
  });

  test('a head over 16 KiB gets 431', async () => {
    await using server = await listenFake();
    const { status } = await exchange(server.port, head([`X-A: ${'a'.repeat(20_000)}`]));
    expect(status).toBe(431);
  });

  test('bytes after a good request never end up inside its answer', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const socket = await rawSocket(server.port);
    const answer = readAll(socket);
    socket.write(`${head([`Content-Length: ${body.length}`])}${body}`);
    const turn = await next;
    socket.write('GARBAGE\r\n\r\n');
    expect(await turn.interrupted).toBe('HTTP client disconnected');
    expect(await answer).not.toContain('HTTP/1.1 400');
  });
});

describe('slow senders', () => {
  const limits = { headersTimeoutMs: 150, requestTimeoutMs: 300, timeoutCheckMs: 50 };

  test('of a head are cut off with 408', async () => {
    await using server = await listenFake({ limits });
    const { status } = await exchange(server.port, 'GET /health HTTP/1.1\r\nHost: loc');
    expect(status).toBe(408);
  });

  test('of a body are cut off', async () => {
    await using server = await listenFake({ limits });
    const { text } = await exchange(server.port, `${head([`Content-Length: ${body.length}`])}{"mess`);
    expect(text).not.toMatch(/^HTTP\/1\.1 200/);
    expect(server.turns.turns).toEqual([]);
  });
});

test('pipelined requests are answered in order', async () => {
  await using server = await listenFake({
    script: (turn) => turn.end({ text: String(turn.request.input) }),
  });
  const one = (text: string, close = false) => {
    const content = JSON.stringify({ messages: [{ role: 'user', content: text }] });
    return `${head([`Content-Length: ${content.length}`, ...(close ? ['Connection: close'] : [])])}${content}`;
  };
  const { text } = await exchange(server.port, one('first') + one('second') + one('third', true));
  expect([...text.matchAll(/"content":"(\w+)"/g)].map((match) => match[1])).toEqual([
    'first',
    'second',
    'third',
  ]);
});

describe('a reader that does not read', () => {
  test('is cut off at the buffer limit and its turn is interrupted', async () => {
    await using server = await listenFake({
      limits: { maxBufferedBytes: 100_000 },
      script: async (turn) => {
        // More than the kernel buffers on both sides together.
        for (let i = 0; i < 2_000 && turn.status === undefined; i += 1) {
          turn.say('x'.repeat(10_000));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    const next = server.turns.next();
    const content = JSON.stringify({ ...hello, stream: true });
    const socket = await rawSocket(server.port);
    socket.pause();
    socket.write(`${head([`Content-Length: ${content.length}`])}${content}`);
    const turn = await next;
    expect(await turn.interrupted).toBe('SSE client disconnected');
    expect(server.logs.some(({ event }) => event === 'api.slow_reader')).toBe(true);
    socket.resume();
    if (!socket.destroyed) await once(socket, 'close');
  });

  test('is cut off with one write that it does not take, also when nothing follows', async () => {
    await using server = await listenFake({
      limits: { maxBufferedBytes: 100_000, keepAliveMs: 100 },
      script: (turn) => turn.say('x'.repeat(20_000_000)),
    });
    const next = server.turns.next();
    const content = JSON.stringify({ ...hello, stream: true });
    const socket = await rawSocket(server.port);
    socket.pause();
    socket.write(`${head([`Content-Length: ${content.length}`])}${content}`);
    const turn = await next;
    expect(await turn.interrupted).toBe('SSE client disconnected');
    socket.destroy();
  });

  test('does not keep a long answer in memory for as long as it likes', async () => {
    const text = 'x'.repeat(20_000_000);
    await using server = await listenFake({
      limits: { unreadMs: 300 },
      script: (turn) => turn.end({ text }),
    });
    const content = JSON.stringify(hello);
    const one = `${head([`Content-Length: ${content.length}`])}${content}`;
    const socket = await rawSocket(server.port);
    socket.pause();
    socket.write(one);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // What was under way when it was cut still arrives.
    socket.resume();
    expect((await readAll(socket)).length).toBeLessThan(text.length);
    const slow = await exchange(
      server.port,
      `${head([`Content-Length: ${content.length}`, 'Connection: close'])}${content}`,
    );
    expect(slow.text.length).toBeGreaterThan(text.length);
  });
});
