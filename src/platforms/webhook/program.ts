/** Runs one program to its end: bounded in time and output, never through a shell. */
import { spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';

export interface Run {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs: number;
  /** Default: the folder of the gateway. */
  readonly cwd?: string;
  /** Bytes kept of each of its outputs; the rest is read and dropped. Default 64 KiB. */
  readonly mostOutput?: number;
}

export type Ended =
  | { readonly kind: 'exit'; readonly code: number; readonly out: string; readonly err: string }
  /** The program could not be started: it did nothing. */
  | { readonly kind: 'not-started'; readonly code: string }
  /** It was killed, by us or by others: what it did is not known. */
  | { readonly kind: 'killed'; readonly why: string };

const defaultOutput = 64 * 1024;

/** Never rejects. */
export function runProgram(run: Run, clock: Clock, signal: AbortSignal): Promise<Ended> {
  if (signal.aborted) return Promise.resolve({ kind: 'not-started', code: 'ABORTED' });
  return new Promise((resolve) => {
    const where = run.cwd === undefined ? {} : { cwd: run.cwd };
    const child = spawn(run.file, run.args, { env: run.env, stdio: 'pipe', windowsHide: true, ...where });
    let killed: string | undefined;
    const kill = (why: string) => {
      killed ??= why;
      child.kill('SIGKILL');
    };
    const stop = () => kill('stopped');
    const cancel = clock.after(run.timeoutMs, () => kill(`no end within ${run.timeoutMs / 1000} s`));
    signal.addEventListener('abort', stop, { once: true });
    const finish = (ended: Ended) => {
      cancel();
      signal.removeEventListener('abort', stop);
      resolve(ended);
    };
    const most = run.mostOutput ?? defaultOutput;
    const out = collect(child.stdout, most);
    const err = collect(child.stderr, most);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) finish({ kind: 'not-started', code: error.code ?? 'UNKNOWN' });
    });
    child.on('exit', (_code, by) => {
      if (killed !== undefined || by !== null) {
        // A grandchild may hold the pipes open.
        child.stdout.destroy();
        child.stderr.destroy();
      }
    });
    child.on('close', (code, by) => {
      if (killed !== undefined || code === null) finish({ kind: 'killed', why: killed ?? `signal ${by}` });
      else finish({ kind: 'exit', code, out: out(), err: err() });
    });
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(run.input);
  });
}

/** Reads on after the limit, so that the program is never blocked by what is not kept. */
function collect(stream: NodeJS.ReadableStream, mostOutput: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < mostOutput) chunks.push(chunk.subarray(0, mostOutput - size));
    size += chunk.length;
  });
  stream.on('error', () => {});
  return () => Buffer.concat(chunks).toString();
}
