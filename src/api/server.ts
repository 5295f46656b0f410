import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { STATUS_CODES } from '../net/http.ts';
import type { Dialect } from './auth/refusals.ts';
import { type Access, isScope, type Scope } from './auth.ts';
import { bodyTooLarge, maxBodyBytes } from './body.ts';
import { cors } from './cors.ts';
import { ApiError, badRequest, notFound, toApiError } from './errors.ts';
import { hasRawBytes, headersWith, securityHeaders } from './headers.ts';
import { methodFinder, type Route } from './routes.ts';

export interface HttpLimits {
  /** For the request head, and for head and body together. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How often the two are checked. */
  readonly timeoutCheckMs: number;
  /** How long a reader may take nothing of a long answer that is complete. */
  readonly unreadMs: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly scope?: Scope;
    readonly dialect?: Dialect;
  }
}

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly api: ApiSettings;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: HttpLimits;
  /** Paths that are switched off, with everything below them. */
  readonly disabled: readonly string[];
  /** See `headersWith`. */
  readonly strictTransport: string | false | undefined;
}

/** The HTTP layer (api-server §2): what holds for every route, in one order, before any handler runs. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { clock, log, limits, routes } = options;
  const { fastify } = await import('fastify');
  const requestId = () => `req_${clock.hex(12)}`;
  const app = fastify({
    logger: false,
    genReqId: requestId,
    bodyLimit: maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    // While closing, new runs are refused with our own envelope and cheap reads still answer.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (error, request, reply) => {
      log('debug', 'api.bad_url', { error: error.code });
      reply.raw.setHeader('X-Request-Id', request.id);
      writeError(reply.raw, badRequest('Invalid request URL.'));
    },
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket as Socket, requestId()),
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      requireHostHeader: false,
    },
  }) as FastifyInstance;

  const bodyLimits = new Map(routes.map((route) => [route.path, route.maxBodyBytes]));
  // Node would otherwise invite a body that is refused by its announced length.
  app.server.on('checkContinue', (request, response) => {
    const limit = bodyLimits.get((request.url ?? '').split('?')[0] ?? '');
    if (!isAnnouncedTooLarge(request.headers['content-length'], limit)) response.writeContinue();
    app.routing(request, response);
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const gate = gateOf(options);
  const always = headersWith(options.strictTransport);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(always).header('X-Request-Id', request.id);
    // The body is JSON whatever the sender calls it.
    delete request.raw.headers['content-type'];
    const refusal = gate(request, reply);
    if (refusal === undefined) done();
    else if (refusal === 'answered') return;
    else done(refusal);
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // A peer that never reads would keep the answer in memory for as long as it stays connected. Requests without a
    // connection (`inject`) have no such peer.
    if (sizeOf(payload) > largestUnguarded) reply.raw.socket?.setTimeout?.(limits.unreadMs);
    const split = typeof payload === 'string' && hasRawBytes(reply.getHeaders());
    done(null, split ? Buffer.from(payload) : payload);
  });
  app.setErrorHandler((error, request, reply) => {
    const refusal = fromFramework(error) ?? toApiError(error, request.id);
    if (refusal.status === 500) {
      log('error', 'api.unexpected', {
        request: request.id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    return reply.code(refusal.status).headers(refusal.headers).send(refusal.wire);
  });
  app.setNotFoundHandler((request) => {
    throw notFound(request.method, pathOf(request));
  });

  app.addHook('onRoute', (route) => {
    if (!isScope(route.config?.scope)) throw new Error(`Route ${route.url} declares no scope.`);
  });
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      ...(route.maxBodyBytes === undefined ? {} : { bodyLimit: route.maxBodyBytes }),
      config: {
        scope: route.scope,
        ...(route.dialect === undefined ? {} : { dialect: route.dialect }),
      },
      handler: (request, reply) => route.handle(request, reply),
    });
  }
  await app.ready();
  return app;
}

/** Shorter answers fit into what the system keeps for every connection. */
const largestUnguarded = 65_536;
const sizeOf = (payload: unknown) =>
  typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;

const pathOf = (request: FastifyRequest) => (request.url.split('?')[0] ?? '').slice(0, 500);

function isAnnouncedTooLarge(contentLength: string | undefined, limit = maxBodyBytes): boolean {
  return contentLength !== undefined && Number(contentLength) > limit;
}

type Gate = (request: FastifyRequest, reply: FastifyReply) => ApiError | 'answered' | undefined;

/** Decides about a request from its head alone: origin, size, existence, browser, key. */
function gateOf({ api, access, routes, disabled }: ServerOptions): Gate {
  const methodsOf = methodFinder(routes);
  return (request, reply) => {
    const { headers } = request;
    const verdict = cors(api.corsOrigins, {
      method: request.method,
      origin: headers.origin,
      host: headers.host,
      fetchSite: headers['sec-fetch-site'] as string | undefined,
      wanted: headers['access-control-request-headers'] as string | undefined,
    });
    if (verdict.kind === 'refused') {
      void reply.code(403).send();
      return 'answered';
    }
    if (verdict.kind === 'allowed') {
      reply.headers(verdict.headers);
      if (request.method === 'OPTIONS') {
        void reply.code(200).send();
        return 'answered';
      }
    }
    if (headers.host === undefined && request.raw.httpVersion === '1.1') {
      return badRequest('Missing Host header.');
    }
    const limit = request.is404 ? maxBodyBytes : request.routeOptions.bodyLimit;
    if (isAnnouncedTooLarge(headers['content-length'], limit)) return bodyTooLarge();
    if (request.is404) {
      const path = pathOf(request);
      if (disabled.some((off) => path === off || path.startsWith(`${off}/`))) {
        // Never JSON: clients take that for an endpoint which is there (openclaw-http §18 item 3).
        void reply.code(404).header('Content-Type', 'text/plain; charset=utf-8').send('Not Found');
        return 'answered';
      }
      const allowed = methodsOf(pathOf(request));
      if (allowed.length === 0) return notFound(request.method, pathOf(request));
      return new ApiError(405, `Method not allowed: ${request.method} ${pathOf(request)}`, {
        code: 'method_not_allowed',
        headers: { Allow: [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ') },
      });
    }
    // A route without a scope cannot exist; were there one, it would need the key.
    const scope = request.routeOptions.config.scope ?? 'bearer';
    return access.refuse(request.raw, scope, verdict, request.routeOptions.config.dialect);
  };
}

/** Fastify's own failures while it reads a body. */
function fromFramework(error: unknown): ApiError | undefined {
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge();
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') return invalidLength();
  if (typeof code !== 'string' || !code.startsWith('FST_ERR_')) return undefined;
  return typeof statusCode === 'number' && statusCode < 500
    ? new ApiError(statusCode, 'The request cannot be read.')
    : undefined;
}

const invalidLength = () => badRequest('Invalid Content-Length header.', { code: 'invalid_content_length' });

/** Answers what Node's parser refused, on the bare socket, as JSON. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  // Bytes after the start of another answer on this connection would be read as part of it.
  const busy = (socket as Socket & { readonly _httpMessage?: unknown })._httpMessage;
  if (!socket.writable || error.code === 'ECONNRESET' || busy) {
    socket.destroy();
    return;
  }
  const refusal = malformed(error.code);
  const body = JSON.stringify(refusal.wire);
  const head = {
    ...securityHeaders,
    'X-Request-Id': requestId,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function malformed(code: string | undefined): ApiError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError(408, 'The request took too long to arrive.', { code: 'request_timeout' });
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError(431, 'The request headers are too large.', { code: 'headers_too_large' });
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
      return invalidLength();
    default:
      return badRequest('Malformed HTTP request.', { code: 'malformed_request' });
  }
}

function writeError(response: ServerResponse, error: ApiError): void {
  response.writeHead(error.status, {
    ...securityHeaders,
    ...error.headers,
    'Content-Type': 'application/json; charset=utf-8',
  });
  response.end(JSON.stringify(error.wire));
}
