import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../core/clock.ts';
import { NotSent } from '../core/outcome.ts';
import { originGuard } from './platform-fetch.ts';
import { openPlatformNet } from './platform-net.ts';
import { HandshakeRefused, openSocket, type SocketOptions } from './socket.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const guard = originGuard({ origins: [], ownOrigins: ['127.0.0.1'] });
const never = new AbortController().signal;

async function serve(
  onConnection: (socket: WebSocket) => void,
): Promise<{ url: string; server: WebSocketServer }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', onConnection);
  ends.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

function open(url: string, options: Partial<SocketOptions> = {}, signal: AbortSignal = never) {
  return openSocket(url, { guard, clock: systemClock, ...options }, signal);
}

async function all(messages: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const text of messages) read.push(text);
  return read;
}

it('gives every message in order, the first ones too, and ends with a normal close', async () => {
  const { url } = await serve((socket) => {
    for (let n = 0; n < 500; n++) socket.send(`${n}`);
    socket.send(Buffer.from('bytes'));
    socket.close(1000);
  });
  const { messages } = await open(url);
  expect(await all(messages)).toEqual([...Array.from({ length: 500 }, (_, n) => `${n}`), 'bytes']);
});

it('sends, answers pings and closes', async () => {
  const seen: string[] = [];
  const { url, server } = await serve((socket) => {
    socket.on('pong', () => seen.push('pong'));
    socket.on('message', (data) => {
      seen.push(data.toString());
      socket.ping();
      socket.once('pong', () => socket.send('bye'));
    });
  });
  const socket = await open(url);
  socket.send('hello');
  for await (const text of socket.messages) if (text === 'bye') break;
  expect(seen).toEqual(['hello', 'pong']);
  const [client] = server.clients;
  socket.close(4000);
  expect((await once(client!, 'close'))[0]).toBe(4000);
  expect(() => socket.send('late')).toThrow(NotSent);
});

it('tells how the other side ended the connection', async () => {
  const { url } = await serve((socket) => socket.close(4004, 'bad token'));
  await expect(all((await open(url)).messages)).rejects.toMatchObject({ code: 4004, reason: 'bad token' });
  const broken = await serve((socket) => socket.terminate());
  await expect(all((await open(broken.url)).messages)).rejects.toMatchObject({ code: 1006 });
});

it('is certainly not sent when no socket opens', async () => {
  const refusing = createServer((_request, response) => response.writeHead(401).end());
  refusing.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'));
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  const address = `ws://127.0.0.1:${(refusing.address() as AddressInfo).port}/`;
  const error = await open(address).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NotSent);
  expect((error as NotSent).cause).toEqual(new HandshakeRefused(401));
  refusing.closeAllConnections();
  await new Promise((resolve) => refusing.close(resolve));
  await expect(open(address)).rejects.toBeInstanceOf(NotSent);
  await expect(open('wss://elsewhere.example/')).rejects.toThrow('elsewhere.example is not an origin');
});

it('gives up a handshake that is not answered in time', async () => {
  const silent = createServer();
  silent.on('upgrade', (_request, socket) => ends.push(() => socket.destroy()));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  ends.push(() => silent.close());
  const address = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  await expect(open(address, { openMs: 30 })).rejects.toThrow('no socket within 30 ms');
  const reason = new Error('enough');
  const abort = new AbortController();
  const opening = open(address, {}, abort.signal);
  setTimeout(() => abort.abort(reason), 20);
  await expect(opening).rejects.toBe(reason);
});

it('ends at once with the reason of an abort', async () => {
  const { url, server } = await serve(() => {});
  const reason = new Error('enough');
  const abort = new AbortController();
  const { messages } = await open(url, {}, abort.signal);
  setTimeout(() => abort.abort(reason), 20);
  await expect(all(messages)).rejects.toBe(reason);
  const [client] = server.clients;
  if (client !== undefined) await once(client, 'close');
});

it('stops reading from the network while nobody reads from it', async () => {
  const size = 10_000;
  const total = 5_000;
  let taken: WebSocket | undefined;
  const { url } = await serve((socket) => {
    taken = socket;
    for (let n = 0; n < total; n++) socket.send('x'.repeat(size));
    socket.close(1000);
  });
  const socket = await open(url, { maxBufferedBytes: 100_000 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  // Most of the 50 MB is still on the sending side: the kernel's buffers and ours hold the rest.
  expect(taken!.bufferedAmount).toBeGreaterThan((size * total) / 2);
  expect(await all(socket.messages)).toHaveLength(total);
});

it('ends a connection that sends a message over the limit', async () => {
  const { url } = await serve((socket) => socket.send('x'.repeat(2_000)));
  const { messages } = await open(url, { maxMessageBytes: 1_000 });
  await expect(all(messages)).rejects.toMatchObject({ code: 1006 });
});

it('ends with its account', async () => {
  const { url } = await serve(() => {});
  const net = openPlatformNet({ origins: [], ownOrigins: ['127.0.0.1'] });
  const { messages } = await net.socket(url, never, { 'x-client': 'test' });
  const reading = all(messages);
  await Promise.all([expect(reading).rejects.toThrow('the account was closed'), net.close()]);
  await expect(net.socket(url, never)).rejects.toThrow('the account was closed');
});

it('is not opened with a header that cannot be sent', async () => {
  const opening = openSocket('ws://127.0.0.1:9/', { guard, clock: systemClock }, never, { a: 'canary\n' });
  const error = await opening.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NotSent);
  expect(`${error} ${(error as NotSent).cause}`).not.toContain('canary');
});
