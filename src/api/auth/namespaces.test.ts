/** Callers who name the same session, response, conversation or key never meet. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { apiScopes } from '../../config/auth.ts';
import type { Message } from '../../core/message.ts';
import type { Script } from '../testing/fake-turns.ts';
import { authDefaults, hello, key, type Listening, listenFake } from '../testing/open.ts';

const all = { scopes: apiScopes, owner: false };
const auth = {
  ...authDefaults,
  keys: [
    { name: 'one', key: 'key-one-0123456789abc', ...all },
    { name: 'two', key: 'key-two-0123456789abc', ...all },
  ],
  gateway: { mode: 'token', secret: 'token-0123456789abcde' } as const,
};
const callers = {
  main: key,
  one: 'key-one-0123456789abc',
  two: 'key-two-0123456789abc',
  token: 'token-0123456789abcde',
} as const;
type Name = keyof typeof callers;
const names = Object.keys(callers) as Name[];

const echo: Script = (turn) => {
  const { input } = turn.request;
  const text = `answer to ${JSON.stringify(input)}`;
  const messages: Message[] = [
    { role: 'user', content: input },
    { role: 'assistant', content: text },
  ];
  turn.say(text);
  turn.end({ text, messages });
};

const serve = () => listenFake({ api: { auth }, script: echo });

async function ask(
  server: Listening,
  name: Name,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  method = body === undefined ? 'GET' : 'POST',
) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${callers[name]}`, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown> & { readonly id: string };
  return { status: response.status, headers: response.headers, answer };
}

const allDifferent = (values: readonly unknown[]) => expect(new Set(values).size).toBe(values.length);

describe('the same session id of several callers', () => {
  it('is another stored session and another lane for each, and each is answered with the id it sent', async () => {
    await using server = await serve();
    for (const name of names) {
      const sent = { 'x-hermes-session-id': 'shared', 'x-hermes-session-key': 'memory' };
      const { status, headers } = await ask(server, name, '/v1/chat/completions', hello, sent);
      expect(status).toBe(200);
      expect(headers.get('x-hermes-session-id')).toBe('shared');
      expect(headers.get('x-hermes-session-key')).toBe('memory');
    }
    const { requests } = server.turns;
    allDifferent(requests.map(({ sessionId }) => sessionId));
    allDifferent(requests.map(({ sessionKey }) => sessionKey));
    allDifferent(requests.map(({ memoryScope }) => memoryScope));
    // What was stored before there were more keys is found under its own id.
    expect(requests[0]).toMatchObject({ sessionId: 'shared', memoryScope: 'memory' });
    expect(requests[1]).toMatchObject({ sessionId: 'key-one.shared', memoryScope: 'key-one.memory' });
  });

  it('cannot be written so that it is somebody else’s', async () => {
    await using server = await serve();
    for (const id of ['key-one.shared', 'shared', 'gateway.shared']) {
      await ask(server, 'two', '/v1/chat/completions', hello, { 'x-hermes-session-id': id });
    }
    expect(server.turns.requests.map(({ sessionId }) => sessionId)).toEqual([
      'key-two.key-one.shared',
      'key-two.shared',
      'key-two.gateway.shared',
    ]);
  });

  it('made of the same words is another stored session, too', async () => {
    await using server = await serve();
    for (const name of names) await ask(server, name, '/v1/chat/completions', hello);
    for (const name of names)
      await ask(server, name, '/v1/responses', { input: 'hello' }, { 'x-hermes-session-key': 'm' });
    allDifferent(server.turns.requests.map(({ sessionId }) => sessionId));
    allDifferent(server.turns.requests.slice(names.length).map(({ memoryScope }) => memoryScope));
  });
});

describe('a response of one caller', () => {
  it('does not exist for any other, whatever is done with its id', async () => {
    await using server = await serve();
    const { answer } = await ask(server, 'one', '/v1/responses', { input: 'secret', background: true });
    const item = `/v1/responses/${answer.id}`;
    for (const name of ['main', 'two', 'token'] as const) {
      const tries: [string, unknown?, string?][] = [
        [item],
        [`${item}?stream=true`],
        [`${item}/input_items`],
        [`${item}/cancel`, {}],
        [item, undefined, 'DELETE'],
        ['/v1/responses/compact', { model: 'm', previous_response_id: answer.id }],
        ['/v1/responses/input_tokens', { previous_response_id: answer.id, input: 'x' }],
        ['/v1/responses', { previous_response_id: answer.id, input: 'x' }],
      ];
      for (const [path, body, method] of tries) {
        const refused = await ask(server, name, path, body, {}, method);
        expect([400, 404], `${name} ${path}`).toContain(refused.status);
        expect(JSON.stringify(refused.answer)).not.toContain('secret');
      }
    }
    expect((await ask(server, 'one', item)).status).toBe(200);
    expect(
      (await ask(server, 'one', '/v1/responses', { previous_response_id: answer.id, input: 'x' })).status,
    ).toBe(200);
  });

  it('cannot be continued over a socket of another', async () => {
    await using server = await serve();
    const { answer } = await ask(server, 'one', '/v1/responses', { input: 'secret' });
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/responses`, {
      headers: { authorization: `Bearer ${callers.two}` },
    });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'response.create', input: 'x', previous_response_id: answer.id }));
    const [frame] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(frame.toString())).toMatchObject({
      type: 'error',
      error: { code: 'previous_response_not_found' },
    });
    socket.close();
    await once(socket, 'close');
  });

  it('is not part of a conversation with the same name', async () => {
    await using server = await serve();
    for (const name of names) {
      await ask(server, name, '/v1/responses', { input: `from ${name}`, conversation: 'talk' });
      expect(server.turns.last.history).toEqual([]);
    }
    await ask(server, 'two', '/v1/responses', { input: 'again', conversation: 'talk' });
    expect(server.turns.last.history).toMatchObject([{ content: 'from two' }, {}]);
  });

  it('leaves a sealed summary that only its caller can give back', async () => {
    await using server = await serve();
    const { answer } = await ask(server, 'one', '/v1/responses/compact', { model: 'm', input: 'secret' });
    const input = [...(answer['output'] as unknown[]), { role: 'user', content: 'go on' }];
    expect((await ask(server, 'two', '/v1/responses', { input })).status).toBe(400);
    expect((await ask(server, 'one', '/v1/responses', { input })).status).toBe(200);
  });
});

it('a run of one caller does not exist for any other, whatever is done with its id', async () => {
  await using server = await listenFake({ api: { auth }, script: (turn) => turn.say('secret') });
  const { answer } = await ask(server, 'one', '/v1/runs', { input: 'hello' });
  const run = `/v1/runs/${String(answer['run_id'])}`;
  for (const name of ['main', 'two', 'token'] as const) {
    const tries: [string, unknown?][] = [
      [run],
      [`${run}/events`],
      [`${run}/stop`, {}],
      [`${run}/approval`, { choice: 'once' }],
      [`${run}/steer`, { input: 'x' }],
    ];
    for (const [path, body] of tries) {
      const refused = await ask(server, name, path, body);
      expect([name, path, refused.status]).toEqual([name, path, 404]);
      expect(JSON.stringify(refused.answer)).not.toContain('secret');
    }
  }
  expect(server.turns.turns[0]).toMatchObject({ interruptReason: undefined, steered: [] });
  expect((await ask(server, 'one', run)).status).toBe(200);
  expect((await ask(server, 'one', `${run}/stop`, {})).status).toBe(200);
});

describe('the same idempotency key', () => {
  it.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }],
    ['/v1/responses', { input: 'hello' }],
    ['/v1/runs', { input: 'hello' }],
  ])('is a run of its own for each caller: %s', async (path, body) => {
    await using server = await serve();
    const headers = { 'idempotency-key': 'k-1' };
    for (const name of names) {
      const first = await ask(server, name, path, body, headers);
      expect(first.headers.get('idempotency-replayed')).toBeNull();
    }
    expect(server.turns.turns).toHaveLength(names.length);
    for (const name of names) {
      const again = await ask(server, name, path, body, headers);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
    }
    expect(server.turns.turns).toHaveLength(names.length);
  });

  it('is a run of its own for each caller of a stream', async () => {
    await using server = await serve();
    for (const name of names) {
      await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${callers[name]}`, 'idempotency-key': 'k-1' },
        body: JSON.stringify({ ...hello, stream: true }),
      }).then((response) => response.text());
    }
    allDifferent(server.turns.requests.map((request) => request.key));
  });
});
