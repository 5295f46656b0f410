/**
 * Listeners for platforms that push over HTTP. The adapter verifies and parses; this part owns sockets, limits and
 * paths. Accounts with the same host and port share one listener.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '../core/log.ts';
import type { RawReply, RawRequest } from '../platforms/contract.ts';

export interface PushRoute {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  handle(request: RawRequest): Promise<RawReply>;
}

const largestBody = 1024 * 1024;

export class PushListeners {
  readonly #log: Log;
  readonly #servers = new Map<string, { readonly server: Server; readonly routes: Map<string, PushRoute> }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Rejects when the address cannot be bound. */
  async add(route: PushRoute): Promise<void> {
    const address = `${route.host}:${route.port}`;
    const known = this.#servers.get(address);
    if (known !== undefined) {
      known.routes.set(route.path, route);
      return;
    }
    const routes = new Map([[route.path, route]]);
    const server = createServer((request, response) => void this.#serve(routes, request, response));
    server.headersTimeout = 10_000;
    server.requestTimeout = 30_000;
    server.maxConnections = 1_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(route.port, route.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#log('error', 'push.listener', { address, error }));
    this.#servers.set(address, { server, routes });
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#servers.values()].map(
        ({ server }) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      ),
    );
  }

  async #serve(
    routes: ReadonlyMap<string, PushRoute>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const reply = (answer: RawReply) => {
      response.writeHead(answer.status, {
        'content-length': Buffer.byteLength(answer.body ?? ''),
        ...answer.headers,
      });
      response.end(answer.body ?? '');
    };
    try {
      const path = (request.url ?? '/').split('?')[0]!;
      const route = routes.get(path);
      if (route === undefined) return reply({ status: 404 });
      const body = await readBody(request);
      if (body === undefined) {
        response.setHeader('connection', 'close');
        return reply({ status: 413 });
      }
      const headers = new Map<string, string>();
      for (const [name, value] of Object.entries(request.headers)) {
        if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
      }
      reply(await route.handle({ method: request.method ?? 'GET', path, headers, body }));
    } catch (error) {
      // Not stored, so not acknowledged: the platform pushes again.
      this.#log('warn', 'push.refused', { error });
      if (!response.headersSent) reply({ status: 503, headers: { 'retry-after': '5' } });
      else response.destroy();
    }
  }
}

/** Undefined when the body is larger than allowed; a declared length is refused before a byte is read. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > largestBody) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
