/** Services that push webhooks and repeat each delivery until it is taken, some of them twice, as real ones do. */
import { signers } from '../../src/platforms/webhook/fake.ts';
import { pause } from './clients.ts';
import { between, type Random } from './random.ts';
import type { Sent } from './users.ts';

const webhookSecret = 'a-secret-of-the-kill-harness';

export interface Service {
  /** Taken deliveries: each text must appear in its chat. */
  readonly taken: readonly Sent[];
  stop(): Promise<void>;
}

/** One route that sends its text on, one that gives the agent work; both answer in the chat the delivery names. */
export function webhookRoutes(port: number): string {
  const to = { deliver: 'telegram', deliver_extra: { chat_id: '{chat}' } };
  const routes = {
    relay: { prompt: 'Alert {word}', deliver_only: true, ...to },
    task: { prompt: 'Task {word}', ...to },
  };
  const extra = { host: '127.0.0.1', port, secret: webhookSecret, rate_limit: 100_000, routes };
  return `webhook: ${JSON.stringify({ enabled: true, extra })}`;
}

/** `letter` starts the texts; `chats` take them in turn. */
export function service(
  url: string,
  letter: string,
  chats: readonly number[],
  random: Random,
  pauseMs: readonly [number, number],
): Service {
  const taken: Sent[] = [];
  const stopped = new AbortController();
  const run = async () => {
    for (let index = 0; !stopped.signal.aborted; index += 1) {
      const text = `${letter}1-${index}`;
      const chat = String(chats[index % chats.length]);
      const body = JSON.stringify({ word: text, chat });
      const post = () => deliver(url, body);
      while (!(await post().catch(() => false))) await pause(40);
      taken.push({ who: chat, text });
      if (random() < 0.2) await post().catch(() => false);
      await pause(between(random, ...pauseMs), stopped.signal);
    }
  };
  const running = run();
  return {
    taken,
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

async function deliver(url: string, body: string): Promise<boolean> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signers.github(body, webhookSecret) },
    body,
    signal: AbortSignal.timeout(12_000),
  });
  await response.arrayBuffer();
  return response.ok;
}
