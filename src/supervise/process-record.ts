/**
 * Who holds a lock file: `{"pid","kind","argv","start_time"}` (gateway-core §1.2). `start_time` is field 22 of
 * /proc/<pid>/stat, which tells a live process from a reused pid; null where there is no /proc.
 */
import { readFileSync } from 'node:fs';

export interface ProcessRecord {
  readonly pid: number;
  readonly kind: 'hermes-gateway';
  readonly argv: readonly string[];
  readonly start_time: number | null;
}

export function ownRecord(): ProcessRecord {
  return {
    pid: process.pid,
    kind: 'hermes-gateway',
    argv: process.argv.slice(1),
    start_time: startTime(process.pid),
  };
}

/** Reads a record; a bare integer is the older form. Undefined when there is none or it cannot be read. */
export function readRecord(file: string): ProcessRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof parsed === 'number')
      return { pid: parsed, kind: 'hermes-gateway', argv: [], start_time: null };
    if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed)) return undefined;
    const { pid } = parsed;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    const started =
      'start_time' in parsed && typeof parsed.start_time === 'number' ? parsed.start_time : null;
    return { pid, kind: 'hermes-gateway', argv: [], start_time: started };
  } catch {
    return undefined;
  }
}

/** The recorded process still lives: the pid exists, is not stopped for good, and started when the record says. */
export function isAlive(record: ProcessRecord): boolean {
  try {
    process.kill(record.pid, 0);
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EPERM';
    if (!denied) return false;
  }
  const started = startTime(record.pid);
  return record.start_time === null || started === null || started === record.start_time;
}

function startTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold spaces and brackets; fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const value = Number(fields[19]);
    return Number.isSafeInteger(value) ? value : null;
  } catch {
    return null;
  }
}
