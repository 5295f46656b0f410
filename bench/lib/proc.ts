/** What Linux says about a running process; everything throws when there is no /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory in MiB. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kib) / 1024;
}

/**
 * Milliseconds of CPU used so far by all threads. The counters of `stat` step by 10 ms, which is a third of the
 * idle goal, so the scheduler's nanoseconds are taken where the kernel keeps them.
 */
export function cpuMs(pid: number): number {
  const precise = readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0);
  return precise > 0 ? precise / 1e6 : cpuMsOfStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** User and system time of a line of `/proc/<pid>/stat`; the command's name may hold spaces and brackets. */
export function cpuMsOfStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
