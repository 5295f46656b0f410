import { z } from 'zod';
import type { Tool, ToolContext } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import type { Background, Processes } from './processes.ts';

const schema = z.object({
  action: z.enum(['list', 'poll', 'log', 'wait', 'kill', 'write', 'submit', 'close']),
  session_id: z
    .string()
    .optional()
    .describe('Id that terminal(background=true) gave; needed for all but list.'),
  data: z
    .string()
    .max(1_000_000)
    .optional()
    .describe('Text for write (as it is) and submit (plus a line end).'),
  timeout: z.int().min(1).optional().describe('Seconds to wait at most.'),
  offset: z.int().min(0).optional().describe('log: first line, from 0; default: the newest lines.'),
  limit: z.int().min(1).optional().describe('log: number of lines, default 200.'),
});

type Args = z.infer<typeof schema>;

/** More unread input than this is refused: the process does not read. */
const maxUnread = 4_000_000;

/** `process` (agent-runtime §16.2): looks after what `terminal(background=true)` started in the same task. */
export function processTool(deps: ToolDeps, processes: Processes): Tool<Args> {
  const { clock } = deps;
  const show = (process: Background, chars: number) => deps.redact(process.output.text()).slice(-chars);
  const status = (process: Background) => (process.exit === undefined ? 'running' : 'exited');
  const uptime = (process: Background) =>
    Math.max(0, Math.round(((process.exit?.at ?? clock.now()) - process.startedAt) / 1_000));
  const exit = (process: Background) => (process.exit === undefined ? {} : { exit_code: process.exit.code });

  const one = async (process: Background, args: Args, context: ToolContext): Promise<object> => {
    switch (args.action) {
      case 'list':
      case 'poll':
        return {
          session_id: process.id,
          command: deps.redact(process.command),
          status: status(process),
          pid: process.pid,
          uptime_seconds: uptime(process),
          output_preview: show(process, 1_000),
          ...exit(process),
        };
      case 'log': {
        const lines = show(process, Number.POSITIVE_INFINITY).replace(/\n$/, '').split('\n');
        const limit = args.limit ?? 200;
        const from = args.offset ?? Math.max(0, lines.length - limit);
        const shown = lines.slice(from, from + limit);
        return {
          session_id: process.id,
          status: status(process),
          output: shown.join('\n'),
          total_lines: lines.length,
          showing: `${shown.length} lines`,
        };
      }
      case 'wait': {
        const longestMs = deps.settings.terminal.timeoutMs;
        const wanted = args.timeout === undefined ? longestMs : args.timeout * 1_000;
        const ms = Math.min(wanted, longestMs);
        const stop = new AbortController();
        const signal = AbortSignal.any([context.signal, stop.signal]);
        await Promise.race([process.ended, clock.sleep(ms, signal)]);
        stop.abort();
        const output = show(process, 2_000);
        if (process.exit !== undefined) return { status: 'exited', exit_code: process.exit.code, output };
        if (context.signal.aborted) {
          return {
            status: 'interrupted',
            output,
            note: 'The wait was interrupted; the process is still running.',
          };
        }
        const note =
          wanted > longestMs
            ? `Waited ${ms / 1_000}s, the most that terminal.timeout allows; the process is still running.`
            : `Waited ${ms / 1_000}s; the process is still running.`;
        return { status: 'timeout', output, timeout_note: note };
      }
      case 'kill':
        if (process.exit !== undefined)
          return { status: 'already_exited', session_id: process.id, ...exit(process) };
        await processes.kill(process);
        return { status: 'killed', session_id: process.id };
      case 'write':
      case 'submit':
      case 'close':
        return input(process, args.action, args.data ?? '');
    }
  };

  return {
    name: 'process',
    toolset: 'terminal',
    emoji: '⚙️',
    description:
      'Background processes started with terminal(background=true): list, poll (newest output), log (lines), wait (until it ends), kill, write / submit (standard input), close (end of input).',
    schema,
    risk: 'exec',
    idempotent: false,
    preview: ({ action, session_id }) => (session_id === undefined ? action : `${action} ${session_id}`),
    async run(args, context) {
      if (args.action === 'list') {
        return JSON.stringify({
          processes: processes.list(context.task).map((process) => ({
            session_id: process.id,
            command: deps.redact(process.command).slice(0, 200),
            cwd: process.cwd,
            pid: process.pid,
            started_at: new Date(process.startedAt).toISOString(),
            uptime_seconds: uptime(process),
            status: status(process),
            output_preview: show(process, 200),
            ...exit(process),
          })),
        });
      }
      if (args.session_id === undefined)
        return JSON.stringify({ error: `session_id is required for ${args.action}` });
      const process = processes.find(context.task, args.session_id);
      if (process === undefined) {
        return JSON.stringify({ status: 'not_found', error: `No process with ID ${args.session_id}` });
      }
      return JSON.stringify(await one(process, args, context));
    },
  };
}

function input(process: Background, action: 'write' | 'submit' | 'close', data: string): object {
  const { stdin } = process.child;
  if (process.exit !== undefined)
    return { status: 'already_exited', session_id: process.id, error: 'The process has ended.' };
  if (stdin === null || stdin.destroyed || stdin.writableEnded) {
    return { error: 'The standard input of this process is closed.' };
  }
  if (action === 'close') {
    stdin.end();
    return { status: 'ok', bytes_written: 0 };
  }
  if (stdin.writableLength > maxUnread)
    return { error: 'The process does not read its input; nothing was written.' };
  const text = action === 'submit' ? `${data}\n` : data;
  stdin.write(text);
  return { status: 'ok', bytes_written: Buffer.byteLength(text) };
}
