import type { ResponseFormat, Sampling } from '../../agent/contract.ts';
import type { JsonObject } from '../body.ts';
import { cutAt, isCut } from '../content.ts';
import { badRequest } from '../errors.ts';
import { unmetFields } from '../fields.ts';
import { chatFields } from './fields.ts';
import { readFormat } from './format.ts';
import { type Conversation, readMessages } from './messages.ts';
import { type ChatRequest, chatRequest } from './schema.ts';
import { readTools, type ToolWishes } from './tools.ts';

export interface ChatTurn extends ToolWishes {
  readonly fields: ChatRequest;
  readonly conversation: Conversation;
  readonly sampling: Sampling | undefined;
  readonly responseFormat: ResponseFormat | undefined;
  /** Names of the sent fields that have no effect, for `X-Hermes-Ignored`. */
  readonly ignored: readonly string[];
}

/** Checks a parsed body and takes it apart; throws 400 with the offending `param`. */
export function readChatRequest(body: JsonObject): ChatTurn {
  const parsed = chatRequest.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refusal(issue?.path ?? [], issue?.message ?? 'invalid');
  }
  const fields = parsed.data;
  if ((fields.n ?? 1) > 1) {
    throw badRequest("Only 'n' = 1 is supported.", { param: 'n', code: 'unsupported_value' });
  }
  if (fields.modalities?.some((kind) => kind !== 'text')) {
    throw badRequest("Only 'text' is supported.", { param: 'modalities', code: 'unsupported_value' });
  }
  const conversation = readMessages(fields.messages);
  const wishes = readTools(fields);
  return {
    ...wishes,
    fields,
    conversation,
    sampling: samplingOf(fields, wishes),
    responseFormat: readFormat(fields.response_format),
    ignored: [
      ...unmetFields(body, chatFields),
      ...fields.messages.flatMap(({ content }, i) =>
        isCut(content) ? [cutAt(`messages[${i}].content`)] : [],
      ),
    ].slice(0, 20),
  };
}

function refusal(path: readonly PropertyKey[], why: string): Error {
  const param = path.map((key, i) =>
    typeof key === 'number' ? `[${key}]` : `${i ? '.' : ''}${String(key)}`,
  );
  if (path[0] === 'messages' && path.length === 1) {
    return badRequest("Missing or invalid 'messages' field", { param: 'messages' });
  }
  return badRequest(`Invalid '${param.join('')}': ${why}`, { param: param.join('') });
}

function samplingOf(fields: ChatRequest, { oneCallOnly }: ToolWishes): Sampling | undefined {
  const limit = fields.max_completion_tokens ?? fields.max_tokens;
  const stop = typeof fields.stop === 'string' ? [fields.stop] : fields.stop;
  const wishes = {
    temperature: fields.temperature,
    topP: fields.top_p,
    maxTokens: limit !== undefined && limit !== null && limit > 0 ? limit : undefined,
    stop: stop && stop.length > 0 ? stop : undefined,
    seed: fields.seed,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    parallelToolCalls: oneCallOnly ? false : undefined,
  };
  const set = Object.entries(wishes).filter(([, value]) => value !== undefined && value !== null);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Sampling);
}
