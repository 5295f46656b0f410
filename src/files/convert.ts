/**
 * Opens PDF and HEIC files in a thread of their own: decoders of hostile input get bounded time and memory, no
 * environment, and nothing of what they did stays behind. A thread serves one file.
 */
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { within } from './deadline.ts';
import type { Answer, Converted, Job } from './job.ts';
import { FileRefused, refuse } from './refusal.ts';

const maxAtOnce = 2;
const maxWaiting = 32;
const maxHeapMb = 256;
/** Of array buffers, which the heap limit does not cover. */
const maxBufferBytes = 384 * 1024 * 1024;
const lookEveryMs = 50;

/** Threads that exist, also those on their way out. */
let running = 0;
const waiting = new Set<() => void>();

/**
 * Throws FileRefused: `timeout` after `ms` milliseconds of work (waiting for a free thread does not count), `busy`
 * when too many files wait already, `too_complex` over the memory limits, otherwise what the decoder found. Throws
 * the signal's reason after an abort.
 */
export async function convert(job: Job, ms: number, clock: Clock, signal: AbortSignal): Promise<Converted> {
  await enter(signal);
  let gone: Promise<unknown> = Promise.resolve();
  try {
    return await within(ms, clock, signal, async (both) => {
      const worker = await openThread(job, both);
      const done = new AbortController();
      try {
        const answer = await Promise.race([
          answerOf(worker, job, both),
          overMemory(worker, clock, done.signal),
        ]);
        if (answer.kind === 'refused') refuse(answer.reason, answer.why);
        return answer.result;
      } finally {
        done.abort();
        gone = worker.terminate();
      }
    });
  } finally {
    // Inside native code a thread takes its time to end: the caller does not wait for that, its place does.
    void gone.then(leave, leave);
  }
}

function leave(): void {
  running -= 1;
  const next = waiting.values().next().value;
  if (next !== undefined) next();
}

async function enter(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (running >= maxAtOnce) {
    if (waiting.size >= maxWaiting) refuse('busy', `${maxWaiting} files are waiting to be read`);
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.delete(go);
        signal.removeEventListener('abort', abort);
      };
      // Takes the place at once, so that nobody who comes later can.
      const go = () => {
        leave();
        running += 1;
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      waiting.add(go);
      signal.addEventListener('abort', abort, { once: true });
    });
    return;
  }
  running += 1;
}

async function openThread(job: Job, signal: AbortSignal): Promise<Worker> {
  const [{ Worker }, { entry }] = await Promise.all([import('node:worker_threads'), import('./thread.ts')]);
  signal.throwIfAborted();
  const worker = new Worker(new URL(entry), {
    workerData: { filesJob: job },
    env: {},
    execArgv: [],
    // Decoders write their complaints to the console.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}

function answerOf(worker: Worker, job: Job, signal: AbortSignal): Promise<Answer> {
  const unreadable = job.kind === 'pdf' ? 'unreadable_pdf' : 'unreadable_image';
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    worker.once('message', resolve);
    worker.once('error', (error: Error) => {
      const full = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const reason = full ? 'too_complex' : unreadable;
      reject(new FileRefused(reason, `reading the file failed: ${error.message}`, error));
    });
    worker.once('exit', () => {
      signal.removeEventListener('abort', abort);
      reject(new FileRefused(unreadable, 'reading the file ended without a result'));
    });
  });
}

/** Settles only when the thread holds too much. */
async function overMemory(worker: Worker, clock: Clock, done: AbortSignal): Promise<never> {
  for (;;) {
    await clock.sleep(lookEveryMs, done);
    if (done.aborted) return new Promise<never>(() => {});
    // Rejects when the thread has ended, which `answerOf` reports.
    const { external_memory: held } = await worker.getHeapStatistics().catch(() => ({ external_memory: 0 }));
    if (held > maxBufferBytes) throw new FileRefused('too_complex', 'the file unfolds to too much memory');
  }
}
