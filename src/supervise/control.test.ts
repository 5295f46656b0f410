import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { silentLog } from '../core/log.ts';
import { openControl } from './control.ts';

let home = '';
const peers: Socket[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'control-'));
});
afterEach(() => {
  for (const peer of peers.splice(0)) peer.destroy();
  rmSync(home, { recursive: true, force: true });
});

async function peer(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  peers.push(socket);
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe('the control socket', () => {
  it('answers a method by its id, and an unknown one with an error', async () => {
    const control = await openControl(home, { ping: async () => 'pong' }, silentLog);
    const socket = await peer(control.path);
    const lines: string[] = [];
    socket.setEncoding('utf8').on('data', (chunk: string) => lines.push(...chunk.trim().split('\n')));
    socket.write('{"id":1,"method":"ping"}\n{"id":2,"method":"nothing"}\n');
    while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(lines.map((line) => JSON.parse(line)).sort((a, b) => a.id - b.id)).toMatchObject([
      { id: 1, result: 'pong' },
      { id: 2, error: { code: 'BAD_USAGE' } },
    ]);
    socket.end();
    await control.close();
  });

  it('closes although a peer neither reads nor leaves', async () => {
    const clock = virtualClock();
    const control = await openControl(home, {}, silentLog, clock);
    await peer(control.path);
    let closed = false;
    const closing = control.close().then(() => {
      closed = true;
    });
    await clock.advance(900);
    expect(closed).toBe(false);
    await clock.advance(200);
    await closing;
  });

  it('lets go of a peer that asks and does not read', async () => {
    let left = false;
    const big = 'x'.repeat(256 * 1024);
    const method = async ({ send, signal }: { send(event: unknown): void; signal: AbortSignal }) => {
      while (!signal.aborted) {
        send(big);
        await new Promise((resolve) => setImmediate(resolve));
      }
      left = true;
    };
    const control = await openControl(home, { flood: method }, silentLog);
    const socket = await peer(control.path);
    socket.pause();
    socket.write('{"id":1,"method":"flood"}\n');
    while (!left) await new Promise((resolve) => setTimeout(resolve, 2));
    await control.close();
  });
});
