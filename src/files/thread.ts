/**
 * The conversion thread. Elsewhere this module does nothing but say where it is: its own address stays right when the
 * program is bundled, an address relative to another module does not.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Converted, Job } from './job.ts';
import { FileRefused } from './refusal.ts';

export const entry: string = import.meta.url;

/** The heap limit of a thread does not cover WebAssembly, in which the picture decoders work. */
const maxWasmBytes = 384 * 1024 * 1024;

function jobOf(data: unknown): Job | undefined {
  return typeof data === 'object' && data !== null && 'filesJob' in data ? (data.filesJob as Job) : undefined;
}

async function work(job: Job): Promise<Converted> {
  const { capWasm } = await import('./wasm-cap.ts');
  capWasm(maxWasmBytes);
  switch (job.kind) {
    case 'pdf':
      return (await import('./pdf.ts')).readPdf(job);
    case 'heic':
      return (await import('./heic.ts')).readHeic(job);
  }
}

const job = jobOf(workerData);
if (job !== undefined) {
  const answer: Answer = await work(job).then(
    (result) => ({ kind: 'done', result }),
    (error: unknown) => {
      if (error instanceof FileRefused) return { kind: 'refused', reason: error.reason, why: error.message };
      throw error;
    },
  );
  parentPort?.postMessage(answer);
}
