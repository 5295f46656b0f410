import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { silentLog } from '../core/log.ts';
import { PushListeners } from './push-listener.ts';

const peers: Socket[] = [];
afterEach(() => {
  for (const peer of peers.splice(0)) peer.destroy();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the listener for pushes', () => {
  it('closes although a sender never ends its request', async () => {
    const clock = virtualClock();
    const pushes = new PushListeners(silentLog, clock);
    const port = await freePort();
    await pushes.add({ host: '127.0.0.1', port, path: '/in' }, async () => ({ status: 200 }));
    const socket = connect(port, '127.0.0.1');
    peers.push(socket);
    socket.on('error', () => {});
    socket.write('POST /in HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    await new Promise((resolve) => setTimeout(resolve, 20));
    let closed = false;
    const closing = pushes.close().then(() => {
      closed = true;
    });
    await clock.advance(1_900);
    expect(closed).toBe(false);
    await clock.advance(200);
    await closing;
  });
});
