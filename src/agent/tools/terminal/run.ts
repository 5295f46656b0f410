/** Starts one command in the shell state of a task. */

import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../../core/clock.ts';
import { codeOf } from '../files/open.ts';
import type { TaskState } from '../task-state.ts';
import { killTree, runMark } from './kill.ts';
import { HeadTail } from './output.ts';
import { lastDirectory, type ShellState, script } from './session.ts';

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly run: string;
}

/** Failures of `fork` that pass; nothing was started, so trying again is safe. */
const passing = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);
const retryMs = [2_000, 4_000, 8_000];

/** A process group of its own with stdout and stderr as one UTF-8 stream. Rejects when nothing could be started. */
export async function start(
  state: ShellState,
  command: string,
  options: { cwd: string; keep: boolean; stdin: 'pipe' | 'ignore'; clock: Clock; signal: AbortSignal },
): Promise<Started> {
  const { spawn } = await import('node:child_process');
  const { clock, signal } = options;
  for (let attempt = 0; ; attempt += 1) {
    const run = clock.hex(8);
    const child = spawn(
      state.shell,
      ['-c', script(state, command, { run, cwd: options.cwd, keep: options.keep })],
      {
        env: { ...state.env, [runMark]: run },
        stdio: [options.stdin, 'pipe', 'ignore'],
        detached: true,
      },
    );
    const failure = await new Promise<unknown>((done) => {
      child.once('spawn', () => done(undefined));
      child.once('error', done);
    });
    if (failure === undefined && child.pid !== undefined) {
      child.on('error', () => {});
      child.stdin?.on('error', () => {});
      child.stdout?.setEncoding('utf8');
      return { child, pid: child.pid, run };
    }
    const wait = retryMs[attempt];
    if (wait === undefined || !passing.has(codeOf(failure)) || signal.aborted) throw failure;
    await clock.sleep(wait, signal);
  }
}

export interface Ran {
  readonly output: string;
  readonly code: number;
  readonly ended: 'exit' | 'timeout' | 'interrupt';
}

/** How long a pipe that a left-behind child keeps open is listened to after the command itself ended. */
const drainMs = 250;

/**
 * Runs a command in the foreground. On time-out (124) and abort (130) nothing it started is left when the promise
 * resolves. Output is bounded by `maxChars`.
 */
export async function runForeground(
  task: TaskState,
  state: ShellState,
  command: string,
  options: {
    cwd: string;
    timeoutMs: number;
    maxChars: number;
    input: string | undefined;
    clock: Clock;
    signal: AbortSignal;
  },
): Promise<Ran> {
  const { clock, signal } = options;
  if (signal.aborted) return { output: '[Command interrupted]', code: 130, ended: 'interrupt' };
  const output = new HeadTail(options.maxChars);
  const { child, pid, run } = await start(state, command, {
    cwd: options.cwd,
    keep: true,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    clock,
    signal,
  });
  if (options.input !== undefined) child.stdin?.end(options.input);
  child.stdout?.on('data', (text: string) => output.add(text));

  let undo: () => void = () => {};
  const ended = await new Promise<'exit' | 'timeout' | 'interrupt'>((done) => {
    const cancel = clock.after(options.timeoutMs, () => done('timeout'));
    const abort = () => done('interrupt');
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    child.once('close', () => done('exit'));
    let cancelDrain: () => void = () => {};
    child.once('exit', () => {
      cancelDrain = clock.after(drainMs, () => done('exit'));
    });
    undo = () => {
      cancel();
      cancelDrain();
      signal.removeEventListener('abort', abort);
    };
  });
  undo();
  if (ended !== 'exit') await killTree(pid, run, clock);
  // Whoever still holds the pipe writes into nothing from here on.
  child.stdout?.destroy();
  const cwd = await lastDirectory(state, run);
  if (cwd !== undefined) task.cwd = cwd;
  const text = output.text();
  const line = text === '' || text.endsWith('\n') ? '' : '\n';
  switch (ended) {
    case 'timeout':
      return {
        output: `${text}${line}[Command timed out after ${Math.round(options.timeoutMs / 1_000)}s]`,
        code: 124,
        ended,
      };
    case 'interrupt':
      return { output: `${text}${line}[Command interrupted]`, code: 130, ended };
    case 'exit':
      return { output: text, code: exitCode(child), ended };
  }
}

/** As a shell reports it: a signal is 128 plus its number. */
export function exitCode(child: ChildProcess): number {
  if (child.exitCode !== null) return child.exitCode;
  return child.signalCode === null ? -1 : 128 + (signalNumbers[child.signalCode] ?? 0);
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};
