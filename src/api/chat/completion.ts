import type { TurnResult } from '../../core/agent-event.ts';
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

/**
 * Encodes a finished turn as the JSON answer with its extra headers; throws the 502 of api-server §6.2 when there is
 * nothing to show.
 */
export function encodeCompletion(
  result: TurnResult,
  identity: ChatIdentity,
  showReasoning: boolean,
): { readonly body: ChatCompletion; readonly headers: Record<string, string> } {
  const { finish, outcome, isEmpty } = judge(result);
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
  const reasoning = showReasoning ? result.reasoning : undefined;
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
            content: result.text,
            refusal: null,
            ...(reasoning === undefined || reasoning === '' ? {} : { reasoning_content: reasoning }),
          },
          logprobs: null,
          finish_reason: finish,
        },
      ],
      usage: usageOf(result.usage),
      ...(outcome === undefined ? {} : { hermes: outcome }),
    },
  };
}
