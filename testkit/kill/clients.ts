/** Programs at the API, outside the process that is killed: each repeats what it asks until it is answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Home } from '../gateway-process.ts';
import { between, type Random } from './random.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** What one program did, as it remembers it. */
export interface Clients<T> {
  readonly asked: readonly string[];
  readonly seen: readonly T[];
  /** Sentences about answers that no program can live with. */
  readonly wrong: readonly string[];
  /** Begins nothing new; resolves when everything begun has ended or was given up. */
  stop(): Promise<void>;
}

/** How one program talks to the API. Every method throws when the program gives up. */
export interface Api {
  /** Asks until the gateway is there and answers 2xx. Busy and stopping gateways are asked again, all else throws. */
  ask(path: string, body?: Json, key?: string): Promise<Json>;
  /** One attempt at a stream: whole frames in order, `false` = it broke off or did not begin. */
  frames(
    path: string,
    init: { readonly body?: Json; readonly key?: string; readonly lastEventId?: number },
    onFrame: (frame: string) => void,
  ): Promise<boolean>;
}

interface Options {
  readonly count: number;
  /** Texts are `<letter><program>-<number>`. */
  readonly letter: string;
  readonly pauseMs: readonly [number, number];
  /** After `stop`: what has not ended in this time is given up. */
  readonly patienceMs?: number;
}

const againMs = 40;
const longestMs = 15_000;
/** A program waits for these and comes again; 429 is the cap on concurrent turns. */
const later: ReadonlySet<number> = new Set([429, 503]);

export function clients<T>(
  home: Home,
  random: Random,
  { count, letter, pauseMs, patienceMs = 60_000 }: Options,
  one: (api: Api, text: string) => Promise<T>,
): Clients<T> {
  const asked: string[] = [];
  const seen: T[] = [];
  const wrong: string[] = [];
  const gaveUp = new AbortController();
  const api = apiOf(home, gaveUp.signal);
  let open = true;
  const program = async (number: number) => {
    for (let index = 0; open; index += 1) {
      const text = `${letter}${number}-${index}`;
      asked.push(text);
      await one(api, text).then(
        (each) => seen.push(each),
        (error: unknown) => wrong.push(`${text}: ${error instanceof Error ? error.message : String(error)}`),
      );
      await pause(between(random, ...pauseMs));
    }
  };
  const running = Promise.all(Array.from({ length: count }, (_, number) => program(number)));
  return {
    asked,
    seen,
    wrong,
    stop: async () => {
      open = false;
      const timer = setTimeout(() => gaveUp.abort(new Error('has no end')), patienceMs);
      await running;
      clearTimeout(timer);
    },
  };
}

/** Resolves early when `signal` aborts. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {});

function apiOf({ apiUrl, apiKey }: Home, gaveUp: AbortSignal): Api {
  const call = (path: string, body: Json | undefined, more: Readonly<Record<string, string>>) =>
    fetch(`${apiUrl}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([gaveUp, AbortSignal.timeout(longestMs)]),
    });
  const keyed = (key: string | undefined): Record<string, string> =>
    key === undefined ? {} : { 'idempotency-key': key };

  return {
    async ask(path, body, key) {
      for (;;) {
        gaveUp.throwIfAborted();
        const answer = await call(path, body, keyed(key))
          .then(read)
          .catch(() => undefined);
        if (answer !== undefined && answer.status < 300) return answer.body;
        if (answer !== undefined && !later.has(answer.status)) throw refused(path, answer);
        await pause(againMs);
      }
    },

    async frames(path, { body, key, lastEventId }, onFrame) {
      gaveUp.throwIfAborted();
      const more = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) };
      const response = await call(path, body, { ...keyed(key), ...more }).catch(() => undefined);
      if (response === undefined) return brokenOff();
      if (!response.ok) {
        const answer = await read(response).catch(() => undefined);
        if (answer !== undefined && !later.has(answer.status)) throw refused(path, answer);
        return brokenOff();
      }
      let text = '';
      try {
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
          const whole = (text + chunk).split('\n\n');
          text = whole.pop() ?? '';
          whole.forEach(onFrame);
        }
      } catch {
        return brokenOff();
      }
      // A frame that was cut in half is no frame.
      return text === '';
    },
  };
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

function refused(path: string, { status, body }: Answer): Error {
  return new Error(`${path} answered ${status}: ${JSON.stringify(body).slice(0, 300)}`);
}

async function brokenOff(): Promise<false> {
  await pause(againMs);
  return false;
}
