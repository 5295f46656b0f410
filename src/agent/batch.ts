/** Runs the tool calls of one assistant message (agent-runtime §7): together where that is safe, else in order. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { AgentEvent } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Message, ToolCall } from '../core/message.ts';
import type { AgentRun, ApprovalRequest, Consent, Tool, ToolContext } from './contract.ts';
import type { Guardrails } from './guardrails.ts';
import type { Prepared } from './prepare.ts';
import type { Results } from './results.ts';

const mostWorkers = 8;
/** How long a running tool may take to notice an interrupt before its result is given up. */
const interruptGraceMs = 900;

export interface BatchContext {
  readonly run: AgentRun;
  readonly clock: Clock;
  readonly log: Log;
  readonly history: readonly Message[];
  readonly results: Results;
  /** Characters of results of the same message that an earlier attempt kept. */
  readonly already: number;
  readonly guardrails: Guardrails;
  emit(event: AgentEvent): void;
  approve(request: ApprovalRequest, signal: AbortSignal): Promise<Consent>;
}

/** Result text of every call, in call order. Rejects only when the journal does (FENCED, a full disk). */
export async function runBatch(batch: readonly Prepared[], context: BatchContext): Promise<string[]> {
  const results: string[] = new Array(batch.length);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.run.signal, stop.signal]);
  const workers = mayRunTogether(batch) ? Math.min(mostWorkers, batch.length) : 1;
  const bounded = context.results.batch(context.already);
  const keep: Keep = async ({ id }, result) => {
    for (const { call, content } of await bounded.add(id, result)) {
      const index = batch.findIndex((item) => item.call.id === call);
      results[index] = content;
      // After an interrupt nothing is recorded: a resumed turn must not take a cancellation for a result.
      if (!signal.aborted) await context.run.journal.toolDone(batch[index]!.call, content);
    }
  };
  let next = 0;
  const work = async () => {
    while (next < batch.length) {
      const index = next++;
      const cancelled = await runOne(batch[index]!, context, signal, keep);
      if (cancelled !== undefined) results[index] = cancelled;
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  return results;
}

/** Every call reads only, or writes below a path no other call touches (agent-runtime §7.1). */
export function mayRunTogether(batch: readonly Prepared[]): boolean {
  if (batch.length < 2) return false;
  const paths: string[] = [];
  for (const { tool, args, refusal } of batch) {
    if (refusal !== undefined) continue;
    const rule = tool?.parallel;
    if (rule === undefined) return false;
    if (rule === 'read') continue;
    const path = resolve('/', rule.path(args));
    if (paths.some((other) => overlaps(path, other))) return false;
    paths.push(path);
  }
  return true;
}

function overlaps(a: string, b: string): boolean {
  const inside = (from: string, to: string) => {
    const way = relative(from, to);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  };
  return inside(a, b) || inside(b, a);
}

/** Takes a result and records what is kept of it. */
type Keep = (call: ToolCall, result: string) => Promise<void>;

/** Answers the text of a call that was cancelled; the results of all others go through `keep`. */
async function runOne(
  prepared: Prepared,
  context: BatchContext,
  signal: AbortSignal,
  keep: Keep,
): Promise<string | undefined> {
  const { call, tool, args, refusal } = prepared;
  if (signal.aborted) return `[Tool execution cancelled — ${call.name} was skipped due to user interrupt]`;
  if (tool === undefined || refusal !== undefined) {
    await keep(call, refusal ?? errorResult(`Tool '${call.name}' is not available.`));
    return undefined;
  }
  const started = context.clock.monotonic();
  context.emit({
    type: 'tool.started',
    call: call.id,
    name: tool.name,
    emoji: tool.emoji,
    preview: previewOf(tool, args),
    arguments: call.arguments,
  });
  if (tool.risk !== 'read') await context.run.journal.toolStarted(call);
  const raw = await execute(tool, args, call.id, context, signal);
  const isError = raw.cancelled || saysError(raw.text);
  let result = raw.text;
  if (!raw.cancelled) {
    result = await context.results.limit(tool.name, call.id, result);
    const warning = context.guardrails.after(tool, call.arguments, raw.text, isError);
    if (warning !== undefined) result = `${result}\n\n${warning}`;
    await keep(call, result);
  }
  const ms = Math.round(context.clock.monotonic() - started);
  context.emit({ type: 'tool.completed', call: call.id, name: tool.name, ms, isError, result });
  return raw.cancelled ? result : undefined;
}

async function execute(
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  call: string,
  context: BatchContext,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly cancelled: boolean }> {
  const { run, clock, log, history } = context;
  const toolContext: ToolContext = {
    task: run.task,
    session: run.session,
    call,
    platform: run.platform,
    signal,
    clock,
    log,
    history,
    approve: (request) => context.approve(request, signal),
  };
  const running = runTool(tool, args, toolContext).then(
    (text) => ({ text, cancelled: false }),
    (error: unknown) => {
      log('debug', 'tool.threw', { tool: tool.name, trace: run.trace, error });
      return { text: errorResult(`Tool execution failed: ${named(error)}`), cancelled: false };
    },
  );
  const givenUp = {
    text: '{"error":"Tool execution cancelled by user interrupt","status":"cancelled"}',
    cancelled: true,
  };
  return new Promise((settle) => {
    let cancelTimer = () => {};
    const onAbort = () => {
      cancelTimer = clock.after(interruptGraceMs, () => settle(givenUp));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void running.then((result) => {
      signal.removeEventListener('abort', onAbort);
      cancelTimer();
      settle(result);
    });
  });
}

/** A tool may throw before it returns its promise. */
async function runTool(tool: Tool, args: unknown, context: ToolContext): Promise<string> {
  return await tool.run(args, context);
}

export function errorResult(message: string): string {
  return JSON.stringify({ error: message });
}

/** Type and message; never a stack. */
function named(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function saysError(result: string): boolean {
  if (!result.startsWith('{') || !result.includes('"error"')) return false;
  try {
    return Boolean((JSON.parse(result) as { error?: unknown }).error);
  } catch {
    return false;
  }
}

function previewOf(tool: Tool, args: unknown): string {
  try {
    return tool.preview(args);
  } catch {
    return '';
  }
}
