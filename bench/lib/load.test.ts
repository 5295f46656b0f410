import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type LoadOrder, load, sessionNames } from './load.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => {
    request.resume().once('end', () => answer(request, response));
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const order: LoadOrder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask`,
    headers: { authorization: 'Bearer k' },
    body: '{"é":1}',
    connections: 3,
    seconds: 0.05,
    expect: 'pong',
  };
  return { order, sockets };
}

describe('the load generator', () => {
  test('keeps its connections and times every answer', async () => {
    const seen: string[] = [];
    const { order, sockets } = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('pong');
    });
    const result = await load(order);
    expect(result.failures).toEqual({});
    expect(result.latencies.length).toBe(seen.length);
    expect(new Set(seen)).toEqual(new Set(['POST /ask Bearer k']));
    expect(sockets.size).toBe(3);
    expect(result.latencies.every((ms) => ms > 0)).toBe(true);
  });

  test('counts refusals, wrong answers and lost connections as failures, by reason', async () => {
    let count = 0;
    const { order } = await serve((request, response) => {
      count += 1;
      if (count === 1) response.writeHead(429).end();
      else if (count === 2) response.end('ping');
      else if (count === 3) request.socket.destroy();
      else response.end('pong');
    });
    const result = await load({ ...order, connections: 1 });
    expect(result.failures).toEqual({ 'status 429': 1, 'wrong answer': 1, 'connection closed': 1 });
    expect(result.latencies.length).toBe(count - 3);
  });

  test('goes on over new connections when the server closes each one', async () => {
    const { order, sockets } = await serve((_, response) => {
      response.setHeader('connection', 'close').end('pong');
    });
    const result = await load({ ...order, connections: 1 });
    expect(result.latencies.length).toBeGreaterThan(1);
    expect(sockets.size).toBeGreaterThanOrEqual(result.latencies.length);
  });
});

test('conversations take turns and are replaced when they are full', () => {
  const next = sessionNames({ prefix: 's', count: 2, turns: 2 });
  const names = Array.from({ length: 6 }, () => next()['x-hermes-session-id']);
  expect(names).toEqual(['s-0-0', 's-1-0', 's-0-0', 's-1-0', 's-0-1', 's-1-1']);
  expect(sessionNames(undefined)()).toEqual({});
});
