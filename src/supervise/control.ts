/**
 * The local socket of a running gateway: how the CLI asks and tells, since only the gateway may open its database.
 * Newline-delimited JSON: `{id, method, params}` → any number of `{id, event}`, then `{id, result}` or `{id, error}`.
 * Protected by the file mode (0600, in a folder 0700).
 */
import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface ControlCall {
  readonly params: Readonly<Record<string, unknown>>;
  /** The caller went away. */
  readonly signal: AbortSignal;
  send(event: unknown): void;
}

export type ControlMethods = Readonly<Record<string, (call: ControlCall) => Promise<unknown>>>;

export interface Control {
  readonly path: string;
  close(): Promise<void>;
}

/** Longest request line; longest answer that may wait for a slow reader. */
const longestLine = 1024 * 1024;
/** The kernel's limit for the path of a socket is about 108 bytes. */
const longestPath = 100;
/** How long a peer may take to read its last answer when the gateway ends. */
const goodbyeMs = 1_000;

/** Where the socket of a home is. */
export function controlPath(home: string): string {
  const path = join(home, 'gateway.sock');
  if (Buffer.byteLength(path) <= longestPath) return path;
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16);
  return join(tmpdir(), `hermes-${name}.sock`);
}

/** Call only while holding the lock of the home: a socket file that is there already is a left-over. */
export async function openControl(
  home: string,
  methods: ControlMethods,
  log: Log,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<Control> {
  const path = controlPath(home);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, methods, log);
  });
  rmSync(path, { force: true });
  await listen(server, path);
  chmodSync(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        // A peer that is stopped or does not read would hold the end of the gateway for ever.
        const cutOff = clock.after(goodbyeMs, () => {
          for (const socket of sockets) socket.destroy();
        });
        server.close(() => {
          cutOff();
          rmSync(path, { force: true });
          resolve();
        });
        for (const socket of sockets) socket.end();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serve(socket: Socket, methods: ControlMethods, log: Log): void {
  const gone = new AbortController();
  socket.setEncoding('utf8');
  socket.on('error', (error) => log('debug', 'control.socket', { error }));
  socket.on('close', () => gone.abort(new Error('the caller went away')));
  const send = (message: object) => {
    if (!socket.writable) return;
    socket.write(`${JSON.stringify(message)}\n`);
    if (socket.writableLength > longestLine) socket.destroy();
  };
  let rest = '';
  socket.on('data', (chunk: string) => {
    rest += chunk;
    if (rest.length > longestLine) {
      socket.destroy();
      return;
    }
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') void answer(line, methods, send, gone.signal);
  });
}

async function answer(
  line: string,
  methods: ControlMethods,
  send: (message: object) => void,
  signal: AbortSignal,
): Promise<void> {
  let id: unknown = null;
  try {
    const request = JSON.parse(line) as { id?: unknown; method?: unknown; params?: unknown };
    id = request.id ?? null;
    const method = typeof request.method === 'string' ? methods[request.method] : undefined;
    if (method === undefined)
      throw new GatewayError('BAD_USAGE', { why: `Unknown method ${String(request.method)}.` });
    const params = typeof request.params === 'object' && request.params !== null ? request.params : {};
    const result = await method({
      params: params as Readonly<Record<string, unknown>>,
      signal,
      send: (event) => send({ id, event }),
    });
    send({ id, result: result ?? null });
  } catch (error) {
    const known = error instanceof GatewayError;
    const message = error instanceof Error ? error.message : String(error);
    send({
      id,
      error: { code: known ? error.code : 'INTERNAL', message, fix: known ? (error.fix ?? null) : null },
    });
  }
}
