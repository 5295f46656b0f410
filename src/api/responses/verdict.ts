import type { TurnResult } from '../../core/agent-event.ts';
import type { ResponseObject } from './resource.ts';

/** How a turn's end looks on a response. */
export type Verdict = Pick<ResponseObject, 'status' | 'incomplete_details' | 'error'>;

/** Our failure classes that the official API has codes for; every other one is a `server_error`. */
const codes: Readonly<Record<string, string>> = {
  rate_limit: 'rate_limit_exceeded',
  context_overflow: 'context_length_exceeded',
  payload_too_large: 'context_length_exceeded',
  invalid_output: 'invalid_output',
};

/** Exits that mean: the model ran out of its output budget. */
const cut: ReadonlySet<string> = new Set(['truncated', 'thinking_exhausted']);

/** `cancelled`: a client asked for the end (Open Responses §6, api-server §7.2). */
export function judge(result: TurnResult, cancelled: boolean): Verdict {
  switch (result.status) {
    case 'completed':
      return { status: 'completed', incomplete_details: null, error: null };
    case 'interrupted':
      return cancelled
        ? { status: 'cancelled', incomplete_details: null, error: null }
        : incomplete('interrupted');
    case 'partial':
      if (cut.has(result.exit) || cut.has(result.error?.code ?? '')) return incomplete('max_output_tokens');
      return result.text === '' ? failed(result) : incomplete(result.error?.code ?? result.exit);
    case 'failed':
      return failed(result);
    default:
      return result.status satisfies never;
  }
}

function incomplete(reason: string): Verdict {
  return { status: 'incomplete', incomplete_details: { reason }, error: null };
}

function failed({ error }: TurnResult): Verdict {
  const code = error === undefined || !Object.hasOwn(codes, error.code) ? undefined : codes[error.code];
  return {
    status: 'failed',
    incomplete_details: null,
    error: {
      type: 'server_error',
      code: code ?? 'server_error',
      message: error?.message ?? 'Agent run did not produce a response.',
    },
  };
}
