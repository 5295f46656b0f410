import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { violations } from './identity.ts';
import { type BusyMode, simulate } from './simulate.ts';

/** Seeds that once found something stay here. */
const seeds = [1, 2, 3, 4];
const steps = 400;

async function run(seed: number, busyMode: BusyMode) {
  const folder = mkdtempSync(join(tmpdir(), 'simulation-'));
  const store = openSqlite({ file: join(folder, 'gateway.db'), clock: systemClock, log: silentLog });
  try {
    const simulated = await simulate(store, { seed, steps, busyMode });
    return { happened: simulated.happened, wrong: await violations(store, simulated) };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.each(['queue', 'interrupt', 'steer'] as const)('a simulated gateway in %s mode', (busyMode) => {
  it.each(seeds)(
    'keeps its accounts through kills, failing writes and repeated events (seed %i)',
    async (seed) => {
      const { happened, wrong } = await run(seed, busyMode);
      expect(wrong, `seed ${seed}, ${busyMode}`).toEqual([]);
      // A run in which nothing went wrong proves nothing.
      for (const what of ['killed-before', 'killed-after', 'refused', 'again', 'stop'])
        expect(happened[what] ?? 0, what).toBeGreaterThan(0);
    },
  );
});
