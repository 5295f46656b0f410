/** How every source of work reaches the agent, and what it can watch. There is no second path. */

import type {
  ModelChoice,
  Persona,
  ResponseFormat,
  Sampling,
  ToolChoice,
  ToolSchema,
} from '../agent/contract.ts';
import type { AgentEvent, ApprovalChoice, TurnResult } from '../core/agent-event.ts';
import type { SessionKey, TraceId, TurnId } from '../core/ids.ts';
import type { Content, ContentPart, Message } from '../core/message.ts';
import type { GivenResult } from './results.ts';

/** Shown to the model of one turn and written nowhere: text and pages of files (docs/decisions/016). */
export interface Unstored {
  /** Comes last in the system prompt; '' = nothing. */
  readonly system: string;
  /** Shown after the input. */
  readonly parts: readonly ContentPart[];
}

/** A turn asked for by a program. Chats arrive through `Intake` and need none of this. */
export interface TurnRequest {
  /** Source name: `api_server`, `cli` … also the account id of its inbound row. */
  readonly source: string;
  /** Unique per source; a repeated key never starts a second turn. */
  readonly key: string;
  /** Turns of one key run one after another. */
  readonly sessionKey: SessionKey;
  /** Public id of the conversation. */
  readonly sessionId: string;
  readonly input: Content;
  /** `stored`: history is the session's transcript. Otherwise the given messages are the whole history. */
  readonly history: 'stored' | readonly Message[];
  /** With `stored`: what to use when the session has no messages yet. */
  readonly historyIfEmpty?: readonly Message[];
  /** With `stored`: results of calls that the session's last turn left to its caller. With `input` '' it goes on. */
  readonly results?: readonly GivenResult[];
  readonly ephemeralSystem?: string;
  /** What only this process remembers; a turn that lost it fails with CONTENT_GONE. */
  readonly unstored?: Unstored;
  readonly persona?: Persona;
  readonly memoryScope?: string;
  readonly model?: ModelChoice;
  readonly sampling?: Sampling;
  /** Tools the caller runs itself; see AgentRun. */
  readonly clientTools?: readonly ToolSchema[];
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  /** Tool calls of any kind this turn may make. */
  readonly maxToolCalls?: number;
  /** Names of the allowed tools; only ever narrows what the source's toolset gives. */
  readonly tools?: readonly string[];
  /**
   * Somebody can be asked for consent (`TurnHandle.answer`); without it what needs consent is refused. `always`: the
   * answer may also hold for everything later.
   */
  readonly approvals?: { readonly always: boolean };
  /** `live`: the turn dies with its last watcher and is not resumed after a restart. */
  readonly consumer: 'live' | 'chat';
}

export interface Turns {
  /**
   * Resolves when the request is durable. Rejects with BUSY (too many waiting), DRAINING or STORE_FULL; then
   * nothing was stored.
   */
  submit(request: TurnRequest): Promise<TurnHandle>;
  /** A request that waits or runs, also one that an earlier process took; undefined once it has ended. */
  find(turn: TurnId): Promise<TurnHandle | undefined>;
  /** Turns now running or waiting, of one source or all. */
  active(source?: string): number;
}

export interface TurnHandle {
  readonly turn: TurnId;
  readonly trace: TraceId;
  /**
   * Resolves with the recorded result; never rejects. `exit: 'suspended'`: this process stops, nothing was recorded, and
   * the turn goes on after the next start. Only for consumer `chat`.
   */
  readonly result: Promise<TurnResult>;
  /**
   * Calls `listener` for every event from the first one on, also for those emitted before the call.
   * The listener must not wait or throw.
   */
  watch(listener: (event: AgentEvent) => void): () => void;
  /** Ends the turn: no further model call is made. */
  interrupt(reason: string): void;
  /**
   * Guidance for the model, put at the end of the newest tool result before its next call; `steered` tells when.
   * False when the turn is over. Only this process knows of it.
   */
  steer(text: string): boolean;
  /** Answers questions of `approval.requested`, the oldest, all, or one by its id; tells how many there were. */
  answer(choice: ApprovalChoice, which: 'oldest' | 'all' | { readonly id: string }): number;
}
