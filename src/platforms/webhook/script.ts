/** The script of a route, which sees an event before anybody else: it may drop it or change it (webhooks §7). */
import { realpath, stat } from 'node:fs/promises';
import { dirname, extname, join, sep } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { redact } from '../../text/redact.ts';
import { type Ended, runProgram } from './program.ts';

export interface ScriptRun {
  /** As the route names it, below `scripts/` of the home. */
  readonly script: string;
  readonly payload: unknown;
  readonly event: string;
  readonly delivery: string;
  /** Taken out of what the script says. */
  readonly secret: string;
}

export interface ScriptDeps {
  readonly clock: Clock;
  readonly home: string;
  /** `PATH` and `HOME` are passed on, nothing else. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export type ScriptResult =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'payload'; readonly payload: unknown }
  | { readonly kind: 'failed'; readonly why: string };

const mostOutput = 1024 * 1024;

/** Never rejects: whatever goes wrong is a failure of the script. */
export async function runScript(
  deps: ScriptDeps,
  run: ScriptRun,
  signal: AbortSignal,
): Promise<ScriptResult> {
  const file = await fileOf(deps.home, run.script);
  if (file === undefined) return failed(`there is no file ${run.script} in the folder scripts of the home`);
  const by = interpreters[extname(file).toLowerCase()];
  if (by === undefined) return failed(`${run.script}: only .sh, .bash, .js, .mjs, .ts and .py can be run`);
  const { PATH, HOME } = deps.env;
  const ended = await runProgram(
    {
      file: by,
      args: [file],
      cwd: dirname(file),
      env: {
        ...(PATH === undefined ? {} : { PATH }),
        ...(HOME === undefined ? {} : { HOME }),
        HERMES_HOME: deps.home,
        HERMES_WEBHOOK_EVENT_TYPE: run.event,
        HERMES_WEBHOOK_DELIVERY_ID: run.delivery,
      },
      input: JSON.stringify(run.payload) ?? 'null',
      timeoutMs: deps.timeoutMs,
      mostOutput,
    },
    deps.clock,
    signal,
  );
  return resultOf(ended, run);
}

const interpreters: Readonly<Record<string, string>> = {
  '.sh': 'bash',
  '.bash': 'bash',
  '.js': process.execPath,
  '.mjs': process.execPath,
  '.ts': process.execPath,
  '.py': 'python3',
};

/** Undefined for what is no file below the folder, also through links. */
async function fileOf(home: string, script: string): Promise<string | undefined> {
  try {
    const folder = await realpath(join(home, 'scripts'));
    const file = await realpath(join(folder, script));
    return file.startsWith(folder + sep) && (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

function resultOf(ended: Ended, { payload, secret }: ScriptRun): ScriptResult {
  switch (ended.kind) {
    case 'not-started':
      return failed(`it could not be started (${ended.code})`);
    case 'killed':
      return failed(ended.why);
    case 'exit': {
      if (ended.code !== 0)
        return failed(`it ended with ${ended.code}: ${redact(ended.err, [secret]).trim().slice(0, 500)}`);
      if (Buffer.byteLength(ended.out) >= mostOutput) return failed('it said more than 1 MiB');
      return said(redact(ended.out, [secret]).trim(), payload);
    }
    default:
      return ended satisfies never;
  }
}

function said(out: string, payload: unknown): ScriptResult {
  if (out === '' || out === '[SILENT]') return { kind: 'ignore' };
  let value: unknown;
  try {
    value = JSON.parse(out);
  } catch {
    const fields = isRecord(payload) ? payload : { payload };
    return { kind: 'payload', payload: { ...fields, script_output: out } };
  }
  if (!isRecord(value)) return failed('it printed JSON that is no object');
  if (value['[SILENT]'] === true || value['__hermes_ignore__'] === true) return { kind: 'ignore' };
  return { kind: 'payload', payload: value };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failed(why: string): ScriptResult {
  return { kind: 'failed', why };
}
