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
  for (const each of await members(pid, run)) signal(each, 'SIGTERM');
  while (clock.monotonic() < end) {
    if ((await members(pid, run)).length === 0) return;
    await clock.sleep(40);
  }
  // A process that forks while it is being killed is found in the next round.
  for (let round = 0; round < 5; round += 1) {
    signalGroup(pid, 'SIGKILL');
    const left = await members(pid, run);
    if (left.length === 0) return;
    for (const each of left) signal(each, 'SIGKILL');
    await clock.sleep(5);
  }
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

/**
 * Living processes of the group or with the mark. Processes that ended but were not collected yet (zombies) do
 * not count. Where there is no /proc, the group leader stands for all.
 */
async function members(group: number, run: string): Promise<readonly number[]> {
  if (process.platform !== 'linux') return isGroupAlive(group) ? [-group] : [];
  const entries = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const needle = `${runMark}=${run}`;
  const found = await Promise.all(
    entries.map(async (entry) => {
      const status = await readFile(`/proc/${entry}/stat`, 'latin1').catch(() => '');
      // `pid (name) state parent group …`; the name may contain anything.
      const [state, , inGroup] = status.slice(status.lastIndexOf(')') + 2).split(' ');
      if (state === undefined || state === '' || state === 'Z' || state === 'X') return undefined;
      if (Number(inGroup) === group) return Number(entry);
      const environment = await readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(needle) ? Number(entry) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined && pid !== process.pid) as readonly number[];
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
