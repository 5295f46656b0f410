import { expect, it } from 'vitest';
import { brand, type Cursor } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import { Down } from '../../core/outcome.ts';
import type { Intake } from '../contract.ts';
import { pollLoop } from './poll.ts';

const event = (key: string) => ({ key }) as unknown as Inbound;
const at = (position: string) => brand<Cursor>(position);

function recording(accept: (events: readonly Inbound[], cursor?: Cursor) => Promise<void> = async () => {}) {
  const log: string[] = [];
  const intake: Intake = {
    cursor: at('7'),
    cursorAt: 0,
    accept: async (events, cursor) => {
      log.push(`accept ${events.length} to ${cursor}`);
      await accept(events, cursor);
      log.push('stored');
      return { fresh: events.length };
    },
    relay: async () => 'failed',
    alive: () => log.push('alive'),
    connected: () => log.push('connected'),
  };
  return { intake, log };
}

it('asks from the stored position and acknowledges only what is stored', async () => {
  const abort = new AbortController();
  const { intake, log } = recording();
  await pollLoop(intake, abort.signal, async (cursor) => {
    log.push(`ask ${cursor}`);
    if (cursor === '9') abort.abort();
    return cursor === '7' ? { events: [event('a'), event('b')], cursor: at('9') } : { events: [], cursor };
  });
  expect(log).toEqual(['ask 7', 'connected', 'alive', 'accept 2 to 9', 'stored', 'ask 9']);
});

it('does not ask again when the events could not be stored', async () => {
  const full = new Error('disk full');
  const { intake } = recording(() => Promise.reject(full));
  let asked = 0;
  const ask = async () => {
    asked++;
    return { events: [event('a')], cursor: at('8') };
  };
  await expect(pollLoop(intake, new AbortController().signal, ask)).rejects.toBe(full);
  expect(asked).toBe(1);
});

it('stores a position that moved without events for us', async () => {
  const abort = new AbortController();
  const { intake, log } = recording();
  await pollLoop(intake, abort.signal, async (cursor) => {
    if (cursor === '8') abort.abort();
    return { events: [], cursor: at('8') };
  });
  expect(log).toContain('accept 0 to 8');
});

it('tells a broken wire from what the platform says', async () => {
  const { intake, log } = recording();
  const never = new AbortController().signal;
  const wire = new Error('other side closed');
  const down = await pollLoop(intake, never, () => Promise.reject(wire)).catch((error: unknown) => error);
  expect(down).toMatchObject({ name: 'Down', code: 'network', cause: wire });
  const auth = new Down('auth', 'token refused');
  await expect(pollLoop(intake, never, () => Promise.reject(auth))).rejects.toBe(auth);
  expect(log).toEqual([]);
});

it('ends quietly at an abort, whatever the question does then', async () => {
  const abort = new AbortController();
  const { intake, log } = recording();
  const ask = (_cursor: unknown, signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const running = pollLoop(intake, abort.signal, ask);
  abort.abort(new Error('shutdown'));
  await expect(running).resolves.toBeUndefined();
  expect(log).toEqual([]);
});
