/** One client of the fake: checks every frame, executes it and answers. */
import type { WebSocket } from 'ws';
import { fields, string } from '../wire.ts';
import type { Faults, Place, WeComFault } from './faults.ts';
import { type Body, bodies, type Command, envelope, isCommand } from './schema.ts';
import { FakeStreams } from './streams.ts';
import { type Answer, type FakeUploads, isRefusal, type Refusal } from './uploads.ts';

export interface FakeWrite {
  readonly cmd: Command;
  readonly reqId: string;
  readonly chat: string;
  readonly msgtype: string;
  /** Of texts; a stream's newest. */
  readonly text?: string;
  readonly mediaId?: string;
}

export interface Push {
  readonly reqId: string;
  readonly body: object;
  readonly isEvent: boolean;
  readonly chat: string;
}

/** As it arrived. */
export interface FakeFrame {
  readonly cmd: string;
  readonly reqId: string;
  readonly body: unknown;
  /** Milliseconds of this process. */
  readonly at: number;
}

/** What all connections share. */
export interface World {
  readonly botId: string;
  readonly secret: string;
  readonly chats: ReadonlySet<string>;
  readonly faults: Faults;
  readonly uploads: FakeUploads;
  readonly seen: FakeWrite[];
  readonly frames: FakeFrame[];
  readonly refused: string[];
  subscribed(by: FakeConnection): void;
}

const maxText = 4000;

export class FakeConnection {
  isSubscribed = false;
  /** Request ids of messages this connection may answer → their chat. Events have none. */
  readonly contexts = new Map<string, string>();
  readonly streams = new FakeStreams();
  readonly #events = new Set<string>();
  readonly #socket: WebSocket;
  readonly #world: World;
  readonly #used = new Set<string>();
  readonly #inFlight = new Set<string>();

  constructor(socket: WebSocket, world: World) {
    this.#socket = socket;
    this.#world = world;
    socket.on('message', (data, isBinary) => {
      if (isBinary) socket.close(1003);
      else this.#receive(data.toString());
    });
    socket.on('error', () => {});
  }

  push({ reqId, body, isEvent, chat }: Push): void {
    if (isEvent) this.#events.add(reqId);
    else this.contexts.set(reqId, chat);
    const cmd = isEvent ? 'aibot_event_callback' : 'aibot_msg_callback';
    this.#socket.send(JSON.stringify({ cmd, headers: { req_id: reqId }, body }));
  }

  /** Another connection has taken over. */
  displace(): void {
    this.isSubscribed = false;
    const event = { eventtype: 'disconnected_event' };
    const body = {
      msgid: 'displaced',
      create_time: 1_767_225_600,
      aibotid: this.#world.botId,
      msgtype: 'event',
      event,
    };
    this.push({ reqId: 'displaced', body, isEvent: true, chat: '' });
    this.#socket.close(1000);
  }

  /** Resolves when the client has answered a ping or is gone. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState !== this.#socket.OPEN) return resolve();
      this.#socket.once('pong', resolve).once('close', () => resolve());
      this.#socket.ping();
    });
  }

  cut(): void {
    this.isSubscribed = false;
    this.#socket.terminate();
  }

  #receive(text: string): void {
    const parsed = envelope.safeParse(parseJson(text));
    if (!parsed.success) {
      this.#refuse('', 40058, `not a frame: ${parsed.error.issues[0]?.message}`);
      return;
    }
    const { cmd, headers, body } = parsed.data;
    const reqId = headers.req_id;
    this.#world.frames.push({ cmd, reqId, body, at: performance.now() });
    const refusal = this.#check(cmd, reqId, body);
    if (refusal !== undefined) this.#refuse(reqId, refusal[0], refusal[1]);
    else if (isCommand(cmd)) this.#perform(cmd, reqId, body, this.#world.faults.take(placeOf(cmd)));
  }

  #check(cmd: string, reqId: string, body: unknown): Refusal | undefined {
    if (!isCommand(cmd)) return [40058, `unknown cmd ${cmd}`];
    const known = bodies[cmd].safeParse(body);
    if (!known.success) return [40058, `${cmd}: ${known.error.issues[0]?.message}`];
    if (cmd !== 'aibot_subscribe' && !this.isSubscribed) return [846609, 'aibot websocket not subscribed'];
    return this.#checkId(cmd, reqId);
  }

  #perform(cmd: Command, reqId: string, body: unknown, fault: WeComFault | undefined): void {
    const kind = fault?.kind;
    if (kind === 'hang') return;
    if (kind === 'reset') {
      this.cut();
      return;
    }
    if (fault?.kind === 'status') {
      this.#refuse(reqId, fault.code, fault.text ?? 'injected');
      return;
    }
    const answer = this.#execute(cmd, reqId, body);
    if (isRefusal(answer)) {
      this.#refuse(reqId, answer[0], answer[1]);
      return;
    }
    const done = Object.keys(answer).length === 0 ? {} : { body: answer };
    const text = JSON.stringify({ headers: { req_id: reqId }, errcode: 0, errmsg: 'ok', ...done });
    if (kind === 'accept-then-reset') {
      // A subscription that was lost at once was confirmed before.
      if (cmd === 'aibot_subscribe') this.#socket.send(text);
      setImmediate(() => this.cut());
      return;
    }
    if (kind === 'half-body') {
      this.#socket.send(text.slice(0, text.length / 2), () => this.cut());
      return;
    }
    if (kind === 'garbage') {
      this.#socket.send('<html>\u0000 bad gateway');
      if (placeOf(cmd) === 'send') return;
    }
    this.#answer(reqId, text);
    if (cmd !== 'aibot_subscribe') return;
    this.isSubscribed = true;
    this.#world.subscribed(this);
  }

  #execute(cmd: Command, reqId: string, body: unknown): Answer {
    switch (cmd) {
      case 'aibot_subscribe':
        return this.#subscribe(body as Body<'aibot_subscribe'>);
      case 'aibot_respond_msg':
        return this.#write(cmd, reqId, this.contexts.get(reqId) ?? '', body as Body<typeof cmd>);
      case 'aibot_send_msg': {
        const message = body as Body<typeof cmd>;
        if (!this.#world.chats.has(message.chatid)) return [93006, 'invalid chatid'];
        return this.#write(cmd, reqId, message.chatid, message);
      }
      case 'aibot_upload_media_init':
        return this.#world.uploads.init(body as Body<typeof cmd>);
      case 'aibot_upload_media_chunk':
        return this.#world.uploads.chunk(body as Body<typeof cmd>);
      case 'aibot_upload_media_finish':
        return this.#world.uploads.finish(body as Body<typeof cmd>);
      case 'ping':
      case 'aibot_respond_welcome_msg':
      case 'aibot_respond_update_msg':
        return {};
    }
  }

  #subscribe({ bot_id, secret }: Body<'aibot_subscribe'>): Answer {
    if (bot_id !== this.#world.botId || secret !== this.#world.secret) return [40013, 'invalid secret'];
    return {};
  }

  #write(
    cmd: Command,
    reqId: string,
    chat: string,
    body: Body<'aibot_respond_msg'> | Body<'aibot_send_msg'>,
  ): Answer {
    const { msgtype } = body;
    const about = { cmd, reqId, chat, msgtype };
    switch (msgtype) {
      case 'markdown': {
        const { content } = body.markdown;
        if (content.trim() === '' || !content.isWellFormed()) return [44004, 'empty content'];
        if ([...content].length > maxText) return [45002, 'content size out of limit'];
        this.#world.seen.push({ ...about, text: content });
        return {};
      }
      case 'stream':
      case 'stream_with_template_card': {
        const refusal = this.streams.take(reqId, body);
        if (refusal !== undefined) return refusal;
        this.#world.seen.push({ ...about, text: body.stream.content ?? '' });
        return {};
      }
      case 'template_card':
        this.#world.seen.push(about);
        return {};
      default: {
        const mediaId = string(fields(Reflect.get(body, msgtype))?.['media_id']) ?? '';
        if (this.#world.uploads.media.get(mediaId)?.type !== msgtype) return [40007, 'invalid media_id'];
        this.#world.seen.push({ ...about, mediaId });
        return {};
      }
    }
  }

  /** Replies carry the id of what they answer, one at a time; every other request has an id of its own. */
  #checkId(cmd: Command, reqId: string): Refusal | undefined {
    if (this.#inFlight.has(reqId)) return [40058, 'the request before with this req_id is not yet answered'];
    switch (cmd) {
      case 'aibot_respond_msg':
        return this.contexts.has(reqId) ? undefined : [846605, 'invalid req_id'];
      case 'aibot_respond_welcome_msg':
      case 'aibot_respond_update_msg':
        return this.#events.has(reqId) ? undefined : [846605, 'invalid req_id'];
      default:
        if (this.#used.has(reqId)) return [40058, 'req_id was used before'];
        this.#used.add(reqId);
        return undefined;
    }
  }

  #refuse(reqId: string, errcode: number, errmsg: string): void {
    this.#world.refused.push(`${errcode} ${errmsg}`);
    this.#answer(reqId, JSON.stringify({ headers: { req_id: reqId }, errcode, errmsg }));
  }

  #answer(reqId: string, text: string): void {
    this.#inFlight.add(reqId);
    setImmediate(() => {
      this.#inFlight.delete(reqId);
      if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function placeOf(cmd: Command): Place {
  if (cmd === 'aibot_subscribe') return 'subscribe';
  if (cmd === 'ping') return 'ping';
  return cmd.startsWith('aibot_upload_') ? 'upload' : 'send';
}
