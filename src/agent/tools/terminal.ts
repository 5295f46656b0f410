import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Tool } from '../contract.ts';
import { mayRun } from './consent.ts';
import type { ToolDeps } from './deps.ts';
import { absolute } from './files/open.ts';
import { stripAnsi } from './guard/normalise.ts';
import type { Processes } from './processes.ts';
import type { TaskState } from './task-state.ts';
import { exitMeaning } from './terminal/meanings.ts';
import { runForeground } from './terminal/run.ts';
import { childEnvironment, openShell, type ShellState } from './terminal/session.ts';
import { shapeProblem } from './terminal/shape.ts';
import { withSudoPassword } from './terminal/sudo.ts';

const schema = z.object({
  command: z.string().describe('Shell command line.'),
  background: z
    .boolean()
    .default(false)
    .describe(
      'Start it and return at once with a session_id for the process tool: servers, watchers, long jobs.',
    ),
  timeout: z.int().min(1).optional().describe('Seconds after which a foreground command is killed.'),
  workdir: z.string().optional().describe('Directory to run in; default: where the last command ended.'),
});

type Args = z.infer<typeof schema>;

/**
 * `terminal` (agent-runtime §16.1), local back-end. `cd`, `export`, functions and aliases persist per task.
 * Answers `{output, exit_code, error, approval?, exit_code_meaning?, status?}`; a call never rejects for what a
 * command did.
 */
export function terminalTool(deps: ToolDeps, processes: Processes): Tool<Args> {
  const { settings, clock, log } = deps;
  const { terminal } = settings;
  return {
    name: 'terminal',
    toolset: 'terminal',
    emoji: '💻',
    description:
      'Run a shell command on the machine of the gateway. Working directory, exported variables, functions and aliases persist between calls; stderr is part of the output. Use background=true for anything that does not end by itself.',
    schema,
    risk: 'exec',
    idempotent: false,
    preview: ({ command }) => command.split('\n', 1)[0]!.slice(0, 120),
    async run(args, context) {
      const { command } = args;
      const timeoutMs = args.timeout === undefined ? terminal.timeoutMs : args.timeout * 1_000;
      if (!args.background && timeoutMs > terminal.maxForegroundMs) {
        return refusal(
          `The foreground timeout may be at most ${terminal.maxForegroundMs / 1_000} seconds. Use background=true for longer commands.`,
          'error',
        );
      }
      const problem = args.background ? undefined : shapeProblem(command);
      if (problem !== undefined) return refusal(problem, 'error');

      const task = deps.tasks.of(context.task);
      const shell = await shellOf(task, settings);
      const home = shell.env['HOME'];
      const consent = await mayRun(command, settings, context, home);
      if (!consent.allowed) return refusal(consent.error, 'blocked');
      if (context.signal.aborted) return answer('[Command interrupted]', 130);

      const place = await directory(args.workdir, task, home ?? '/');
      if ('error' in place) return refusal(place.error, place.status);
      const sudo = withSudoPassword(command, terminal.sudoPassword);
      const extra = consent.approval === undefined ? {} : { approval: consent.approval };

      if (args.background) {
        const started = await processes.start(task, shell, sudo, {
          command,
          cwd: place.cwd,
          signal: context.signal,
        });
        if ('error' in started) return refusal(started.error, 'error');
        return JSON.stringify({
          output: 'Background process started',
          session_id: started.id,
          pid: started.pid,
          exit_code: 0,
          error: null,
          ...extra,
          hint: 'Look at it with process(action="poll") or wait for it with process(action="wait").',
        });
      }
      const ran = await runForeground(task, shell, sudo.command, {
        cwd: place.cwd,
        timeoutMs,
        maxChars: settings.toolOutput.maxBytes,
        input: sudo.input,
        clock,
        signal: context.signal,
      });
      log('debug', 'terminal.ran', { code: ran.code, ended: ran.ended });
      const meaning = ran.ended === 'exit' ? exitMeaning(command, ran.code) : undefined;
      let output = deps.redact(stripAnsi(ran.output));
      if (
        terminal.sudoPassword === undefined &&
        /\bsudo: (?:a password is required|a terminal is required|no tty present)/.test(output)
      ) {
        output +=
          '\nHint: set SUDO_PASSWORD in the .env file of the gateway to let sudo work without a terminal.';
      }
      return JSON.stringify({
        output,
        exit_code: ran.code,
        error: null,
        ...extra,
        ...(meaning === undefined ? {} : { exit_code_meaning: meaning }),
      });
    },
  };
}

async function shellOf(task: TaskState, settings: ToolDeps['settings']): Promise<ShellState> {
  task.shell ??= childEnvironment(settings).then((env) => openShell(env, task.cwd));
  try {
    return await task.shell;
  } catch (error) {
    task.shell = undefined;
    throw error;
  }
}

/** Only characters that mean nothing to a shell, and an existing directory. */
async function directory(
  workdir: string | undefined,
  task: TaskState,
  home: string,
): Promise<{ readonly cwd: string } | { readonly error: string; readonly status: 'blocked' | 'error' }> {
  if (workdir === undefined || workdir === '') return { cwd: task.cwd };
  const odd = /[^A-Za-z0-9/\\:_\-.~ +@=,]/.exec(workdir)?.[0];
  if (odd !== undefined) {
    return {
      error: `Blocked: workdir contains disallowed character '${odd}'. Use a plain path; run 'cd' inside the command if the directory really has such a name.`,
      status: 'blocked',
    };
  }
  const cwd = absolute(workdir, task.cwd, home);
  const found = await stat(cwd).catch(() => undefined);
  if (!found?.isDirectory()) return { error: `workdir is not a directory: ${cwd}`, status: 'error' };
  return { cwd };
}

function refusal(error: string, status: 'blocked' | 'error'): string {
  return JSON.stringify({ output: '', exit_code: -1, error, status });
}

function answer(output: string, code: number): string {
  return JSON.stringify({ output, exit_code: code, error: null });
}
