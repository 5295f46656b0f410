/**
 * Listeners for platforms that push over HTTP. The adapter verifies and parses; this part owns sockets, limits and
 * paths. Accounts with the same host and port share one listener.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { BodyTooLarge, readBody } from '../net/body.ts';
import { createServer } from '../net/http.ts';
import type { PushAddress, RawReply, RawRequest } from '../platforms/contract.ts';

interface Route {
  readonly address: PushAddress;
  handle(request: RawRequest): Promise<RawReply>;
}

interface Listener {
  readonly server: Server;
  readonly routes: Route[];
}

const usualBody = 1024 * 1024;
const mostConnections = 1_000;
/** How long requests in progress may take when the gateway ends. */
const goodbyeMs = 2_000;

export class PushListeners {
  readonly #log: Log;
  readonly #listeners = new Map<string, Listener>();

  readonly #clock: Pick<Clock, 'after'>;
  #closed = false;

  constructor(log: Log, clock: Pick<Clock, 'after'> = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Rejects when the address cannot be bound. */
  async add(address: PushAddress, handle: Route['handle']): Promise<void> {
    const where = `${address.host ?? '*'}:${address.port}`;
    const known = this.#listeners.get(where);
    if (known !== undefined) {
      known.routes.push({ address, handle });
      return;
    }
    const routes: Route[] = [{ address, handle }];
    const server = createServer((request, response) => void this.#serve(routes, request, response));
    server.headersTimeout = 10_000;
    server.requestTimeout = 30_000;
    server.maxConnections = mostConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const listening = () => {
        server.off('error', reject);
        resolve();
      };
      if (address.host === undefined) server.listen(address.port, listening);
      else server.listen(address.port, address.host, listening);
    });
    server.on('error', (error) => this.#log('error', 'push.listener', { where, error }));
    this.#listeners.set(where, { server, routes });
  }

  /** Requests in progress may end, at most for two seconds; later ones are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const cutOff = this.#clock.after(goodbyeMs, () => {
      for (const { server } of this.#listeners.values()) server.closeAllConnections();
    });
    const closing = [...this.#listeners.values()].map(
      ({ server }) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeIdleConnections();
        }),
    );
    await Promise.all(closing);
    cutOff();
  }

  async #serve(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.#closed) {
        response.setHeader('connection', 'close');
        return reply(response, { status: 503, headers: { 'retry-after': '5' } });
      }
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://listener');
      const route = routes.find(({ address }) => matches(address.path, pathname));
      if (route === undefined) return reply(response, { status: 404 });
      const body = await readBody(request, route.address.maxBody ?? usualBody).catch((error: unknown) => {
        if (error instanceof BodyTooLarge) return undefined;
        throw error;
      });
      if (body === undefined) {
        response.setHeader('connection', 'close');
        const text = route.address.tooLarge ?? '';
        return reply(response, { status: 413, body: text, ...(text === '' ? {} : json) });
      }
      const headers = new Map<string, string>();
      for (const [name, value] of Object.entries(request.headers)) {
        if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
      }
      const method = request.method ?? 'GET';
      reply(response, await route.handle({ method, path: pathname, query: searchParams, headers, body }));
    } catch (error) {
      // Not stored, so not acknowledged: the platform pushes again.
      this.#log('warn', 'push.refused', { error });
      if (response.headersSent) response.destroy();
      else reply(response, { status: 503, headers: { 'retry-after': '5' } });
    }
  }
}

const json = { headers: { 'content-type': 'application/json' } };

/** A route that ends in `/*` takes everything below it. */
function matches(route: string, path: string): boolean {
  return route.endsWith('/*') ? path.startsWith(route.slice(0, -1)) : path === route;
}

function reply(response: ServerResponse, answer: RawReply): void {
  const body = answer.body ?? '';
  response.writeHead(answer.status, { 'content-length': Buffer.byteLength(body), ...answer.headers });
  response.end(body);
}
