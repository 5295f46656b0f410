/** Many clients that read one stream each and are told little. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { requestText } from './load.ts';
import { readStamps } from './stamp.ts';

export interface HoldOrder {
  /** Address with path; plain HTTP. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly count: number;
}

/** Connections that are opened in one go; more would overflow the queue of a listening socket. */
const batch = 200;
const withinMs = 60_000;

const held: Socket[] = [];
let waiting: { left: number; stamp: number; done(ms: number): void } | undefined;

/** Opens the connections and resolves when each has the head of its answer; counts what went wrong. */
export async function hold({ url: address, headers, count }: HoldOrder): Promise<Record<string, number>> {
  const url = new URL(address);
  const { 'content-type': _none, ...rest } = headers;
  const request = requestText('GET', url, rest, '').replace(url.pathname, `${url.pathname}${url.search}`);
  const failures: Record<string, number> = {};
  for (let opened = 0; opened < count; opened += batch) {
    const part = Array.from({ length: Math.min(batch, count - opened) }, () => openOne(url, request));
    for (const failure of await Promise.all(part)) {
      if (failure !== undefined) failures[failure] = (failures[failure] ?? 0) + 1;
    }
  }
  return failures;
}

function openOne(url: URL, request: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    held.push(socket);
    socket.once('connect', () => socket.write(request));
    socket.once('data', (bytes) => {
      const head = bytes.toString('latin1', 0, 12);
      resolve(head === 'HTTP/1.1 200' ? undefined : head);
      socket.on('data', receive);
    });
    socket.once('error', (error) => resolve(error.message));
    socket.once('close', () => resolve('closed'));
  });
}

function receive(bytes: Buffer): void {
  if (waiting === undefined) return;
  const [stamp] = readStamps(bytes.toString('latin1')).stamps;
  if (stamp === undefined) return;
  waiting.stamp = stamp;
  waiting.left -= 1;
  // The stamps are of the clock that `process.hrtime` reads.
  if (waiting.left === 0) waiting.done(Number(process.hrtime.bigint()) / 1e6 - stamp);
}

/** Milliseconds from the next word until the last client has it. */
export async function nextToAll(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  waiting = { left: held.length, stamp: 0, done: resolve };
  const timer = new AbortController();
  const late = delay(withinMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${waiting?.left} clients were not told`);
  });
  const ms = await Promise.race([promise, late]);
  timer.abort();
  late.catch(() => {});
  waiting = undefined;
  return ms;
}

export async function release(): Promise<void> {
  for (const socket of held.splice(0)) socket.destroy();
}
