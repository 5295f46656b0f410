import type { TurnResult } from '../../core/agent-event.ts';
import type { ToolCall } from '../../core/message.ts';
import { ApiError } from '../errors.ts';
import { headerText } from '../headers.ts';
import type { ChatCompletion } from './schema.ts';
import { judge, usageOf } from './verdict.ts';

/** Identity of one answer, the same in its JSON and in every chunk. */
export interface ChatIdentity {
  /** `chatcmpl-` and 29 hex digits. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  /** The request's `model`, else the advertised name. */
  readonly model: string;
}

export interface CompletionOptions {
  readonly reasoning: boolean;
  /** The request spoke of functions: one call, in the older form. */
  readonly legacy: boolean;
  readonly warnings: readonly string[];
  /** Said when the agent said nothing and asked for nothing. */
  readonly nothing?: string;
}

/**
 * Encodes a finished turn as the JSON answer with its extra headers; throws the 502 of api-server §6.2 when there is
 * nothing to show.
 */
export function encodeCompletion(
  result: TurnResult,
  identity: ChatIdentity,
  options: CompletionOptions,
): { readonly body: ChatCompletion; readonly headers: Record<string, string> } {
  const { finish, outcome, isEmpty } = judge(result, options.legacy);
  const headers: Record<string, string> =
    outcome === undefined
      ? {}
      : {
          'X-Hermes-Completed': 'false',
          'X-Hermes-Partial': String(outcome.partial),
          ...(outcome.error === null ? {} : { 'X-Hermes-Error': headerText(outcome.error) }),
        };
  if (outcome !== undefined && isEmpty) {
    const { completed, partial, failed } = outcome;
    throw new ApiError(502, outcome.error ?? 'Agent run did not produce a response.', {
      code: 'agent_incomplete',
      headers: { ...headers, 'x-should-retry': 'false' },
      hermes: { completed, partial, failed },
    });
  }
  const calls = result.clientCalls ?? [];
  const reasoning = options.reasoning ? result.reasoning : undefined;
  return {
    headers,
    body: {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content:
              calls.length > 0
                ? result.text === '' && options.nothing === undefined
                  ? null
                  : result.text
                : result.text || (options.nothing ?? ''),
            refusal: null,
            ...(reasoning === undefined || reasoning === '' ? {} : { reasoning_content: reasoning }),
            ...(calls.length === 0 ? {} : asCalls(calls, options.legacy)),
          },
          logprobs: null,
          finish_reason: finish,
        },
      ],
      usage: usageOf(result.usage),
      ...(options.warnings.length === 0 ? {} : { warnings: [...options.warnings] }),
      ...(outcome === undefined ? {} : { hermes: outcome }),
    },
  };
}

function asCalls(calls: readonly ToolCall[], legacy: boolean) {
  const wire = calls.map(({ id, name, arguments: args }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: args },
  }));
  return legacy ? { function_call: wire[0]?.function } : { tool_calls: wire };
}
