/** A WebSocket client of `/v1/responses` that judges every frame it gets. Tests only. */
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { key, type ResponsesServer } from './testing.ts';
import { faultsOfError, isTerminal, type Json, StreamJudge } from './testing-schema.ts';

/** A client that reads until the last event of a response, or an error frame. */
export class Peer {
  readonly socket: WebSocket;
  readonly #frames: Json[] = [];
  #judge = new StreamJudge();
  #wake = () => {};

  constructor(server: ResponsesServer, options: ClientOptions = {}) {
    const headers = { Authorization: `Bearer ${key}`, ...options.headers };
    this.socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/responses`, { ...options, headers });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Json;
      server.faults.push(...this.#faultsOf(frame));
      this.#frames.push(frame);
      this.#wake();
    });
    onTestFinished(() => this.socket.terminate());
  }

  get unread(): number {
    return this.#frames.length;
  }

  async send(body: object | string): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open');
    this.socket.send(typeof body === 'string' ? body : JSON.stringify(body));
  }

  create(body: object): Promise<void> {
    return this.send({ type: 'response.create', ...body });
  }

  async frame(): Promise<Json> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift()!;
  }

  /** All events of one response. */
  async events(): Promise<Json[]> {
    const events: Json[] = [];
    for (;;) {
      const event = await this.frame();
      expect(event['type'], JSON.stringify(event)).not.toBe('error');
      events.push(event);
      if (isTerminal(event)) return events;
    }
  }

  /** The response at its end. */
  async answer(): Promise<Json> {
    return (await this.events()).at(-1)!['response'] as Json;
  }

  /** What the next create came to. */
  async next(): Promise<{ readonly events: readonly Json[] } | { readonly error: Json }> {
    const first = await this.frame();
    if (first['type'] === 'error') return { error: { status: first['status'], ...(first['error'] as Json) } };
    return { events: [first, ...(await this.events())] };
  }

  async error(): Promise<Json> {
    const event = await this.frame();
    expect(event['type'], JSON.stringify(event)).toBe('error');
    return { status: event['status'], ...(event['error'] as Json) };
  }

  /** Numbers start again with every response; nothing but an error or the next response follows the last event. */
  #faultsOf(frame: Json): string[] {
    if (frame['type'] === 'error') return faultsOfError(frame);
    if (frame['type'] === 'response.created') {
      this.#judge = new StreamJudge();
      if (frame['sequence_number'] !== 0) return ['the first event is not number 0'];
    }
    this.#judge.event(frame);
    return this.#judge.faults.splice(0);
  }
}
