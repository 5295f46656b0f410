import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Milliseconds of each of `times` appends of 4 KiB that reached the disk: the floor under every durable commit,
 * and the first place where a busy neighbour shows.
 */
export function syncTimes(folder: string, times: number): number[] {
  const path = join(folder, `disk-${process.pid}`);
  const file = openSync(path, 'w');
  try {
    const page = Buffer.alloc(4096, 1);
    return Array.from({ length: times }, () => {
      const started = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return performance.now() - started;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
