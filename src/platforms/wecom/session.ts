/** One connection: sign in, beat, hand over what is pushed, and ask. Ends with the socket, never reconnects. */
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { Down } from '../../core/outcome.ts';
import type { Intake, Socket } from '../contract.ts';
import { runSession } from '../kit/session.ts';
import type { WeComConfig } from './config.ts';
import { ReplyContexts } from './contexts.ts';
import { eventType, type Translation, toInbound } from './inbound.ts';
import { notSubscribed, refusalText } from './outcome.ts';
import { type Request, Requests } from './requests.ts';
import { eventPush, type Frame, messagePushes, parseFrame, printFrame } from './wire.ts';

const readyMs = 20_000;
const beatMs = 30_000;
const beatAnswerMs = 30_000;

/**
 * The server has given the bot to somebody else. Coming back by itself would take it away again, and so on for ever:
 * a person has to decide who has it.
 */
export const stayAwayMs = Number.POSITIVE_INFINITY;

const badCredential: ReadonlySet<number> = new Set([40013, 853000]);

export interface SessionDeps {
  readonly config: Pick<WeComConfig, 'bot_id' | 'secret'>;
  readonly translation: Translation;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 hex digits, the same for every connection of this process: a new socket then replaces the old one. */
  readonly deviceId: string;
  /** The server has confirmed the subscription. */
  ready(): void;
}

export class Session {
  readonly contexts = new ReplyContexts();
  readonly #deps: SessionDeps;
  readonly #socket: Socket;
  readonly #requests: Requests;
  readonly #subscription: string;
  #beat = '';
  #state: 'signing in' | 'ready' | 'refused' = 'signing in';

  constructor(deps: SessionDeps, socket: Socket) {
    this.#deps = deps;
    this.#socket = socket;
    this.#requests = new Requests((text) => socket.send(text), deps.clock);
    this.#subscription = `subscribe-${deps.clock.hex(16)}`;
  }

  /** Returns after an abort; otherwise throws `Down`, or what `accept` threw. */
  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    const { clock, config, deviceId } = this.#deps;
    const subscribe = { bot_id: config.bot_id, secret: config.secret, device_id: deviceId };
    try {
      this.#socket.send(printFrame('aibot_subscribe', this.#subscription, subscribe));
      await runSession(
        {
          socket: this.#socket,
          clock,
          readyMs,
          heartbeat: {
            everyMs: beatMs,
            answerMs: beatAnswerMs,
            send: () => {
              this.#beat = `ping-${clock.hex(16)}`;
              this.#socket.send(printFrame('ping', this.#beat));
            },
          },
          receive: (text) => this.#receive(text, intake),
        },
        signal,
      );
    } catch (cause) {
      if (this.#state !== 'signing in' || !(cause instanceof Down)) throw cause;
      const why =
        cause.code === 'silent'
          ? 'Timed out waiting for WeCom subscribe acknowledgement'
          : 'WeCom websocket closed during authentication';
      throw new Down(cause.code, why, { cause });
    } finally {
      this.#requests.end('WeCom connection interrupted');
    }
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** See `Requests.ask`. */
  ask(request: Request, signal: AbortSignal): Promise<Frame> {
    return this.#requests.ask(request, signal);
  }

  async #receive(text: string, intake: Intake): Promise<'ready' | 'beat' | undefined> {
    const frame = parseFrame(text);
    if (frame === undefined) {
      this.#deps.log('debug', 'wecom.unreadable', { length: text.length });
      return undefined;
    }
    if (this.#state === 'ready') intake.alive();
    if (frame.cmd !== undefined) {
      await this.#pushed(frame, text, intake);
      return undefined;
    }
    return this.#answered(frame, intake);
  }

  async #pushed(frame: Frame, raw: string, intake: Intake): Promise<void> {
    const { log, translation } = this.#deps;
    if (frame.cmd === eventPush) return this.#happened(eventType(frame.body));
    if (!messagePushes.has(frame.cmd ?? '')) {
      log('debug', 'wecom.skipped', { why: 'unknown command', cmd: frame.cmd });
      return;
    }
    const translated = toInbound(frame, raw, translation);
    if ('skipped' in translated) {
      log(translated.warn ? 'warn' : 'debug', 'wecom.skipped', { why: translated.skipped });
      return;
    }
    const { event } = translated;
    // Before it is stored: the answer may be on its way a moment after.
    if (frame.reqId !== undefined && event.addressed !== false)
      this.contexts.remember(event.at.chat, event.message, frame.reqId);
    await intake.accept([event]);
  }

  #happened(type: string): void {
    if (type !== 'disconnected_event') {
      this.#deps.log('debug', 'wecom.event', { type });
      return;
    }
    throw new Down('conflict', 'Kicked by server: a new connection was established elsewhere', {
      afterMs: stayAwayMs,
    });
  }

  #answered(frame: Frame, intake: Intake): 'ready' | 'beat' | undefined {
    if (frame.reqId === this.#subscription) return this.#signedIn(frame, intake);
    const isBeat = frame.reqId === this.#beat;
    if (!isBeat && !this.#requests.answer(frame))
      this.#deps.log('debug', 'wecom.skipped', { why: 'an answer nobody waits for' });
    if (frame.errcode === notSubscribed || (isBeat && frame.errcode !== 0))
      throw new Down('network', refusalText(frame));
    return isBeat ? 'beat' : undefined;
  }

  #signedIn(frame: Frame, intake: Intake): 'ready' {
    if (frame.errcode !== 0) {
      this.#state = 'refused';
      throw new Down(badCredential.has(frame.errcode ?? 0) ? 'auth' : 'network', refusalText(frame));
    }
    this.#state = 'ready';
    this.#deps.ready();
    intake.connected(`subscribed as ${this.#deps.config.bot_id}`);
    return 'ready';
  }
}
