/** What the tests of this folder share: a server on loopback, sources, and how a refusal looks. */
import { createServer as createHttp, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Files, openFiles } from './files.ts';
import { type FileLimits, responsesLimits } from './limits.ts';
import type { RemoteOptions } from './remote.ts';
import type { Source } from './source.ts';

/** Never aborts. */
export const forever: AbortSignal = new AbortController().signal;

export const data = (bytes: Uint8Array | string, mime?: string, filename?: string): Source => ({
  kind: 'data',
  base64: Buffer.from(bytes).toString('base64'),
  ...(mime === undefined ? {} : { mime }),
  ...(filename === undefined ? {} : { filename }),
});

export const url = (address: string): Source => ({ kind: 'url', url: address });

interface Changes {
  readonly images?: Partial<FileLimits['images']>;
  readonly files?: Partial<FileLimits['files']>;
  readonly request?: Partial<FileLimits['request']>;
}

/** The documented limits of `/v1/responses` with changes; closed after the test. */
export function open(changes: Changes = {}, options: RemoteOptions = {}): Files {
  const files = openFiles(
    {
      images: { ...responsesLimits.images, ...changes.images },
      files: { ...responsesLimits.files, ...changes.files },
      request: { ...responsesLimits.request, ...changes.request },
    },
    options,
  );
  onTestFinished(() => files.close());
  return files;
}

/** For tests whose servers are on loopback. */
export const local: RemoteOptions = {
  allowPrivate: true,
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
};

/** An HTTP server on loopback until the end of the test; its port. */
export async function serve(handler: RequestListener): Promise<number> {
  const server = createHttp(handler);
  onTestFinished(() => server.closeAllConnections());
  return listening(server);
}

/** A server that answers every connection with what `handler` writes, HTTP or not. */
export async function serveRaw(handler: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => handler(socket));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listening(server);
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
