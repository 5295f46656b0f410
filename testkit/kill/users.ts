/** People in chats and programs at the API, outside the process that is killed. Each remembers what it sent and got. */
import type { FakeTelegram } from '../../src/platforms/telegram/fake.ts';
import type { Home } from '../gateway-process.ts';
import { pause } from './clients.ts';
import { between, type Random } from './random.ts';

/** Every message is unique and says where it comes from; the fake model echoes it. */
export interface Sent {
  /** The chat in which the answer must appear, or the program that asked. */
  readonly who: string;
  readonly text: string;
}

export interface Chatter {
  readonly sent: readonly Sent[];
  /** Stops sending; resolves when the last message is with the fake. */
  stop(): Promise<void>;
}

/** Sends texts into private chats of the fake, some of them twice or out of order, as the network would. */
export function chatters(
  fake: FakeTelegram,
  users: readonly number[],
  random: Random,
  options: { readonly pauseMs: readonly [number, number]; readonly disturb: boolean },
): Chatter {
  const sent: Sent[] = [];
  const stopped = new AbortController();
  const one = async (user: number) => {
    for (let index = 0; !stopped.signal.aborted; index += 1) {
      const text = `u${user}-${index}`;
      await fake.inject.text(text, { from: { id: user, first_name: `User ${user}` } });
      sent.push({ who: String(user), text });
      if (options.disturb && random() < 0.02) await fake.redeliver();
      await pause(between(random, ...options.pauseMs), stopped.signal);
    }
  };
  const running = Promise.all(users.map(one));
  return {
    sent,
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

export interface Program {
  /** Requests that got a 200 with an answer, by idempotency key. */
  readonly answered: ReadonlyMap<string, string>;
  readonly asked: readonly Sent[];
  stop(): Promise<void>;
}

/** Clients that repeat a request with the same Idempotency-Key until it is answered, as the SDKs do. */
export function programs(home: Home, count: number, random: Random): Program {
  const answered = new Map<string, string>();
  const asked: Sent[] = [];
  let open = true;
  const one = async (client: number) => {
    for (let index = 0; open; index += 1) {
      const text = `p${client}-${index}`;
      asked.push({ who: `p${client}`, text });
      for (;;) {
        const answer = await ask(home, text).catch(() => undefined);
        if (answer !== undefined) {
          answered.set(text, answer);
          break;
        }
        await pause(40);
      }
      await pause(between(random, 20, 100));
    }
  };
  const running = Promise.all(Array.from({ length: count }, (_, client) => one(client)));
  return {
    answered,
    asked,
    stop: async () => {
      open = false;
      await running;
    },
  };
}

async function ask(home: Home, text: string): Promise<string | undefined> {
  const response = await fetch(`${home.apiUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${home.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': text,
    },
    body: JSON.stringify({ model: 'hermes-agent', messages: [{ role: 'user', content: text }] }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = (await response.json()) as { choices?: { message?: { content?: string } }[] };
  return response.status === 200 ? body.choices?.[0]?.message?.content : undefined;
}
