/** Ending a program with everything it started. */

import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../../core/clock.ts';

/** Variable that marks every descendant of one run, also those that left the process group. */
export const runMark = '_HERMES_RUN';

/** Below one second, so that the caller has its answer and no process is left when a second is over. */
const graceMs = 800;

/**
 * SIGTERM to the process group of `pid` and to every process marked with `run`; SIGKILL for what is left after
 * the grace time. Resolves when nothing that can be found is alive.
 */
export async function killTree(pid: number, run: string, clock: Clock): Promise<void> {
  const end = clock.monotonic() + graceMs;
  signalGroup(pid, 'SIGTERM');
  for (const stray of await marked(run)) signal(stray, 'SIGTERM');
  while (clock.monotonic() < end) {
    if (!isGroupAlive(pid) && (await marked(run)).length === 0) return;
    await clock.sleep(40);
  }
  signalGroup(pid, 'SIGKILL');
  // A process that forks while it is being killed is found in the next round.
  for (let round = 0; round < 5; round += 1) {
    const strays = await marked(run);
    if (strays.length === 0) return;
    for (const stray of strays) signal(stray, 'SIGKILL');
    await clock.sleep(5);
  }
}

/** At once and without waiting, for the end of the gateway. */
export function killGroupNow(pid: number): void {
  signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  signal(-pid, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Already gone.
  }
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Living processes whose environment carries the mark (Linux; elsewhere the process group has to do). */
async function marked(run: string): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [];
  const entries = await readdir('/proc').catch(() => []);
  const needle = `${runMark}=${run}`;
  const found = await Promise.all(
    entries
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (entry) => {
        // A zombie has an empty environment, so only what still runs is found.
        const environment = await readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '');
        return environment.split('\0').includes(needle) ? Number(entry) : undefined;
      }),
  );
  return found.filter((pid) => pid !== undefined && pid !== process.pid) as readonly number[];
}
