/** Connection: how it ends, how fast it lets go, and that nothing stays behind. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Down, type DownCode, NotSent } from '../../src/core/outcome.ts';
import { WireError } from '../../src/net/wire.ts';
import { type Connection, onBench, openBench, say, show, until, within } from './bench.ts';
import type { Item } from './items.ts';

export const connectionItems: Readonly<Record<string, Item>> = {
  'connection.states': {
    says: 'the adapter says once per connection that it works',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        await say(bench, of, 1, 'hello');
        await connection.events(1);
        assert.ok(connection.isConnected, 'accepted events without saying that it is connected');
        assert.ok(connection.signs > 0, 'gave no sign of life');
      }),
  },
  'connection.breaks': {
    says: 'a connection that is reset or not answered properly ends as down, without a retry of its own',
    check: (of) =>
      onBench(of, async (bench) => {
        bench.fake.fault({ on: 'intake', kind: 'reset', times: 1 });
        assertDown(await endOf(bench.connect()), ['network']);
        for (const code of [500, 502, 503]) {
          bench.fake.fault({ on: 'intake', kind: 'status', code, times: 1 });
          // One bad answer: an adapter that asked again by itself would be connected now.
          assertDown(await endOf(bench.connect()), ['network']);
        }
      }),
  },
  'connection.refused': {
    says: 'a server that is not there ends as down',
    check: async (of) => {
      const bench = await openBench(of);
      await bench.fake.close();
      assertDown(await endOf(bench.connect()), ['network']);
      await bench.close();
    },
  },
  'connection.asked-to-wait': {
    says: 'a server that says when to come back is quoted',
    notFor: ({ namesWait }) => (namesWait === false ? 'the platform never says when' : undefined),
    check: (of) =>
      onBench(of, async (bench) => {
        bench.fake.fault({ on: 'intake', kind: 'status', code: 429, retryMs: 7_000, times: 1 });
        const down = await endOf(bench.connect());
        assertDown(down, ['network']);
        assert.equal(down instanceof Down ? down.afterMs : undefined, 7_000);
      }),
  },
  'connection.silent': {
    says: 'a half-open connection gives no sign of life, and is not called connected',
    check: (of) =>
      onBench(of, async (bench) => {
        bench.fake.fault({ on: 'intake', kind: 'hang', times: 1 });
        const calls = bench.fake.calls;
        const connection = bench.connect();
        await until('the adapter has asked', () => bench.fake.calls > calls);
        await sleep(50);
        assert.equal(connection.signs, 0);
        assert.ok(!connection.isConnected, 'connected, although nothing was answered');
        await connection.stop();
      }),
  },
  'connection.credential': {
    says: 'a refused credential is said as such, after one call',
    check: (of) =>
      onBench(
        of,
        async (bench) => {
          assertDown(await endOf(bench.connect()), ['auth']);
          assert.equal(bench.fake.calls, 1, 'calls with a refused credential');
        },
        of.wrongCredential,
      ),
  },
  'connection.conflict': {
    says: 'a second holder of the credential is said as such',
    notFor: ({ platform }) => (platform.manifest.exclusive ? undefined : 'not exclusive'),
    check: (of) =>
      onBench(of, async (bench) => {
        const first = bench.connect();
        await until('the first is connected', () => bench.fake.calls > 0);
        await sleep(20);
        const second = bench.connect();
        const loser = await within(Promise.race([first.ended, second.ended]), 2_000, 'one of two ends');
        assertDown(loser, ['conflict']);
      }),
  },
  'connection.abort': {
    says: 'an abort ends run in time, whatever it is waiting for',
    check: (of) =>
      onBench(of, async (bench) => {
        for (const wait of [0, 0, 1, 2, 5, 10, 20, 50]) {
          const connection = bench.connect();
          await sleep(wait);
          await connection.stop();
          assert.equal(await connection.ended, undefined, 'run has to resolve after an abort');
        }
        bench.fake.fault({ on: 'intake', kind: 'hang', times: 1 });
        const hung = bench.connect();
        await sleep(30);
        await hung.stop();
        const aborted = bench.connect();
        aborted.abort.abort(new Error('before the first await'));
        await within(aborted.ended, 350, 'run ends after an abort before it began');
      }),
  },
  'connection.leaks': {
    says: 'a thousand lost connections leave no timer, socket or listener behind',
    check: async (of) => {
      const bench = await openBench(of);
      const lose = async (times: number) => {
        for (let n = 0; n < times; n++) {
          bench.fake.fault({ on: 'intake', kind: 'reset', times: 1 });
          const connection = bench.connect();
          assertDown(await endOf(connection), ['network']);
          assert.equal(getEventListeners(connection.abort.signal, 'abort').length, 0, 'abort listeners');
        }
      };
      await lose(20);
      const before = resources();
      await lose(1_000);
      await until('timers and sockets are back to where they were', () => resources() <= before + 2);
      await bench.close();
    },
  },
};

function endOf(connection: Connection): Promise<unknown> {
  return within(connection.ended, 3_000, 'run ends');
}

/** As the supervisor reads it: whatever came from the wire is `network`, anything else a bug. */
function assertDown(error: unknown, codes: readonly DownCode[]): void {
  const code = codeOf(error);
  assert.ok(
    code !== undefined && codes.includes(code),
    `expected Down(${codes.join(' | ')}), got ${show(error)}`,
  );
}

function codeOf(error: unknown): DownCode | undefined {
  if (error instanceof Down) return error.code;
  return error instanceof NotSent || error instanceof WireError ? 'network' : undefined;
}

function resources(): number {
  return process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|TLS/.test(kind)).length;
}
