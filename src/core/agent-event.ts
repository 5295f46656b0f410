import type { Message, ToolCall, Usage } from './message.ts';

/**
 * What a turn emits while it works. Every consumer (chat preview, SSE encoder, run events, logs) reads this
 * one union; none of them can slow the turn down: emitting never waits and never throws.
 */
export type AgentEvent =
  | { readonly type: 'turn.started'; readonly model: string; readonly provider: string }
  | { readonly type: 'text.delta'; readonly text: string }
  | { readonly type: 'reasoning.delta'; readonly text: string }
  /** The assistant text so far is complete; tools run next. A chat finalises the current message on it. */
  | { readonly type: 'segment.end' }
  | {
      readonly type: 'tool.started';
      readonly call: string;
      readonly name: string;
      readonly emoji: string;
      /** Short argument preview for people, secrets removed. */
      readonly preview: string;
      readonly arguments: string;
    }
  | {
      readonly type: 'tool.completed';
      readonly call: string;
      readonly name: string;
      readonly ms: number;
      readonly isError: boolean;
      readonly result: string;
    }
  | { readonly type: 'status'; readonly kind: string; readonly text: string }
  /** A tool waits for the consent of a person; only in turns that have somebody to ask. */
  | { readonly type: 'approval.requested'; readonly question: ApprovalQuestion }
  /** It waits no longer. `by`: who settled it; a question left alone for too long counts as refused. */
  | {
      readonly type: 'approval.answered';
      readonly id: string;
      readonly choice: ApprovalChoice;
      readonly by: 'person' | 'timeout' | 'end';
    }
  /** What was said to the turn meanwhile is in front of the model from its next call on. */
  | { readonly type: 'steered'; readonly text: string }
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'turn.ended'; readonly result: TurnResult };

/** How far a consent reaches: this call, this turn, or every later one. */
export type ApprovalChoice = 'once' | 'session' | 'always' | 'deny';

export interface ApprovalQuestion {
  readonly id: string;
  /** What would be run, secrets removed. */
  readonly command: string;
  readonly why: string;
  /** Names of the rules that ask; consent is remembered by them. */
  readonly keys: readonly string[];
  readonly choices: readonly ApprovalChoice[];
}

export type TurnStatus = 'completed' | 'partial' | 'failed' | 'interrupted';

/** How a turn ended. `text` is the final answer; messages are what the turn adds to the transcript. */
export interface TurnResult {
  readonly status: TurnStatus;
  readonly text: string;
  readonly reasoning?: string;
  readonly messages: readonly Message[];
  readonly usage: Usage;
  readonly model: string;
  readonly provider: string;
  readonly modelCalls: number;
  /** Why the loop stopped: `text_response`, `max_iterations`, `truncated`, `model_error` … */
  readonly exit: string;
  /** Calls of the caller's own tools, still open; the caller answers them with its next request. */
  readonly clientCalls?: readonly ToolCall[];
  /** For people, secrets removed; present when failed or partial. */
  readonly error?: { readonly code: string; readonly message: string };
}
