/**
 * A Bot API server on 127.0.0.1 that refuses what the real one refuses, and more: parameters that are unknown or of
 * the wrong type. Test equipment, and the far end of `hermes demo`. It needs nothing of the product.
 *
 *     const fake = await startFakeTelegram();
 *     // base_url of the platform: `${fake.url}/bot`
 *     await fake.inject.text('hello');
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chat, Chats, Refusal, type ShownMessage } from './fake/chats.ts';
import { type Fault, Faults, reset, writeFaulty } from './fake/faults.ts';
import { Flood } from './fake/flood.ts';
import { createInject, type Inject } from './fake/inject.ts';
import { methods, RawResult, type Shown, type StoredFile, type World, writes } from './fake/methods.ts';
import { fromText, isMethod, type Params, problemOf } from './fake/schema.ts';
import { Updates } from './fake/updates.ts';

export type { Chat, Fault, Inject, Shown, ShownMessage };

export interface FakeTelegramOptions {
  readonly token?: string;
  /** 0 or absent = any free port. */
  readonly port?: number;
  readonly username?: string;
  readonly firstUpdateId?: number;
  /** Pause before an update that the webhook did not take is pushed again. */
  readonly pushRetryMs?: number;
}

/** One accepted call that changed what people see. */
export interface SeenWrite {
  /** UTC milliseconds. */
  readonly at: number;
  readonly method: string;
  readonly params: Params;
  /** Of the message that was made, changed or removed. */
  readonly message: number;
}

export interface SeenCall {
  readonly at: number;
  readonly method: string;
  /** Undefined = not answered: the fault or the client ended it. */
  readonly status: number | undefined;
}

export interface FakeTelegram {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  readonly token: string;
  readonly bot: { readonly id: number; readonly username: string };
  /** An update as Telegram would make it. */
  readonly inject: Inject;
  /** Delivers every update that was ever delivered once more. */
  redeliver(): Promise<void>;
  readonly seen: readonly SeenWrite[];
  /** Every call of a method, the newest last; at most 10,000. */
  readonly calls: readonly SeenCall[];
  /** What the chats show now. */
  messages(chat?: number): readonly ShownMessage[];
  onMessage(listener: (shown: Shown) => void): () => void;
  fault(fault: Fault): void;
  /** How often each kind of fault really happened. */
  readonly happened: ReadonlyMap<string, number>;
  /** Switches flood control on or off; off at the start. */
  flood(on: boolean): void;
  block(chat: number, blocked?: boolean): void;
  /** The group becomes a supergroup with a new id. */
  migrate(from: number, to: number): void;
  deleteTopic(chat: number, thread: number): void;
  /** Puts a file on the server; answers its file id. */
  file(path: string, bytes: Uint8Array): string;
  /** Updates not yet confirmed. */
  readonly pending: number;
  readonly openConnections: number;
  close(): Promise<void>;
}

const maxBodyBytes = 1024 * 1024;
const maxCalls = 10_000;
const maxSeen = 1_000_000;

export async function startFakeTelegram(options: FakeTelegramOptions = {}): Promise<FakeTelegram> {
  const token = options.token ?? '8000001:fake-token-for-tests-0123456789abcd';
  const bot = { id: Number(token.split(':')[0]), username: options.username ?? 'hermes_test_bot' };
  const chats = new Chats();
  const updates = new Updates(options.firstUpdateId ?? 8001, options.pushRetryMs ?? 20);
  const faults = new Faults();
  const flood = new Flood();
  const files = new Map<string, StoredFile>();
  const listeners = new Set<(shown: Shown) => void>();
  const seen: SeenWrite[] = [];
  const calls: SeenCall[] = [];
  const sockets = new Set<Socket>();
  let disconnects: AbortController | undefined;
  const world: World = {
    bot,
    chats,
    updates,
    flood,
    files,
    show(shown) {
      for (const listener of listeners) listener(shown);
    },
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => reset(request));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.keepAliveTimeout = 60_000;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const download = /^\/file\/bot([^/]+)\/(.+)$/.exec(pathname);
    if (download)
      return sendFile(download[1] ?? '', decodeURIComponent(download[2] ?? ''), request, response);
    const [, given, method = ''] = /^\/bot([^/]+)\/([A-Za-z]+)$/.exec(pathname) ?? [];
    const fault = faults.take(method);
    const log = (status: number | undefined) => {
      calls.push({ at: Date.now(), method, status });
      if (calls.length > maxCalls) calls.splice(0, calls.length - maxCalls);
    };
    const body = await readBody(request);
    switch (fault?.kind) {
      case 'hang':
        return log(undefined);
      case 'reset':
        log(undefined);
        return reset(request);
      case 'garbage':
        log(200);
        return writeFaulty(undefined, request, response, 200, '<html>{"ok":tru');
      case 'status': {
        if (fault.afterMs !== undefined) await sleep(fault.afterMs);
        const parameters = fault.retryAfter === undefined ? undefined : { retry_after: fault.retryAfter };
        const refusal = new Refusal(fault.code, fault.description ?? `Fault ${fault.code}`, parameters);
        log(fault.code);
        return writeFaulty(undefined, request, response, fault.code, fault.body ?? refused(refusal));
      }
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await execute(
      given,
      method,
      body,
      request.headers['content-type'],
      searchParams,
      gone.signal,
    );
    log(answer.status);
    return writeFaulty(fault, request, response, answer.status, answer.body);
  }

  async function execute(
    given: string | undefined,
    method: string,
    body: string | undefined,
    type: string | undefined,
    query: URLSearchParams,
    gone: AbortSignal,
  ): Promise<{ readonly status: number; readonly body: string }> {
    try {
      if (given === undefined) throw new Refusal(404, 'Not Found');
      if (given !== token) throw new Refusal(401, 'Unauthorized');
      const run = Object.hasOwn(methods, method) && isMethod(method) ? methods[method] : undefined;
      if (run === undefined) throw new Refusal(404, 'Not Found');
      if (body === undefined) throw new Refusal(413, 'Request Entity Too Large');
      const params = readParams(method, body, type, query);
      const problem = problemOf(method, params);
      if (problem !== undefined) throw new Refusal(400, `Bad Request: ${problem}`);
      let message = 0;
      const show = (shown: Shown) => {
        if ('message' in shown) message = shown.message.id;
        world.show(shown);
      };
      const result = await run({ ...world, show }, params, gone);
      if (writes.has(method) && seen.length < maxSeen) seen.push({ at: Date.now(), method, params, message });
      return {
        status: 200,
        body: `{"ok":true,"result":${result instanceof RawResult ? result.json : JSON.stringify(result)}}`,
      };
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'Internal Server Error');
      return { status: refusal.status, body: refused(refusal) };
    }
  }

  function sendFile(
    given: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> | void {
    const file = [...files.values()].find((stored) => stored.path === path);
    const fault = faults.take('file');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') return reset(request);
    const status = fault?.kind === 'status' ? fault.code : given !== token ? 401 : file ? 200 : 404;
    if (status !== 200 || file === undefined)
      return writeFaulty(undefined, request, response, status, refused(new Refusal(status, 'Not Found')));
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(file.bytes);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  async function cutEvery(ms: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) for (const socket of sockets) socket.resetAndDestroy();
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    bot,
    inject: createInject(bot, chats, updates),
    async redeliver() {
      updates.redeliver();
    },
    seen,
    calls,
    messages: (chat) => chats.all().filter((message) => chat === undefined || message.chat === chat),
    onMessage(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    fault(fault) {
      if (fault.kind !== 'none' && fault.kind !== 'disconnect') return faults.add(fault);
      disconnects?.abort();
      disconnects = undefined;
      if (fault.kind === 'none') return faults.clear();
      disconnects = new AbortController();
      void cutEvery(fault.everyMs, disconnects.signal);
    },
    happened: faults.happened,
    flood(on) {
      flood.on = on;
    },
    block: (chat, blocked = true) => chats.block(chat, blocked),
    migrate: (from, to) => chats.migrate(from, to),
    deleteTopic: (chat, thread) => chats.deleteTopic(chat, thread),
    file(path, bytes) {
      const id = `file-${files.size + 1}`;
      files.set(id, { path, bytes });
      return id;
    },
    get pending() {
      return updates.pending;
    },
    get openConnections() {
      return sockets.size;
    },
    async close() {
      disconnects?.abort();
      updates.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function refused(refusal: Refusal): string {
  return JSON.stringify({
    ok: false,
    error_code: refusal.status,
    description: refusal.message,
    ...(refusal.parameters ? { parameters: refusal.parameters } : {}),
  });
}

function readParams(method: string, body: string, type: string | undefined, query: URLSearchParams): Params {
  const kind = type?.split(';')[0]?.trim().toLowerCase();
  const inUrl = fromText(method, Object.fromEntries(query));
  if (body === '') return inUrl;
  if (kind === 'application/x-www-form-urlencoded')
    return { ...inUrl, ...fromText(method, Object.fromEntries(new URLSearchParams(body))) };
  if (kind !== 'application/json')
    throw new Refusal(400, `Bad Request: cannot read a body of type ${kind ?? 'none'}`);
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return { ...inUrl, ...parsed };
  } catch {
    // Refused below.
  }
  throw new Refusal(400, "Bad Request: can't parse request body: it must be a JSON object");
}

/** Undefined = longer than allowed. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}
