/**
 * The other side of a platform, played on loopback: a real server that speaks the platform's protocol and refuses
 * what the real one refuses. Test equipment, and what a demonstration without accounts talks to.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Fake {
  readonly url: string;
  /** An event in the platform's own form; the fake adds only what the transport adds, e.g. a position. */
  inject(event: object): Promise<void>;
  /** Gives all events again that were acknowledged so far, as after a lost acknowledgement. */
  redeliver(): Promise<void>;
  /** Injected events the adapter has not acknowledged. */
  readonly unacknowledged: number;
  /** What it executed, oldest first. */
  readonly seen: readonly Write[];
  /** Requests and handshakes that arrived, whatever became of them: what leaves through `fetch` and `socket`. */
  readonly calls: number;
  /** Writes that were asked for, also over a connection that was open already, whatever became of them. */
  readonly attempts: number;
  /** Takes effect on the next requests, in the order given. */
  fault(fault: Fault): void;
  /** Forgets faults that did not take effect. */
  calm(): void;
  /**
   * Where connections stay open: resolves when the server knows which of them are gone, so that nothing is given to
   * one that is closing.
   */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

/** One write as the platform keeps it. */
export interface Write {
  readonly op: 'send' | 'edit' | 'delete' | 'react';
  readonly chat: string;
  readonly id: string;
  readonly text?: string;
  /** Of a file: how large it is. */
  readonly bytes?: number;
}

export type Side = 'intake' | 'delivery';

export type Fault = { readonly on: Side; readonly times: number } & (
  | {
      /** A status of HTTP, or a code of the platform's own table (`Conformance.refusals`). */
      readonly kind: 'status';
      readonly code: number;
      /** When to come back, said in the platform's own way. */
      readonly retryMs?: number;
    }
  /** `reset` before anything was executed, `accept-then-reset` after; `half-body` and `garbage` after, too. */
  | { readonly kind: 'hang' | 'reset' | 'accept-then-reset' | 'half-body' | 'garbage' }
);

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** Aborts when the caller has gone. */
  readonly gone: AbortSignal;
}

export interface FakeReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json: unknown;
}

export interface FakeProtocol {
  sideOf(request: FakeRequest): Side;
  handle(request: FakeRequest): FakeReply | Promise<FakeReply>;
  /** An answer with this status in the platform's own form. */
  refuse(status: number, retryMs: number | undefined): FakeReply;
}

export interface FakeServer {
  readonly url: string;
  readonly calls: number;
  /** Requests on the side of delivery. */
  readonly attempts: number;
  fault(fault: Fault): void;
  calm(): void;
  close(): Promise<void>;
}

/** The HTTP part all fakes share: a free loopback port and faults on demand. */
export async function startFakeServer(protocol: FakeProtocol): Promise<FakeServer> {
  const faults: { readonly fault: Fault; left: number }[] = [];
  let calls = 0;
  let attempts = 0;

  const take = (side: Side): Fault | undefined => {
    const next = faults.find(({ fault }) => fault.on === side);
    if (next === undefined) return undefined;
    next.left -= 1;
    if (next.left <= 0) faults.splice(faults.indexOf(next), 1);
    return next.fault;
  };

  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await read(message, response);
    calls += 1;
    const side = protocol.sideOf(request);
    if (side === 'delivery') attempts += 1;
    const fault = take(side);
    switch (fault?.kind) {
      case 'hang':
        return;
      case 'reset':
        response.destroy();
        return;
      case 'status':
        return send(response, protocol.refuse(fault.code, fault.retryMs));
      case 'accept-then-reset':
        await protocol.handle(request);
        response.destroy();
        return;
      case 'garbage':
        await protocol.handle(request);
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>\u0000 bad gateway');
        return;
      case 'half-body': {
        const text = JSON.stringify((await protocol.handle(request)).json);
        response.writeHead(200, { 'content-length': Buffer.byteLength(text) });
        response.write(text.slice(0, text.length / 2), () => response.destroy());
        return;
      }
      case undefined:
        return send(response, await protocol.handle(request));
    }
  };

  const server = createServer((message, response) => {
    answer(message, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    get attempts() {
      return attempts;
    },
    fault: (fault) => void faults.push({ fault, left: fault.times }),
    calm: () => void faults.splice(0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(message: IncomingMessage, response: ServerResponse): Promise<FakeRequest> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  const url = new URL(message.url ?? '/', 'http://fake');
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: message.headers as Record<string, string | undefined>,
    body: Buffer.concat(chunks).toString(),
    gone: gone.signal,
  };
}

function send(response: ServerResponse, { status, headers, json }: FakeReply): void {
  if (response.destroyed) return;
  // 1xx, 204 and 304 carry no body.
  const text = status === 204 || status === 304 ? '' : JSON.stringify(json);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}
