/** What the agent loop gets and gives. The loop knows neither platforms nor HTTP nor the database. */
import type { AgentProfile } from '../config/settings.ts';
import type { AgentEvent, TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Content, ContentPart, Message, ProviderMeta, ToolCall, Usage } from '../core/message.ts';

export interface AgentRun {
  readonly turn: string;
  readonly trace: string;
  readonly session: string;
  /** Isolation key of terminal and file state; equal ids share a working directory. */
  readonly task: string;
  readonly platform: string;
  /** '' with a history that ends in tool results: the turn goes on with these results, nobody says anything new. */
  readonly input: Content;
  readonly history: readonly Message[];
  /** Shown to the model after the input, never part of the transcript. */
  readonly attachments?: readonly ContentPart[];
  /** The caller's own system text, added to the core prompt for this turn only, never stored. */
  readonly ephemeralSystem?: string;
  /** Stable description of where the conversation happens (gateway-core.md §4.7). */
  readonly contextPrompt?: string;
  readonly persona?: Persona;
  /** Tool names this turn may use; decided once before the turn and never widened. */
  readonly tools: ReadonlySet<string>;
  readonly maxIterations: number;
  /** Fixed for this turn; undefined = the configured model. */
  readonly model?: ModelChoice;
  /** Sampling and format wishes of the caller, passed on where the model takes them. */
  readonly sampling?: Sampling;
  /**
   * Tools the caller runs itself. When the model calls one, the turn ends with those calls open
   * (`TurnResult.clientCalls`); server tools of the same message have run before.
   */
  readonly clientTools?: readonly ToolSchema[];
  /**
   * What must be called holds until the model has called something, later calls are free (`auto`); `none` and the
   * names of `allowed` hold for the whole turn. Default `auto`. With client tools `required` means one of those.
   */
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  /** Tool calls of any kind this turn may make; further ones are ignored, and then the model answers without tools. */
  readonly maxToolCalls?: number;
  readonly signal: AbortSignal;
  /** Text to add to the newest tool result before the next model call; takes what is waiting. */
  takeSteering(): string | undefined;
  /** Asks a person for consent on behalf of a tool; secrets are removed from `request`. Never rejects. */
  approve(request: ApprovalRequest, signal: AbortSignal): Promise<Consent>;
  readonly journal: Journal;
  /** Never waits, never throws. */
  emit(event: AgentEvent): void;
}

/** The configured agent that answers. Byte-stable per session. */
export interface Persona {
  /** Its own part of the system prompt; '' = none. */
  readonly text: string;
  /** The prompt says nothing of the machine, and that strangers may be listening (openclaw-http §4). */
  readonly isPublic: boolean;
  /** Where the caller says the conversation comes from: `voice`. Lower-case letters, digits, `.`, `_` and `-`. */
  readonly channel?: string;
}

export interface ModelChoice {
  readonly model?: string;
  readonly provider?: string;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly reasoningEffort?: string;
}

export type ToolChoice =
  | { readonly type: 'auto' | 'none' | 'required' }
  | { readonly type: 'tool'; readonly name: string }
  /** Only these may be called. */
  | { readonly type: 'allowed'; readonly names: readonly string[]; readonly required: boolean };

export type ResponseFormat =
  | { readonly type: 'text' | 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly description?: string;
      readonly strict?: boolean;
    };

export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** False = at most one tool call per answer of the model. */
  readonly parallelToolCalls?: boolean;
}

/**
 * Steps of this turn that earlier attempts already finished, and where new ones are recorded. A recorded step is
 * durable when the promise resolves. Rejects with FENCED when the turn was claimed again: stop at once.
 */
export interface Journal {
  readonly past: readonly JournalStep[];
  /** An assistant message that calls tools, before any of them runs. */
  model(message: Extract<Message, { role: 'assistant' }>, usage: Usage): Promise<void>;
  toolStarted(call: ToolCall): Promise<void>;
  toolDone(call: ToolCall, result: string): Promise<void>;
}

export type JournalStep =
  | {
      readonly kind: 'model';
      readonly message: Extract<Message, { role: 'assistant' }>;
      readonly usage: Usage;
    }
  /** `result` is absent when the call was in flight at the crash. */
  | { readonly kind: 'tool'; readonly call: ToolCall; readonly result?: string };

/** Runs one turn to its end. Never rejects: every failure is a result. */
export interface Agent {
  run(run: AgentRun): Promise<TurnResult>;
  /** The model and provider a turn without its own choice uses, for greetings, status and `/v1/models`. */
  readonly model: { readonly name: string; readonly provider: string; readonly isDemo: boolean };
  /** Kills background processes, closes transports. */
  close(): Promise<void>;
}

/* ---- models: one seam for every wire format ---- */

export interface ModelCall {
  readonly system: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSchema[];
  readonly sampling?: Sampling;
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  readonly reasoningEffort?: string;
  /** For prompt caches of providers that key them. */
  readonly session: string;
}

export interface ToolSchema {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The caller wants arguments that follow the schema exactly; passed on where the model takes it. */
  readonly strict?: boolean;
}

/** A model stream never throws: failure is its last event. Exactly one `finish` or `error`, always last. */
export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'tool-call'; readonly call: ToolCall }
  /** A wish of the caller that this model does not take, in one sentence. */
  | { readonly type: 'warning'; readonly text: string }
  | {
      readonly type: 'finish';
      readonly reason: 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other';
      readonly usage: Usage;
      /** Opaque data to send back with this assistant message. */
      readonly meta?: ProviderMeta;
    }
  | { readonly type: 'error'; readonly failure: ModelFailure };

/** Raw facts about a failed call; `agent/classify.ts` decides what to do. */
export interface ModelFailure {
  readonly status?: number;
  /** Provider's own error code or type. */
  readonly code?: string;
  readonly message: string;
  readonly retryAfterMs?: number;
  /** Aborted by our own signal. */
  readonly aborted?: boolean;
  /** The connection failed before a response or broke inside it. */
  readonly transport?: boolean;
}

export interface Model {
  readonly name: string;
  readonly provider: string;
  readonly isDemo: boolean;
  readonly vision: boolean;
  stream(call: ModelCall, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

/* ---- tools: one file each ---- */

export type RiskClass = 'read' | 'write' | 'exec' | 'external' | 'owner';

export interface Tool<A = unknown> {
  readonly name: string;
  readonly toolset: string;
  readonly emoji: string;
  readonly description: string;
  /** zod schema; its JSON Schema is what the model sees. */
  readonly schema: import('zod').ZodType<A>;
  readonly risk: RiskClass;
  /** True = running it twice has the effect of once; an interrupted call may be repeated after a crash. */
  readonly idempotent: boolean;
  /** Read-only or scoped to `path(args)`: may run beside others of one batch (agent-runtime.md §7.1). */
  readonly parallel?: 'read' | { path(args: A): string };
  /** One line for people. */
  preview(args: A): string;
  /** Answers the JSON text the model gets. May throw: the loop turns it into an error result. */
  run(args: A, context: ToolContext): Promise<string>;
}

export interface ToolContext {
  readonly task: string;
  readonly session: string;
  readonly call: string;
  readonly platform: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** Conversation so far, for tools that hydrate from it (`todo`). */
  readonly history: readonly Message[];
  /**
   * Asks for consent to what `risk` describes; resolves 'denied' where nobody can answer.
   * The tool returns the refusal to the model as its result.
   */
  approve(request: ApprovalRequest): Promise<Consent>;
}

/** `expired`: somebody was asked and did not answer in time, which is a refusal. */
export type Consent = 'allowed' | 'denied' | 'expired';

export interface ApprovalRequest {
  /** Closed set of keys, stored in `command_allowlist` when allowed for ever. */
  readonly keys: readonly string[];
  readonly command: string;
  readonly why: string;
}

/* ---- the tools as the API knows them ---- */

export interface ServedTools {
  /** Every documented set, reduced to the tools that exist. */
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
  /** What API turns may use at all, whichever agent works. */
  all(): ReadonlySet<string>;
  /** What the rules of an agent leave of `all` and of the tools about the gateway itself. The same set every time. */
  namesFor(agent: AgentProfile, isOwner: boolean): ReadonlySet<string>;
  /** Tells whether a tool is meant by names of a configuration: aliases, groups and patterns are understood. */
  matcher(written: readonly string[]): (tool: string) => boolean;
  /** True when the arguments of the tool have a property of this name. */
  hasProperty(tool: string, property: string): boolean;
  /** Runs one tool outside of any turn. Never rejects. Whoever calls has checked `namesFor`. */
  invoke(invocation: ToolInvocation, signal: AbortSignal): Promise<Invoked>;
}

export interface ToolInvocation extends Pick<ToolContext, 'task' | 'session' | 'call' | 'platform'> {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export type Invoked =
  | { readonly kind: 'done'; readonly text: string }
  /** The arguments do not fit, or the tool says what went wrong. */
  | { readonly kind: 'failed'; readonly why: string }
  /** A guard of the machine said no. */
  | { readonly kind: 'refused'; readonly why: string }
  /** A person would have to consent. */
  | { readonly kind: 'unapproved'; readonly why: string }
  /** The reason is in the log only. */
  | { readonly kind: 'crashed' };
