/** One connection of a platform that speaks over a WebSocket: opening deadline, heartbeat, clean end. */
import type { Clock } from '../../core/clock.ts';
import { Down, NotSent } from '../../core/outcome.ts';
import type { Socket } from '../contract.ts';

export interface SocketSession {
  readonly socket: Socket;
  readonly clock: Clock;
  /** How long the platform may take from open to `ready`. */
  readonly readyMs: number;
  readonly heartbeat: {
    readonly everyMs: number;
    /** How long an answer may take. */
    readonly answerMs: number;
    send(): void;
  };
  /**
   * Handles one message, in order. `ready`: signed in; beats start. `beat`: the answer to a heartbeat. Throws
   * `Down` for what ends the connection; never for a message it does not understand.
   */
  receive(text: string): Promise<'ready' | 'beat' | undefined>;
}

/**
 * Runs the session until `signal` aborts (returns) or the connection ends (throws `Down`: `silent` for a missed
 * answer, `network` otherwise, or what `receive` threw). The socket is closed in every case.
 */
export async function runSession(session: SocketSession, signal: AbortSignal): Promise<void> {
  const watch = new Watch(session);
  try {
    await Promise.race([read(session, watch), watch.failed, aborted(signal, watch)]);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  } finally {
    watch.stop();
    session.socket.close();
  }
  if (!signal.aborted) throw new Down('network', 'the platform closed the connection');
}

async function read({ socket, receive }: SocketSession, watch: Watch): Promise<void> {
  const messages = socket.messages[Symbol.asyncIterator]();
  for (;;) {
    const next = await messages.next().catch((cause: unknown) => {
      throw new Down('network', cause instanceof Error ? cause.message : String(cause), { cause });
    });
    if (next.done === true || watch.stopped) return;
    const meaning = await receive(next.value);
    if (meaning === 'ready') watch.ready();
    else if (meaning === 'beat') watch.answered();
  }
}

function aborted(signal: AbortSignal, watch: Watch): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: watch.over });
  });
}

/** The one timer of a session: first for `ready`, then by turns for the next beat and its answer. */
class Watch {
  readonly failed: Promise<never>;
  readonly #session: SocketSession;
  readonly #over = new AbortController();
  #fail: (error: unknown) => void = () => {};
  #cancel: () => void;

  constructor(session: SocketSession) {
    this.#session = session;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.#cancel = this.#expect(session.readyMs, 'the platform did not confirm the connection');
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  get stopped(): boolean {
    return this.#over.signal.aborted;
  }

  ready(): void {
    this.#again();
  }

  answered(): void {
    this.#again();
  }

  stop(): void {
    this.#cancel();
    this.#over.abort();
  }

  #again(): void {
    this.#cancel();
    if (this.stopped) return;
    this.#cancel = this.#session.clock.after(this.#session.heartbeat.everyMs, () => this.#beat());
  }

  #beat(): void {
    try {
      this.#session.heartbeat.send();
    } catch (error) {
      this.#fail(error instanceof NotSent ? new Down('network', error.message, { cause: error }) : error);
      return;
    }
    this.#cancel = this.#expect(this.#session.heartbeat.answerMs, 'a heartbeat was not answered');
  }

  #expect(ms: number, why: string): () => void {
    return this.#session.clock.after(ms, () => this.#fail(new Down('silent', `${why} within ${ms} ms`)));
  }
}
