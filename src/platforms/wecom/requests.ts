/** Requests of one connection and the answers they wait for, matched by request id. */
import type { Clock } from '../../core/clock.ts';
import { NotSent } from '../../core/outcome.ts';
import { type Frame, printFrame } from './wire.ts';

/** The request left and was not answered: it may have been executed. */
export class Unanswered extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unanswered';
  }
}

export interface Request {
  readonly cmd: string;
  readonly reqId: string;
  readonly body: object;
  /** Said when no answer comes in time. */
  readonly timeoutText: string;
}

const answerMs = 15_000;

/** Waiting requests with the same id, the one in flight included. More can only be a fault of the caller. */
const longestQueue = 500;

interface Waiting {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

export class Requests {
  readonly #send: (text: string) => void;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #inFlight = new Map<string, Waiting>();
  /** Who waits for a request id to be free; answers of one id can only be told apart by their order. */
  readonly #queues = new Map<string, ((refused?: NotSent) => void)[]>();
  #ended: string | undefined;

  constructor(send: (text: string) => void, clock: Pick<Clock, 'after'>) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Rejects with `NotSent` when nothing left, with `Unanswered` when it is not known what became of it. */
  async ask(request: Request, signal: AbortSignal): Promise<Frame> {
    const { reqId } = request;
    await this.#turn(reqId, signal);
    try {
      if (this.#ended !== undefined || signal.aborted) throw new NotSent(this.#ended ?? 'aborted');
      return await this.#exchange(request, signal);
    } catch (error) {
      // A late answer would be taken for that of the next request with this id.
      if (error instanceof Unanswered) this.#clear(reqId);
      throw error;
    } finally {
      this.#inFlight.delete(reqId);
      this.#next(reqId);
    }
  }

  async #exchange({ cmd, reqId, body, timeoutText }: Request, signal: AbortSignal): Promise<Frame> {
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    this.#inFlight.set(reqId, { resolve, reject });
    const cancel = this.#clock.after(answerMs, () => reject(new Unanswered(timeoutText)));
    const stop = () => reject(new Unanswered('no answer in time'));
    signal.addEventListener('abort', stop, { once: true });
    try {
      this.#send(printFrame(cmd, reqId, body));
      return await promise;
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  /** False = nobody waits for this answer. */
  answer(frame: Frame): boolean {
    const waiting = this.#inFlight.get(frame.reqId ?? '');
    waiting?.resolve(frame);
    return waiting !== undefined;
  }

  /** The connection is over: nothing waits for it any longer. */
  end(why: string): void {
    this.#ended = why;
    for (const waiting of this.#inFlight.values()) waiting.reject(new Unanswered(why));
    for (const reqId of this.#queues.keys()) this.#clear(reqId);
  }

  get waiting(): number {
    return this.#inFlight.size;
  }

  #turn(reqId: string, signal: AbortSignal): Promise<void> {
    const queue = this.#queues.get(reqId);
    if (queue === undefined) {
      this.#queues.set(reqId, []);
      return Promise.resolve();
    }
    if (queue.length >= longestQueue) return Promise.reject(new NotSent('too many requests wait'));
    return new Promise((resolve, reject) => {
      const go = (refused?: NotSent) => {
        signal.removeEventListener('abort', leave);
        if (refused === undefined) resolve();
        else reject(refused);
      };
      const leave = () => {
        const at = queue.indexOf(go);
        if (at >= 0) queue.splice(at, 1);
        reject(new NotSent('aborted before it was sent'));
      };
      if (signal.aborted) return leave();
      queue.push(go);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #clear(reqId: string): void {
    const refused = new NotSent('an earlier request with this id was not answered');
    for (const go of this.#queues.get(reqId)?.splice(0) ?? []) go(refused);
  }

  #next(reqId: string): void {
    const go = this.#queues.get(reqId)?.shift();
    if (go === undefined) this.#queues.delete(reqId);
    else go();
  }
}
