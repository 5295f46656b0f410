/** Which core a process runs on. Subjects have one to themselves; upstream and load share the other. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export type Core = 'subject' | 'around';

const core = { subject: '0', around: '1' } as const satisfies Record<Core, string>;

/** Why processes are not pinned; undefined = they are. */
export const notPinned: string | undefined =
  availableParallelism() < 2
    ? 'there is one core only'
    : spawnSync('taskset', ['--version']).status === 0
      ? undefined
      : 'taskset is not installed';

/** Starts this Node with `args` on a core. */
export function spawnNode(args: readonly string[], on: Core, options: SpawnOptions): ChildProcess {
  return notPinned === undefined
    ? spawn('taskset', ['-c', core[on], process.execPath, ...args], options)
    : spawn(process.execPath, args, options);
}

/** Keeps the calling process away from the subjects' core. */
export function stayAround(): void {
  if (notPinned === undefined) spawnSync('taskset', ['-a', '-c', '-p', core.around, String(process.pid)]);
}
