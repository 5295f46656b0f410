/** Background processes of the terminal: bounded in number, output and age; none survives `close`. */

import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { TaskState } from './task-state.ts';
import { killTree } from './terminal/kill.ts';
import { Rolling } from './terminal/output.ts';
import { exitCode, start } from './terminal/run.ts';
import type { ShellState } from './terminal/session.ts';

const maxTracked = 64;
const keepMs = 30 * 60_000;
const maxOutput = 200_000;

export interface Background {
  readonly id: string;
  readonly task: string;
  readonly command: string;
  readonly cwd: string;
  readonly pid: number;
  /** Wall clock, UTC milliseconds. */
  readonly startedAt: number;
  readonly output: Rolling;
  /** Absent while it runs. */
  exit: { readonly code: number; readonly at: number } | undefined;
  /** Resolves when the process has ended and its output is complete. */
  readonly ended: Promise<void>;
  readonly child: ChildProcess;
  readonly run: string;
}

export interface Processes {
  start(
    task: TaskState,
    shell: ShellState,
    what: { readonly command: string; readonly input: string | undefined },
    where: { readonly command: string; readonly cwd: string; readonly signal: AbortSignal },
  ): Promise<Background | { readonly error: string }>;
  /** Only what the same task started. */
  list(task: string): readonly Background[];
  find(task: string, id: string): Background | undefined;
  kill(process: Background): Promise<void>;
  close(): Promise<void>;
}

export function openProcesses(clock: Clock, log: Log): Processes {
  const tracked = new Map<string, Background>();
  let starting = 0;
  let closed = false;

  const prune = () => {
    const oldest = clock.now() - keepMs;
    for (const each of tracked.values())
      if (each.exit !== undefined && each.exit.at < oldest) tracked.delete(each.id);
    while (tracked.size + starting >= maxTracked) {
      const finished = [...tracked.values()].find((each) => each.exit !== undefined);
      if (finished === undefined) return;
      tracked.delete(finished.id);
    }
  };

  const kill = async (process: Background) => {
    if (process.exit !== undefined) return;
    process.exit = { code: -15, at: clock.now() };
    await killTree(process.pid, process.run, clock);
    process.child.stdout?.destroy();
    process.child.stdin?.destroy();
  };

  return {
    async start(task, shell, what, where) {
      prune();
      if (closed) return { error: 'The gateway is shutting down.' };
      if (tracked.size + starting >= maxTracked) {
        return { error: `There are already ${maxTracked} background processes; kill one first.` };
      }
      starting += 1;
      try {
        const { child, pid, run } = await start(shell, what.command, {
          cwd: where.cwd,
          keep: false,
          stdin: 'pipe',
          clock,
          signal: where.signal,
        });
        if (what.input !== undefined) child.stdin?.write(what.input);
        const output = new Rolling(maxOutput);
        child.stdout?.on('data', (text: string) => output.add(text));
        const { promise: ended, resolve } = Promise.withResolvers<void>();
        const background: Background = {
          id: `proc_${clock.hex(6)}`,
          task: task.id,
          command: where.command,
          cwd: where.cwd,
          pid,
          startedAt: clock.now(),
          output,
          exit: undefined,
          ended,
          child,
          run,
        };
        const finish = () => {
          background.exit ??= { code: exitCode(child), at: clock.now() };
          log('debug', 'process.ended', { id: background.id, code: background.exit.code });
          resolve();
        };
        child.once('close', finish);
        // A grandchild may keep the pipe open for ever; the process itself has ended all the same.
        child.once('exit', () => void clock.after(250, finish));
        tracked.set(background.id, background);
        if (closed) await kill(background);
        return background;
      } finally {
        starting -= 1;
      }
    },
    list: (task) => {
      prune();
      return [...tracked.values()].filter((each) => each.task === task);
    },
    find: (task, id) => {
      prune();
      const found = tracked.get(id);
      return found?.task === task ? found : undefined;
    },
    kill,
    async close() {
      closed = true;
      await Promise.all([...tracked.values()].map((each) => kill(each)));
      tracked.clear();
    },
  };
}
