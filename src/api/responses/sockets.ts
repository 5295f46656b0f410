/** The WebSocket transport on `/v1/responses` (Open Responses §17): who may open one, how many, and their end. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { STATUS_CODES } from '../../net/http.ts';
import { callerOf } from '../auth/caller.ts';
import { cors } from '../cors.ts';
import { ApiError, draining, notFound } from '../errors.ts';
import { securityHeaders } from '../headers.ts';
import { responsesPath } from './create.ts';
import type { FamilyDeps } from './deps.ts';
import { Conversation } from './socket.ts';

export interface SocketLimits {
  /** Age at which a connection is closed. */
  readonly socketLifeMs: number;
  /** How often a silent peer is asked whether it is there. */
  readonly socketPingMs: number;
  readonly maxSockets: number;
}

export interface Sockets {
  attach(server: Server): void;
  close(): void;
}

export function openSockets(deps: FamilyDeps, limits: SocketLimits): Sockets {
  const open = new Set<Conversation>();
  let closed = false;
  let wss: WebSocketServer | undefined;

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { WebSocketServer } = await import('ws');
    wss ??= new WebSocketServer({
      noServer: true,
      maxPayload: deps.media.maxBodyBytes,
      perMessageDeflate: false,
    });
    if (socket.destroyed) return;
    if (closed || open.size >= limits.maxSockets) return refuse(socket, closed ? draining() : tooMany());
    const own = deps.of(callerOf({ raw: request }));
    wss.handleUpgrade(request, socket, head, (websocket) => {
      const conversation = new Conversation(websocket, request.headers, own, limits);
      open.add(conversation);
      websocket.once('close', () => open.delete(conversation));
    });
  }

  return {
    attach(server) {
      // Requests that merely offer another protocol are ordinary ones.
      Object.assign(server, {
        shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
          headers.upgrade?.toLowerCase() === 'websocket',
      });
      server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on('error', () => socket.destroy());
        const refusal = refusalOf(deps, request);
        if (refusal !== undefined) refuse(socket, refusal);
        else {
          accept(request, socket, head).catch((error: unknown) => {
            deps.log('error', 'api.socket', { error: String(error) });
            socket.destroy();
          });
        }
      });
    },
    close() {
      closed = true;
      for (const conversation of open) conversation.close(1001, 'The gateway is shutting down');
    },
  };
}

/** The same decisions as for every request: path, origin, browser, key. */
function refusalOf({ api, access }: FamilyDeps, request: IncomingMessage): ApiError | undefined {
  const { headers, method = 'GET', url = '/' } = request;
  const path = url.split('?')[0] ?? '';
  const { host, origin } = headers;
  const fetchSite = headers['sec-fetch-site'] as string | undefined;
  const verdict = cors(api.corsOrigins, { method, origin, host, fetchSite, wanted: undefined });
  if (verdict.kind === 'refused') return new ApiError(403, 'This origin is not allowed.');
  if (path !== responsesPath) return notFound(method, path.slice(0, 500));
  return access.refuse(request, 'responses', verdict);
}

function tooMany(): ApiError {
  return new ApiError(503, 'Too many open connections.', {
    code: 'too_many_connections',
    headers: { 'Retry-After': '5' },
  });
}

function refuse(socket: Duplex, refusal: ApiError): void {
  const body = JSON.stringify(refusal.wire);
  const head = {
    ...securityHeaders,
    ...refusal.headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  const { status } = refusal;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () =>
    socket.destroy(),
  );
}
