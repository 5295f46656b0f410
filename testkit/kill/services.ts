/** Services that push webhooks and repeat each delivery until it is taken, some of them twice, as real ones do. */
import { signers } from '../../src/platforms/webhook/fake.ts';
import { between, type Random } from './random.ts';
import type { Sent } from './users.ts';

export const webhookSecret = 'a-secret-of-the-kill-harness';

export interface Service {
  /** Taken deliveries: each text must appear in its chat. */
  readonly taken: readonly Sent[];
  stop(): Promise<void>;
}

/** `letter` starts the texts; `chat` is where the route delivers to. */
export function service(
  url: string,
  letter: string,
  chat: number,
  random: Random,
  pauseMs: readonly [number, number],
): Service {
  const taken: Sent[] = [];
  let open = true;
  const run = async () => {
    for (let index = 0; open; index += 1) {
      const text = `${letter}1-${index}`;
      const body = JSON.stringify({ word: text });
      const post = () => deliver(url, body);
      while (!(await post().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 40));
      taken.push({ who: String(chat), text });
      if (random() < 0.2) await post().catch(() => false);
      await new Promise((resolve) => setTimeout(resolve, between(random, ...pauseMs)));
    }
  };
  const running = run();
  return {
    taken,
    stop: async () => {
      open = false;
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
