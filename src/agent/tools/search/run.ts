/** Runs one search in a thread that ends with it, at most a few at a time. */

import type { Clock } from '../../../core/clock.ts';
import { type SearchJob, type SearchResult, searchThread } from './worker.ts';

export const searchMs = 60_000;
const maxAtOnce = 4;
const maxHeapMb = 512;

let running = 0;
const waiting: (() => void)[] = [];

/** Never rejects; `error` says why there is no result. The thread is gone when the promise resolves. */
export async function runSearch(job: SearchJob, clock: Clock, signal: AbortSignal): Promise<SearchResult> {
  const failed = (error: string): SearchResult => ({ hits: [], files: [], cut: false, error });
  while (running >= maxAtOnce) await new Promise<void>((free) => waiting.push(free));
  running += 1;
  try {
    if (signal.aborted) return failed('The search was interrupted.');
    const { Worker } = await import('node:worker_threads');
    const worker = new Worker(`(${searchThread.toString()})()`, {
      eval: true,
      workerData: job,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    const result = await new Promise<SearchResult>((done) => {
      const cancel = clock.after(searchMs, () =>
        done(
          failed(
            `The search timed out after ${searchMs / 1_000} seconds. Narrow path, file_glob or pattern.`,
          ),
        ),
      );
      const abort = () => done(failed('The search was interrupted.'));
      signal.addEventListener('abort', abort, { once: true });
      worker.once('message', done);
      worker.once('error', (error: Error) => done(failed(`The search failed: ${error.message}`)));
      worker.once('exit', () => done(failed('The search ended without a result.')));
      worker.once('exit', () => {
        cancel();
        signal.removeEventListener('abort', abort);
      });
    });
    await worker.terminate();
    return result;
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
