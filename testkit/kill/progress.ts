/** Waiting for the end: what the gateway still has to do, by its own count and by what people still miss. */
import type { Home } from '../gateway-process.ts';
import { pause } from './clients.ts';
import type { Sent } from './users.ts';

/** Longest time without any progress before the waiting is given up. */
const quietMs = 60_000;
const lookEveryMs = 250;

/** One network from the outside. */
export interface Network {
  readonly name: string;
  /** Every text in it waits for an answer. */
  readonly sent: readonly Sent[];
  /** Texts of all answers. */
  shown(): Iterable<string>;
  /** Events that the gateway has not fetched. */
  readonly pending: number;
}

/** Waits for everybody who still asks; `open` tells for whom. */
export async function ending(
  everybody: Promise<unknown>,
  open: () => string,
  say: ((line: string) => void) | undefined,
): Promise<void> {
  let isOver = false;
  const over = everybody.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    say?.(`waiting for ${open()}`);
    await Promise.race([over, pause(lookEveryMs)]);
  }
}

/**
 * Waits until nothing is unanswered or undelivered, twice in a row; networks' limits make a backlog slow, not endless.
 * What is still open when nothing has moved for a minute is for the accounting to name.
 */
export async function quiet(
  home: Home,
  networks: readonly Network[],
  say: ((line: string) => void) | undefined,
): Promise<void> {
  const started = performance.now();
  let end = started + quietMs;
  let least = Number.POSITIVE_INFINITY;
  for (let calm = 0; calm < 2 && performance.now() < end; await pause(lookEveryMs)) {
    const { unanswered, undelivered } = await queues(home);
    const left = networks.reduce((sum, { pending }) => sum + pending, unanswered + undelivered);
    calm = left === 0 ? calm + 1 : 0;
    if (left < least) end = performance.now() + quietMs;
    least = Math.min(least, left);
    if (left === 0 || say === undefined) continue;
    const seconds = Math.round((performance.now() - started) / 1000);
    const open = networks.map((each) => `${each.name} ${missing(each)} without an answer`).join(', ');
    say(`waiting ${seconds} s: ${open}; ${unanswered} unanswered, ${undelivered} undelivered`);
  }
}

async function queues({ apiUrl, apiKey }: Home): Promise<{ unanswered: number; undelivered: number }> {
  const response = await fetch(`${apiUrl}/health/detailed`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const body = (await response.json()) as {
    readonly readiness: {
      readonly checks: {
        readonly background_queues: { readonly unanswered: number; readonly undelivered: number };
      };
    };
  };
  return body.readiness.checks.background_queues;
}

function missing({ sent, shown }: Network): number {
  const words = new Set<string>();
  for (const text of shown()) for (const word of text.split(/\s+/)) words.add(word);
  return sent.filter(({ text }) => !words.has(text)).length;
}
