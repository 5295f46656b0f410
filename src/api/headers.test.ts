import { describe, expect, it, test } from 'vitest';
import { toHeader, utf8Header } from './headers.ts';
import { hello, key, listenFake } from './testing/open.ts';

describe('text of a client in a header of the answer', () => {
  test.each(['a\nb', 'a\r\nSet-Cookie: x', 'a\u0000b', 'a\u007fb'])('is one line: %j', (text) => {
    const header = toHeader(text);
    expect(header).not.toMatch(/[\u0000-\u001f\u007f]/);
    expect(header.startsWith('a ')).toBe(true);
  });

  it('is what the client wrote otherwise', () => {
    for (const text of ['plain', 'Jörg ü', '会话', '😀']) expect(utf8Header(toHeader(text))).toBe(text);
  });
});

test.each([
  ['/v1/chat/completions', hello],
  ['/v1/responses', { input: 'hello' }],
])('%s answers a model whose name has line breaks, as JSON and as a stream', async (path, body) => {
  await using server = await listenFake({ api: { directModelRequests: true } });
  for (const stream of [false, true]) {
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ ...body, model: 'a\r\nb', stream }),
      signal: AbortSignal.timeout(10_000),
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(stream ? '[DONE]' : 'a\\r\\nb');
  }
});

test.each(['/v1/chat/completions', '/v1/responses'])(
  '%s refuses a user on more than one line, before a turn starts',
  async (path) => {
    await using server = await listenFake();
    for (const stream of [false, true]) {
      const answer = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({ ...hello, input: 'hello', model: 'openclaw', user: 'ann\nbob', stream }),
        signal: AbortSignal.timeout(10_000),
      });
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param: 'user' } }]);
    }
    expect(server.turns.requests).toHaveLength(0);
  },
);
