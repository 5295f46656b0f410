/** What a figure depends on besides the program: kept with the samples and printed above the table. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { notPinned } from './cores.ts';

export interface Machine {
  readonly node: string;
  readonly sqlite: string;
  readonly version: string;
  /** `+` = with changes that are not committed. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly pinning: string;
}

export function readMachine(): Machine {
  const root = join(import.meta.dirname, '../..');
  const git = (...args: string[]) => {
    const { status, stdout } = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const changed = git('status', '--porcelain', '--untracked-files=no');
  return {
    node: process.version,
    sqlite: process.versions['sqlite'] ?? 'unknown',
    version,
    commit: `${git('rev-parse', '--short', 'HEAD') ?? 'unknown'}${changed ? '+' : ''}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    pinning:
      notPinned === undefined
        ? 'subject on core 0, upstream and clients on core 1'
        : `not pinned: ${notPinned}`,
  };
}

/** Processes that wanted to run, averaged over the last minute. */
export function busy(): number {
  return loadavg()[0] ?? Number.NaN;
}
