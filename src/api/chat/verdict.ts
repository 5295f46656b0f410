import type { TurnResult } from '../../core/agent-event.ts';
import type { Usage } from '../../core/message.ts';
import type { ChatOutcome, ChatUsage, FinishReason } from './schema.ts';

/** What a finished turn means to a chat client (table of api-server §6.2). */
export interface Verdict {
  readonly finish: FinishReason;
  /** Present when the turn did not complete. */
  readonly outcome: ChatOutcome | undefined;
  /** Nothing that could be shown: an error status where the status is still open. */
  readonly isEmpty: boolean;
}

/** `legacy`: the request spoke of functions. */
export function judge(result: TurnResult, legacy = false): Verdict {
  if (result.status === 'completed') {
    const called = (result.clientCalls ?? []).length > 0;
    const finish = called ? (legacy ? 'function_call' : 'tool_calls') : 'stop';
    return { finish, outcome: undefined, isEmpty: false };
  }
  const failed = result.status === 'failed';
  const partial = !failed;
  const error =
    result.error?.message ??
    (result.status === 'interrupted' ? 'The turn was interrupted before it finished.' : null);
  const truncated = partial && (result.exit === 'truncated' || /truncat/i.test(error ?? ''));
  return {
    finish: truncated ? 'length' : failed || error !== null ? 'error' : 'stop',
    outcome: {
      completed: false,
      partial,
      failed,
      error,
      error_code: truncated ? 'output_truncated' : 'agent_error',
    },
    isEmpty: result.text === '',
  };
}

/** Details are given when known, that is when they are not zero. */
export function usageOf(usage: Usage): ChatUsage {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    ...(usage.cacheRead > 0 ? { prompt_tokens_details: { cached_tokens: usage.cacheRead } } : {}),
    ...(usage.reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: usage.reasoning } } : {}),
  };
}
