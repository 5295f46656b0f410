import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import { type JsonObject, parseObject } from '../body.ts';
import { type ApiError, badRequest, toApiError } from '../errors.ts';
import { callerGone } from '../media/gone.ts';
import { targetOf } from '../openclaw/target.ts';
import type { Chain, Kept } from './archive.ts';
import { inputReader, type ResponsesDeps } from './deps.ts';
import type { Frame, LiveResponse } from './live.ts';
import { planResponse } from './plan.ts';
import { readResponsesRequest } from './request.ts';
import { withMedia } from './show.ts';
import type { SocketLimits } from './sockets.ts';

/** Creates that may wait behind the running one; their bytes together are those of one request. */
const mostWaiting = 16;
/** Only for the other transport (Open Responses §17.2). */
const forbidden = ['stream', 'stream_options', 'background'];

const nothingWaits = 'Too many requests are waiting on this connection.';
const tooOld =
  'Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.';

/**
 * One connection: creates are answered one after another, each event as a text frame. The newest response stays in
 * its memory, so that responses that are not stored can be continued here and nowhere else.
 */
export class Conversation implements Chain {
  readonly #socket: WebSocket;
  readonly #headers: IncomingHttpHeaders;
  readonly #deps: ResponsesDeps;
  readonly #limits: SocketLimits;
  readonly #cancels: (() => void)[];
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  /** Aborted when the connection is gone. */
  readonly #left = new AbortController();
  #running: LiveResponse | undefined;
  #newest: Kept | undefined;
  #answersPings = true;
  /** Bytes of the largest write that did not leave at once. */
  #largest = 0;

  constructor(socket: WebSocket, headers: IncomingHttpHeaders, deps: ResponsesDeps, limits: SocketLimits) {
    this.#socket = socket;
    this.#headers = headers;
    this.#deps = deps;
    this.#limits = limits;
    const { clock } = deps;
    this.#cancels = [
      clock.after(limits.socketLifeMs, () => this.#expire()),
      clock.after(limits.socketPingMs, () => this.#ping()),
    ];
    // An error is always followed by a close.
    socket.on('error', () => {});
    socket.on('pong', () => {
      this.#answersPings = true;
    });
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.once('close', () => this.#gone());
  }

  find(id: string): Promise<Kept | undefined> {
    if (this.#newest?.response.id === id) return Promise.resolve(this.#newest);
    return this.#deps.archive.find(id);
  }

  newest(conversation: string): Promise<string | undefined> {
    return this.#deps.archive.newest(conversation);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#gone();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.#fail(badRequest('Frames must be JSON text.'));
      return;
    }
    this.#waiting.push(data);
    this.#waitingBytes += data.length;
    if (
      this.#waiting.length > mostWaiting ||
      this.#waitingBytes > this.#deps.media.maxBodyBytes + data.length
    ) {
      this.close(1008, nothingWaits);
      return;
    }
    if (!this.#isBusy) void this.#work();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let data = this.#waiting.shift(); data !== undefined; data = this.#waiting.shift()) {
      this.#waitingBytes -= data.length;
      await this.#answer(data);
    }
    this.#isBusy = false;
  }

  async #answer(data: Buffer): Promise<void> {
    const deps = this.#deps;
    let previous: unknown;
    let live: LiveResponse;
    try {
      const { type, ...body } = parseObject(data, 'Frames must be JSON text.');
      previous = body.previous_response_id;
      checkFrame(type, body);
      deps.runs.refuseIfFull();
      const request = { ...body, stream: true };
      const target = targetOf(deps, deps.caller, this.#headers, body.model);
      const reader = await inputReader(deps, body, this);
      const asked = await readResponsesRequest(request, this.#headers, reader, target);
      const shownInput = await withMedia(deps, asked, `ws_${deps.clock.hex(8)}`, this.#left.signal);
      const plan = await planResponse(deps, shownInput, this.#headers, this);
      // Here a failed response alone tells that it failed (Open Responses §17.9), and there are no headers.
      const shown = { ...plan, how: { ...plan.how, errorEvent: false, notes: notesOn(plan.ignored) } };
      live = await deps.live.start(shown, plan.echo.id, plan.echo.store ? deps.archive : undefined);
    } catch (error) {
      this.#evict(previous);
      this.#fail(toApiError(error, `ws_${deps.clock.hex(8)}`), error);
      return;
    }
    this.#running = live;
    live.attach((frames) => this.#send(frames));
    live.begin();
    if (!this.#isOpen) live.run.leave('WebSocket client disconnected');
    const kept = await live.ended;
    this.#running = undefined;
    if (kept.response.status === 'failed') this.#evict(previous);
    else this.#newest = kept;
  }

  /** What a failed request wanted to continue cannot be continued from memory again (Open Responses §17.7). */
  #evict(id: unknown): void {
    if (this.#newest?.response.id === id) this.#newest = undefined;
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  #send(frames: readonly Frame[]): void {
    if (!this.#isOpen) return;
    // As for event streams: one snapshot, which repeats the request, may be larger than the limit.
    const unread = this.#socket.bufferedAmount;
    for (const { json } of frames) this.#socket.send(json);
    if (unread <= this.#deps.limits.maxBufferedBytes + this.#largest) {
      this.#largest = Math.max(this.#largest, this.#socket.bufferedAmount - unread);
      return;
    }
    this.#deps.log('warn', 'api.slow_reader', { transport: 'websocket' });
    this.#socket.terminate();
  }

  #fail(refusal: ApiError, cause?: unknown): void {
    if (refusal.status === 500) {
      this.#deps.log('error', 'api.unexpected', { error: String(cause) });
    }
    const { error } = refusal.body;
    const { type, code, message, param } = error;
    const event = {
      type: 'error',
      status: refusal.status,
      error: { type, code: code ?? type, message, param },
    };
    this.#send([{ type: event.type, json: JSON.stringify(event) }]);
  }

  #expire(): void {
    this.#fail(badRequest(tooOld, { code: 'websocket_connection_limit_reached' }));
    this.close(1000, 'connection limit reached');
  }

  #ping(): void {
    if (!this.#isOpen) return;
    if (!this.#answersPings) {
      this.#socket.terminate();
      return;
    }
    this.#answersPings = false;
    this.#socket.ping();
    this.#cancels[1] = this.#deps.clock.after(this.#limits.socketPingMs, () => this.#ping());
  }

  #gone(): void {
    for (const cancel of this.#cancels) cancel();
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#left.abort(callerGone());
    this.#running?.run.leave('WebSocket client disconnected');
  }
}

const notesOn = (ignored: readonly string[]) =>
  ignored.length === 0 ? [] : [`These fields have no effect: ${ignored.join(', ')}.`];

function checkFrame(type: unknown, body: JsonObject): void {
  if (type !== 'response.create') {
    throw badRequest(`Unknown frame type '${String(type).slice(0, 64)}'.`, { param: 'type' });
  }
  const wrong = forbidden.find((name) => name in body);
  if (wrong !== undefined) {
    throw badRequest(`'${wrong}' is not allowed over WebSocket.`, { param: wrong });
  }
}
