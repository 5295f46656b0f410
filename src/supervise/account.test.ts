import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type VirtualClock, virtualClock } from '../../testkit/clock.ts';
import { type AccountId, brand, type Cursor } from '../core/ids.ts';
import { silentLog } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import { Down } from '../core/outcome.ts';
import type { Adapter, Intake } from '../platforms/contract.ts';
import { putCursor } from '../store/queries/account.ts';
import type { Store } from '../store/store.ts';
import { testStore } from '../store/testing.ts';
import { AccountRunner, type AccountStatus } from './account.ts';

type Connect = (intake: Intake, signal: AbortSignal, attempt: number) => Promise<void>;

let store: Store;
let clock: VirtualClock;
const runners: AccountRunner[] = [];

beforeEach(() => {
  store = testStore();
  clock = virtualClock();
});
afterEach(async () => {
  for (const runner of runners.splice(0)) {
    const stopped = runner.stop();
    await clock.advance(10_000);
    await stopped;
  }
});

/** Hangs until told to stop, as a good connection does. */
const stay = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function account(connect: Connect) {
  const attempts: number[] = [];
  const history: AccountStatus[] = [];
  const runner = new AccountRunner({
    id: brand<AccountId>('fake:1'),
    manifest: { name: 'fake', silenceMs: 60_000 } as Manifest,
    adapter: {
      run: (intake, signal) => {
        attempts.push(clock.monotonic());
        return connect(intake, signal, attempts.length);
      },
      deliver: async () => ({ kind: 'unknown', why: '' }),
    } satisfies Adapter,
    store,
    clock,
    log: silentLog,
    accept: async () => ({ fresh: 0 }),
    relay: async () => 'sent',
    changed: (status) => history.push(status),
  });
  runners.push(runner);
  runner.start();
  return { runner, attempts, history };
}

describe('a supervised account', () => {
  it('is connected when its adapter says so, with the stored cursor', async () => {
    await store.write((tx) => tx.run(putCursor, { id: 'fake:1', cursor: '42', cursor_at: 5 }));
    let seen: { cursor: Cursor | undefined; at: number | undefined } | undefined;
    const { runner } = account(async (intake, signal) => {
      seen = { cursor: intake.cursor, at: intake.cursorAt };
      intake.connected();
      await stay(signal);
    });
    await clock.advance(10);
    expect(seen).toEqual({ cursor: '42', at: 5 });
    expect(runner.status.state).toBe('connected');
  });

  it('never gives up on a broken network, with growing and capped pauses', async () => {
    const { runner, attempts } = account(async () => {
      throw new Down('network', 'refused');
    });
    await clock.advance(60 * 60 * 1000);
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
    expect(gaps.length).toBeGreaterThan(55);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60_001);
    expect(gaps[0]!).toBeLessThanOrEqual(500);
    expect(runner.status).toMatchObject({ state: 'retrying', code: 'network' });
  });

  it('starts with short pauses again after a good connection', async () => {
    const { attempts } = account(async (intake, _, attempt) => {
      if (attempt === 8) intake.connected();
      throw new Down('network', 'gone');
    });
    await clock.advance(5 * 60 * 1000);
    expect(attempts[8]! - attempts[7]!).toBeLessThanOrEqual(501);
  });

  it('is restarted when it is silent for too long', async () => {
    const { runner, attempts } = account(async (intake, signal, attempt) => {
      intake.connected();
      if (attempt === 1) intake.alive();
      await stay(signal);
    });
    await clock.advance(59_000);
    expect(attempts).toHaveLength(1);
    await clock.advance(5_000);
    expect(attempts).toHaveLength(2);
    expect(runner.status.state).toBe('connected');
  });

  it('stays up as long as it shows signs of life', async () => {
    const { attempts } = account(async (intake, signal) => {
      intake.connected();
      while (!signal.aborted) {
        await clock.sleep(30_000, signal);
        intake.alive();
      }
    });
    await clock.advance(20 * 60_000);
    expect(attempts).toHaveLength(1);
  });

  it.each(['auth', 'config'] as const)('is tried once when only a person can help (%s)', async (code) => {
    const { runner, attempts, history } = account(async () => {
      throw new Down(code, 'token refused');
    });
    await clock.advance(24 * 60 * 60 * 1000);
    expect(attempts).toHaveLength(1);
    expect(runner.status).toMatchObject({ state: 'fatal', code, message: 'token refused' });
    expect(history.filter((status) => status.state === 'fatal')).toHaveLength(1);
  });

  it('is never retried fast when another process uses the credential', async () => {
    const { attempts } = account(async () => {
      throw new Down('conflict', 'terminated by other getUpdates request');
    });
    await clock.advance(10 * 60_000);
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
    expect(gaps.length).toBeGreaterThan(5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10_000);
  });

  it('stays away when it is told that only a person can help', async () => {
    const { runner, attempts } = account(async () => {
      throw new Down('conflict', 'the bot was given to another connection', {
        afterMs: Number.POSITIVE_INFINITY,
      });
    });
    await clock.advance(24 * 60 * 60 * 1000);
    expect(attempts).toHaveLength(1);
    expect(runner.status).toMatchObject({ state: 'fatal', code: 'conflict' });
  });

  it('survives an adapter that ignores its signal', async () => {
    const { runner, attempts } = account(async (intake) => {
      intake.connected();
      await new Promise(() => {});
    });
    await clock.advance(70_000);
    expect(attempts.length).toBeGreaterThanOrEqual(2);
    const stopped = runner.stop();
    await clock.advance(10_000);
    await stopped;
    expect(runner.status.state).toBe('disconnected');
  });
});
