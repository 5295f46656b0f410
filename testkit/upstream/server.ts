import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic.ts';
import { chat } from './chat.ts';
import { play } from './faults.ts';
import { google } from './google.ts';
import { responses } from './responses.ts';
import { object } from './shape.ts';
import type { Answer, Json, Reply, ScriptedReply, UpstreamRequest, Wire, WireName } from './types.ts';

const wires: readonly Wire[] = [chat, responses, anthropic, google];

/** Newest requests kept for assertions; older ones are forgotten. */
const keptRequests = 10_000;
const largestBody = 32 * 1024 * 1024;

export interface UpstreamOptions {
  /** The only accepted key; default `test-key`. */
  readonly key?: string;
  /** Answers when the script is empty; default echoes the newest user text as `echo: <text>`. */
  readonly fallback?: ScriptedReply;
  /**
   * For benches: every request gets this answer from frames serialised once, written as one buffer, without
   * validation and without a request log.
   */
  readonly instant?: Reply;
}

export interface Upstream {
  /** Origin without a path. Base URLs: `${url}/v1` (OpenAI), `url` (Anthropic), `${url}/v1beta` (Google). */
  readonly url: string;
  readonly key: string;
  /** What arrived, oldest first, refused requests included. */
  readonly requests: readonly UpstreamRequest[];
  /** Adds replies; each is used by one accepted request, in order. */
  script(...replies: readonly ScriptedReply[]): void;
  /** Connections that are open now. */
  readonly open: number;
  close(): Promise<void>;
}

/** Starts a strict model vendor on a free loopback port: it refuses what the real ones refuse. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const key = options.key ?? 'test-key';
  const fallback = options.fallback ?? echo;
  const requests: UpstreamRequest[] = [];
  const script: ScriptedReply[] = [];
  const issued = new Set<string>();
  const ready = new Map<WireName, Buffer>();
  let answers = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://upstream').pathname;
    const wire = wires.find((candidate) => candidate.matches(path));
    if (request.method === 'GET' && path.endsWith('/models')) return sendModels(response);
    if (wire === undefined || request.method !== 'POST') {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"error":{"message":"Not found"}}');
      return;
    }
    if (options.instant !== undefined) return instantly(request, response, wire, options.instant);
    const raw = await readBody(request);
    if (!wire.authorised(request.headers, path, key)) return sendJson(response, wire.unauthorised);
    const body = parse(raw);
    if (body === undefined) {
      return sendJson(response, {
        status: 400,
        body: wire.error(400, 'We could not parse the JSON body', undefined),
      });
    }
    const logged: UpstreamRequest = {
      wire: wire.name,
      path,
      headers: request.headers,
      body,
      lastUserText: wire.lastUserText(body),
    };
    requests.push(logged);
    if (requests.length > keptRequests) requests.shift();
    const refusal = wire.refuse(body, issued, request.headers);
    if (refusal !== undefined) {
      logged.status = refusal.status;
      const answer = wire.error(refusal.status, refusal.message, refusal.code);
      return sendJson(response, { status: refusal.status, body: answer });
    }
    const scripted = script.shift() ?? fallback;
    const reply = typeof scripted === 'function' ? scripted(logged) : scripted;
    const answer = complete(reply, body, ++answers);
    if (answer.reasoning !== '' || answer.calls.length > 0) {
      issued.add(answer.opaque);
      issued.add(`${answer.opaque}|${answer.reasoning}`);
    }
    logged.status = reply.fault?.kind === 'status' ? reply.fault.status : 200;
    const closed = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) logged.cut = true;
      closed.abort();
    });
    if (!wire.streams(body, path) && reply.fault === undefined) {
      return sendJson(response, { status: 200, body: wire.json(answer) });
    }
    await play(response, wire, wire.frames(answer), reply.fault, closed.signal);
  }

  async function instantly(request: IncomingMessage, response: ServerResponse, wire: Wire, reply: Reply) {
    request.resume();
    await new Promise((resolve) => request.once('end', resolve));
    let bytes = ready.get(wire.name);
    if (bytes === undefined) {
      const wanted = { model: 'instant', stream_options: { include_usage: true } };
      bytes = Buffer.from(wire.frames(complete(reply, wanted, 0)).join(''));
      ready.set(wire.name, bytes);
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(bytes);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(String(error));
    });
  });
  // Longer than any pause of a client, so that a reused connection is never closed under it.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<unknown>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    requests,
    script: (...replies) => void script.push(...replies),
    get open() {
      return sockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const echo = (request: UpstreamRequest): Reply => ({ text: `echo: ${request.lastUserText}` });

function complete(reply: Reply, body: Json, serial: number): Answer {
  const deltas =
    typeof reply.text === 'string' ? (reply.text.match(/\s*\S+\s*$|\s*\S+/g) ?? []) : (reply.text ?? []);
  const calls = (reply.toolCalls ?? []).map((call, index) => ({
    id: call.id ?? `call_${serial}_${index}`,
    name: call.name,
    arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
  }));
  const usage = reply.usage ?? { input: 10, output: Math.max(1, deltas.length) };
  return {
    id: `fake-${serial}`,
    model: typeof body['model'] === 'string' ? body['model'] : 'fake-model',
    created: 1_767_600_000,
    reasoning: reply.reasoning ?? '',
    opaque: reply.opaque ?? `opaque-${serial}`,
    deltas,
    calls,
    usage: { cached: 0, reasoning: 0, ...usage },
    finish: reply.finish ?? (calls.length > 0 ? 'tool-calls' : 'stop'),
    usageWanted: object(body['stream_options'])?.['include_usage'] === true,
  };
}

function parse(raw: string): Json | undefined {
  try {
    return object(JSON.parse(raw));
  } catch {
    return undefined;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new Error('request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sendJson(response: ServerResponse, { status, body }: { status: number; body: unknown }): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendModels(response: ServerResponse): void {
  const data = [{ id: 'fake-model', object: 'model', created: 1_767_600_000, owned_by: 'fake' }];
  sendJson(response, { status: 200, body: { object: 'list', data } });
}
