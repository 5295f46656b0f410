/** An agent over scripted models and tools, for tests of the loop. What is opened here ends with its test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Reply, startUpstream, type Upstream } from '../../testkit/upstream/index.ts';
import type { FallbackModel, Settings } from '../config/settings.ts';
import type { AgentEvent } from '../core/agent-event.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import type { Agent, AgentRun, JournalStep, Tool, ToolContext, ToolSchema } from './contract.ts';
import { openAgent } from './loop.ts';
import { modelSettings } from './models/testing.ts';

/** An upstream that answers what the test scripts. */
export async function testUpstream(): Promise<Upstream> {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.close());
  return upstream;
}

export interface TestAgentOptions {
  readonly tools?: readonly Tool[];
  readonly clock?: Clock;
  readonly fallback?: readonly FallbackModel[];
  readonly model?: Partial<Settings['model']>;
  readonly attempts?: number;
  readonly secrets?: readonly string[];
}

/** An agent in a home of its own that asks the upstream. */
export async function testAgent(upstream: Upstream, options: TestAgentOptions = {}): Promise<Agent> {
  const home = mkdtempSync(join(tmpdir(), 'hermes-agent-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const settings = {
    home,
    model: modelSettings({
      name: 'main-model',
      baseUrl: `${upstream.url}/v1`,
      apiKey: upstream.key,
      apiMode: 'chat',
      ...options.model,
    }),
    providers: {},
    providerEnv: {},
    fallback: options.fallback ?? [],
    agent: {
      maxIterations: 90,
      apiMaxRetries: options.attempts ?? 3,
      reasoningEffort: '',
      inactivityMs: 0,
      drainMs: 0,
      disabledToolsets: [],
      ephemeralSystemPrompt: '',
    },
    timezone: 'UTC',
    security: { redactSecrets: true },
    secrets: options.secrets ?? [],
    // The loop reads these parts only.
  } as unknown as Settings;
  const tools = new Map((options.tools ?? []).map((tool) => [tool.name, tool]));
  const agent = await openAgent({
    settings,
    clock: options.clock ?? systemClock,
    log: silentLog,
    fetch,
    tools: {
      tools,
      schema(name) {
        const tool = tools.get(name)!;
        const { $schema: _, ...parameters } = z.toJSONSchema(tool.schema, { io: 'input' });
        return { name, description: tool.description, parameters };
      },
      close: async () => {},
    },
  });
  onTestFinished(() => agent.close());
  return agent;
}

/** A reply that calls one tool. */
export function calling(name: string, args: unknown = {}): Reply {
  return { toolCalls: [{ name, arguments: args }] };
}

/** A reply that is an error. */
export function failing(status: number, more: object = {}): Reply {
  return { fault: { kind: 'status', status, ...more } };
}

interface Sent {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
}

/** The messages of a request to `/chat/completions`, by default of the newest. */
export function sentTo(upstream: Upstream, index = -1): readonly Sent[] {
  return upstream.requests.at(index)!.body['messages'] as Sent[];
}

/** A tool of the caller that takes nothing. */
export const dice: ToolSchema = {
  name: 'dice',
  description: 'Throws.',
  parameters: { type: 'object', properties: {} },
};

/** What the caller was warned of. */
export function warningsIn(events: readonly AgentEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === 'status' && event.kind === 'warning' ? [event.text] : []));
}

export interface RecordedTool extends Tool<Record<string, unknown>> {
  readonly ran: Record<string, unknown>[];
}

/** A tool that records its arguments; `run` decides the result, by default `{"ok":true}`. */
export function fakeTool(
  name: string,
  more: Partial<Tool<Record<string, unknown>>> = {},
  run: (args: Record<string, unknown>, context: ToolContext) => string | Promise<string> = () =>
    '{"ok":true}',
): RecordedTool {
  const ran: Record<string, unknown>[] = [];
  return {
    name,
    toolset: 'test',
    emoji: '🔧',
    description: `Test tool ${name}.`,
    schema: z.record(z.string(), z.unknown()),
    risk: 'read',
    idempotent: true,
    preview: (args) => JSON.stringify(args),
    ...more,
    ran,
    run: async (args, context) => {
      ran.push(args);
      return run(args, context);
    },
  };
}

export interface TestRun {
  readonly run: AgentRun;
  readonly events: AgentEvent[];
  /** What the journal recorded, as one word each. */
  readonly journal: string[];
  readonly abort: AbortController;
  text(): string;
}

export function testRun(
  input: AgentRun['input'],
  tools: readonly Tool[] = [],
  more: Partial<AgentRun> & { readonly past?: readonly JournalStep[] } = {},
): TestRun {
  const events: AgentEvent[] = [];
  const journal: string[] = [];
  const abort = new AbortController();
  const { past = [], ...rest } = more;
  const run: AgentRun = {
    turn: 'turn_1',
    trace: 'trace_1',
    session: 'session_1',
    task: 'task_1',
    platform: 'cli',
    input,
    history: [],
    tools: new Set(tools.map((tool) => tool.name)),
    maxIterations: 90,
    signal: abort.signal,
    takeSteering: () => undefined,
    approve: async () => 'denied',
    emit: (event) => void events.push(event),
    journal: {
      past,
      async model(message) {
        journal.push(`model:${message.toolCalls?.map((call) => call.name).join(',') ?? ''}`);
      },
      async toolStarted(call) {
        journal.push(`started:${call.name}`);
      },
      async toolDone(call) {
        journal.push(`done:${call.name}`);
      },
    },
    ...rest,
  };
  return {
    run,
    events,
    journal,
    abort,
    text: () => events.flatMap((event) => (event.type === 'text.delta' ? [event.text] : [])).join(''),
  };
}
