import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { Message } from '../../core/message.ts';
import type { FakeTurn, Script } from '../testing/fake-turns.ts';
import { key, serve } from './testing.ts';
import { Peer } from './testing-socket.ts';

const echo: Script = (turn) => {
  const { input } = turn.request;
  const text = `echo ${JSON.stringify(input)}`;
  turn.say(text);
  turn.end({
    text,
    messages: [
      { role: 'user', content: input },
      { role: 'assistant', content: text },
    ],
  });
};
const lost = (id: unknown) => ({
  status: 400,
  type: 'invalid_request_error',
  code: 'previous_response_not_found',
  message: `Previous response with id '${id}' not found.`,
  param: 'previous_response_id',
});

describe('the WebSocket transport', () => {
  it('answers creates one after another with the events of a stream and nothing after the last one', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    await peer.create({ input: 'a' });
    await peer.create({ input: 'b', store: false });
    expect(await peer.answer()).toMatchObject({
      status: 'completed',
      output: [{ content: [{ text: 'echo "a"' }] }],
    });
    expect(await peer.answer()).toMatchObject({ output: [{ content: [{ text: 'echo "b"' }] }] });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(peer.unread).toBe(0);
  });

  it('continues a response that was not stored, on the same connection only', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    await peer.create({ input: 'a', store: false });
    const { id } = await peer.answer();
    await peer.create({ input: 'b', store: false, previous_response_id: id });
    await peer.answer();
    expect((server.turns.last.history as Message[]).length).toBe(2);
    const other = new Peer(server);
    await other.create({ input: 'c', store: false, previous_response_id: id });
    expect(await other.error()).toEqual(lost(id));
    await other.create({ input: 'fresh', store: false });
    expect(await other.answer()).toMatchObject({ status: 'completed' });
  });

  it('forgets what a failed continuation wanted to continue', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    await peer.create({ input: 'a', store: false });
    const { id } = await peer.answer();
    const input = [{ type: 'function_call_output', call_id: 'call_x', output: '' }];
    await peer.create({ input, store: false, previous_response_id: id });
    expect(await peer.error()).toMatchObject({ status: 400, param: 'input' });
    await peer.create({ input: 'b', store: false, previous_response_id: id });
    expect(await peer.error()).toEqual(lost(id));
  });

  it('refuses frames that are no create, and goes on', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    for (const [frame, param] of [
      ['{', null],
      ['[]', null],
      [{ type: 'response.cancel' }, 'type'],
      [{ type: 'response.create', input: 'a', stream: true }, 'stream'],
      [{ type: 'response.create', input: 'a', background: false }, 'background'],
      [{ type: 'response.create' }, 'input'],
    ] as const) {
      await peer.send(frame);
      expect(await peer.error()).toMatchObject({ status: 400, param });
    }
    await peer.create({ input: 'a' });
    expect(await peer.answer()).toMatchObject({ status: 'completed' });
  });

  it('says what had no effect in the response: there are no headers', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    await peer.create({ input: 'a', seed: 1, service_tier: 'flex', tools: [{ type: 'web_search' }] });
    expect((await peer.answer())['warnings']).toEqual([
      'These fields have no effect: seed, service_tier, tools[0].',
    ]);
    await peer.create({ input: 'a' });
    expect(await peer.answer()).not.toHaveProperty('warnings');
  });

  it('lets sixteen creates wait and closes when there are more', async () => {
    await using server = await serve({ script: () => {} });
    const peer = new Peer(server);
    const closed = once(peer.socket, 'close');
    for (let n = 0; n < 18; n += 1) await peer.create({ input: `q${n}` });
    expect((await closed)[0]).toBe(1008);
  });

  it('does not take a peer for one that stopped reading because its own request is long', async () => {
    await using server = await serve({ script: echo, limits: { maxBufferedBytes: 10_000 } });
    const peer = new Peer(server);
    const instructions = 'x'.repeat(4_000_000);
    await peer.create({ input: 'a', instructions });
    expect(await peer.answer()).toMatchObject({ status: 'completed', instructions });
  });

  it('cuts off a peer that stops reading', async () => {
    await using server = await serve({
      script: (turn) => {
        for (let n = 0; n < 200; n += 1) {
          turn.tool('terminal', `call_${n}`);
          turn.emit({
            type: 'tool.started',
            call: `x${n}`,
            name: 'read',
            emoji: '',
            preview: '',
            arguments: 'x'.repeat(50_000),
          });
        }
      },
      limits: { maxBufferedBytes: 100_000 },
    });
    const peer = new Peer(server);
    await once(peer.socket, 'open');
    peer.socket.pause();
    await peer.create({ input: 'a' });
    await expect.poll(() => server.logs.some(({ event }) => event === 'api.slow_reader')).toBe(true);
    await expect.poll(() => server.turns.turns[0]?.interruptReason).toBe('WebSocket client disconnected');
  });

  it('survives any frame', async () => {
    await using server = await serve({ script: echo });
    const peer = new Peer(server);
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('response.create', 'auto', '', null, -1, []));
    const field = fc.constantFrom(
      'type',
      'input',
      'tools',
      'tool_choice',
      'text',
      'store',
      'metadata',
      'model',
      'include',
    );
    const frame = fc.oneof(
      fc.string(),
      fc.dictionary(field, value).map((body) => JSON.stringify(body)),
    );
    await fc.assert(
      fc.asyncProperty(frame, async (text) => {
        await peer.send(text);
        const next = await peer.next();
        if ('error' in next) expect(next.error['status']).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    await peer.create({ input: 'still there' });
    expect(await peer.answer()).toMatchObject({ status: 'completed' });
  });

  it('starts a new chain from a compacted conversation', async () => {
    await using server = await serve({ script: echo });
    const { output } = await server.ask({ model: 'm', input: 'a' }, '/compact');
    const peer = new Peer(server);
    await peer.create({ input: [...(output as object[]), { role: 'user', content: 'b' }], tools: [] });
    expect(await peer.answer()).toMatchObject({ status: 'completed' });
  });

  it('ends the running turn when the client leaves', async () => {
    const started = Promise.withResolvers<FakeTurn>();
    await using server = await serve({ script: (turn) => started.resolve(turn) });
    const peer = new Peer(server);
    await peer.create({ input: 'a' });
    const turn = await started.promise;
    peer.socket.terminate();
    expect(await turn.interrupted).toBe('WebSocket client disconnected');
  });

  it('closes at its age limit with the documented error', async () => {
    await using server = await serve({ limits: { socketLifeMs: 30 } });
    const peer = new Peer(server);
    const closed = once(peer.socket, 'close');
    expect(await peer.error()).toMatchObject({ status: 400, code: 'websocket_connection_limit_reached' });
    await closed;
  });

  it('drops a peer that no longer answers', async () => {
    await using server = await serve({ limits: { socketPingMs: 20 } });
    const peer = new Peer(server, { autoPong: false });
    await once(peer.socket, 'close');
  });

  it('is refused like any request: wrong key, foreign origin, other path, too many', async () => {
    await using server = await serve({ limits: { maxSockets: 1 } });
    const statusOf = async (options: ClientOptions, path = '') => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/responses${path}`, options);
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      socket.on('error', () => {});
      socket.terminate();
      return response.statusCode;
    };
    const headers = { Authorization: `Bearer ${key}` };
    expect(await statusOf({ headers: { Authorization: 'Bearer wrong' } })).toBe(401);
    expect(await statusOf({ headers: { ...headers, Origin: 'https://evil.example' } })).toBe(403);
    expect(await statusOf({ headers }, '/compact')).toBe(404);
    const peer = new Peer(server);
    await once(peer.socket, 'open');
    expect(await statusOf({ headers })).toBe(503);
  });

  it('takes a request that only offers another protocol as an ordinary one', async () => {
    await using server = await serve();
    const { request } = await import('node:http');
    const asked = request(`${server.url}/health`, { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('closes with the server', async () => {
    const server = await serve();
    const peer = new Peer(server);
    await once(peer.socket, 'open');
    const closed = once(peer.socket, 'close');
    await server[Symbol.asyncDispose]();
    expect((await closed)[0]).toBe(1001);
  });
});
