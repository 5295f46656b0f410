/**
 * WeCom's AI Bot gateway on loopback, as strict as the real one: unknown fields, request ids of another connection or
 * in flight, answers to events, oversized chunks and texts, chats nobody wrote in are refused. Test equipment, and
 * what a demonstration without accounts talks to.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { FakeConnection, type FakeFrame, type FakeWrite, type Push, type World } from './fake/connection.ts';
import { Faults, type WeComFault } from './fake/faults.ts';
import { FakeUploads } from './fake/uploads.ts';
import { FakeWeb } from './fake/web.ts';

export interface FakeOptions {
  readonly botId?: string;
  readonly secret?: string;
  /** Chats in which somebody has written to the bot before. */
  readonly chats?: readonly string[];
}

export class FakeWeCom implements World {
  readonly botId: string;
  readonly secret: string;
  readonly chats: Set<string>;
  readonly faults = new Faults();
  readonly uploads = new FakeUploads();
  readonly web = new FakeWeb();
  /** What it executed, oldest first. */
  readonly seen: FakeWrite[] = [];
  /** Frames that arrived, oldest first, whatever became of them. */
  readonly frames: FakeFrame[] = [];
  /** Refusals, as `errcode errmsg`. */
  readonly refused: string[] = [];
  /** Handshakes, whatever became of them. */
  handshakes = 0;
  #port = 0;
  #pushed = 0;
  readonly #waiting: Push[] = [];
  readonly #given: Push[] = [];
  readonly #connections = new Set<FakeConnection>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 * 1024 });
  readonly #server = createServer((request, response) => this.web.answer(request, response));

  constructor({ botId = 'BOT123', secret = 'fake-secret-0123456789', chats = [] }: FakeOptions) {
    this.botId = botId;
    this.secret = secret;
    this.chats = new Set(chats);
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Pushed and not yet given to a subscribed connection. */
  get unacknowledged(): number {
    return this.#waiting.length;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** A message or an event; it waits for a subscribed connection. Returns the request id it will have. */
  push(body: object, reqId = `REQ_${++this.#pushed}`): string {
    const { chatid, from, msgtype } = body as Readonly<Record<string, unknown>>;
    const user = (from as { userid?: unknown } | undefined)?.userid;
    const chat = typeof chatid === 'string' ? chatid : user;
    if (typeof chat === 'string') this.chats.add(chat);
    this.#waiting.push({
      reqId,
      body,
      isEvent: msgtype === 'event',
      chat: typeof chat === 'string' ? chat : '',
    });
    this.flush();
    return reqId;
  }

  /** Everything pushed so far once more, as other requests. */
  redeliver(): void {
    for (const { body } of this.#given.splice(0)) this.push(body);
  }

  fault(fault: WeComFault): void {
    this.faults.add(fault);
  }

  /** Cuts every connection, without a goodbye. */
  drop(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** Resolves when every client has answered a ping or is gone: what comes next does not reach a closing one. */
  async settled(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.settled()));
  }

  /** The server forgets the subscriptions; the sockets stay open. */
  unsubscribe(): void {
    for (const connection of this.#connections) connection.isSubscribed = false;
  }

  /** No request id pushed so far can be answered any longer. */
  expireContexts(): void {
    for (const connection of this.#connections) connection.contexts.clear();
  }

  /** No answer that has begun to grow can be changed any longer. */
  expireStreams(): void {
    for (const connection of this.#connections) connection.streams.expire();
  }

  serve(...args: Parameters<FakeWeb['serve']>): string {
    return `${this.origin}${this.web.serve(...args)}`;
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#sockets.close();
  }

  flush(): void {
    const open = [...this.#connections].findLast(({ isSubscribed }) => isSubscribed);
    if (open === undefined) return;
    for (const push of this.#waiting.splice(0)) {
      this.#given.push(push);
      open.push(push);
    }
  }

  subscribed(by: FakeConnection): void {
    for (const other of this.#connections) if (other !== by && other.isSubscribed) other.displace();
    setImmediate(() => this.flush());
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.handshakes += 1;
    const fault = this.faults.take('handshake');
    if (fault?.kind === 'status')
      socket.end(`HTTP/1.1 ${fault.code} Injected\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    else if (fault !== undefined) socket.destroy();
    else
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        const connection = new FakeConnection(ws, this);
        this.#connections.add(connection);
        ws.on('close', () => this.#connections.delete(connection));
      });
  }
}

export async function startFakeWeCom(options: FakeOptions = {}): Promise<FakeWeCom> {
  const fake = new FakeWeCom(options);
  await fake.listen();
  return fake;
}
