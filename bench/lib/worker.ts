/** Work in a process of its own, asked for by name over the process channel. */
import type { ChildProcess } from 'node:child_process';
import { type Core, spawnNode } from './cores.ts';

/** Each takes one argument and answers something that can be cloned. */
export type Jobs = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

export interface Worker<J extends Jobs> {
  run<K extends keyof J & string>(job: K, argument: Parameters<J[K]>[0]): Promise<Awaited<ReturnType<J[K]>>>;
  close(): Promise<void>;
}

interface Ask {
  readonly id: number;
  readonly job: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** In the worker: serves until the parent lets go. */
export function serveJobs(jobs: Jobs): void {
  process.on('message', (ask: Ask) => {
    const job = jobs[ask.job] as ((argument: unknown) => Promise<unknown>) | undefined;
    const run = job ? job(ask.argument) : Promise.reject(new Error(`no job ${ask.job}`));
    run.then(
      (value) => process.send?.({ id: ask.id, value } satisfies Reply),
      (error: Error) => process.send?.({ id: ask.id, error: error.stack ?? error.message } satisfies Reply),
    );
  });
  process.on('disconnect', () => process.exit());
}

/** `file` calls `serveJobs`. Every job rejects once the process has ended. */
export function startWorker<J extends Jobs>(file: string, core: Core): Worker<J> {
  const child: ChildProcess = spawnNode([file], core, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let asked = 0;
  child.on('message', (message) => {
    const { id, value, error } = message as Reply;
    const settle = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) settle?.resolve(value);
    else settle?.reject(new Error(error));
  });
  const ended = new Promise<void>((resolve) => {
    child.on('exit', (code) => {
      for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
      waiting.clear();
      resolve();
    });
  });
  return {
    run: (job, argument) => {
      const settle = Promise.withResolvers<unknown>();
      asked += 1;
      waiting.set(asked, settle);
      child.send({ id: asked, job, argument } satisfies Ask);
      return settle.promise as Promise<never>;
    },
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
