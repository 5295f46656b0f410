import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { ResponseFormat, Sampling } from '../../agent/contract.ts';
import type { Message } from '../../core/message.ts';
import type { Unstored } from '../../turn/contract.ts';
import type { JsonObject } from '../body.ts';
import { badRequest } from '../errors.ts';
import { unmetFields } from '../fields.ts';
import { type Brought, nothingBrought } from '../media/brought.ts';
import type { Target } from '../openclaw/target.ts';
import { responsesFields } from './fields.ts';
import { readFormat } from './format.ts';
import { type ReadInput, readHistory, readInput } from './items.ts';
import type { ResponseEcho } from './resource.ts';
import { type ResponsesRequest, responsesRequest } from './schema.ts';
import { type ToolItems, toolItemKinds } from './tool-items.ts';
import { type ReadTools, readTools } from './tools.ts';

/** A checked request, before anything is looked up. */
export interface Asked {
  readonly fields: ResponsesRequest;
  readonly target: Target;
  readonly input: ReadInput;
  /** Images and files of the messages. */
  readonly brought: Brought;
  /** Of the files, once they were read. */
  readonly unstored?: Unstored;
  /** `conversation_history`, when it says something. */
  readonly history: readonly Message[] | undefined;
  readonly conversation: string | undefined;
  readonly tools: ReadTools;
  readonly format: ResponseFormat | undefined;
  readonly text: ResponseEcho['text'];
  readonly sampling: Sampling | undefined;
  /** How the request wants tools of the server to be shown; undefined = it does not say. */
  readonly toolItems: ToolItems | undefined;
  /** Names of the sent fields that have no effect, for `X-Hermes-Ignored`. */
  readonly ignored: readonly string[];
}

export type InputReader = Parameters<typeof readInput>[1];

/** Checks a parsed body and takes it apart; throws 400 with the offending `param` (api-server §7.1). */
export async function readResponsesRequest(
  body: JsonObject,
  headers: IncomingHttpHeaders,
  reader: InputReader,
  target: Target,
): Promise<Asked> {
  if (target.isNamed && typeof body.model !== 'string') {
    throw badRequest('model: expected a string', { param: 'model' });
  }
  const fields = checked(responsesRequest, body);
  const conversation = conversationOf(fields);
  if (fields.background && !fields.store) {
    throw badRequest("'background' needs 'store'.", { param: 'background' });
  }
  const brought = nothingBrought();
  const history = readHistory(fields.conversation_history, brought);
  const input = readInput(fields.input, reader, brought);
  const tools = readTools(fields);
  const { echo: text, format } = await readFormat(fields.text);
  return {
    fields,
    target,
    input,
    brought,
    history,
    conversation,
    tools,
    text,
    format,
    sampling: samplingOf(fields),
    toolItems: toolItemsOf(fields, headers, target.isNamed),
    ignored: [...unmetFields(body, responsesFields), ...tools.ignored, ...input.ignored].slice(0, 20),
  };
}

/** The body in the shape of `schema`; throws 400 with the first offending field as `param`. */
export function checked<S extends z.ZodType>(schema: S, body: JsonObject): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = (issue?.path ?? [])
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i ? '.' : ''}${String(key)}`))
    .join('');
  throw badRequest(`Invalid '${param}': ${issue?.message ?? 'invalid'}`, { param });
}

/** Names what `schema` does not know in the answer's header. */
export function reportIgnored(reply: FastifyReply, body: JsonObject, { shape }: z.ZodObject): void {
  const known = Object.fromEntries(Object.keys(shape).map((name) => [name, taken]));
  const unmet = unmetFields(body, known);
  if (unmet.length > 0) reply.header('X-Hermes-Ignored', unmet.join(', '));
}

const taken = { ruling: 'honoured', note: '' } as const;

/** Name of the conversation; undefined without one. */
export function conversationOf(fields: Pick<ResponsesRequest, 'conversation' | 'previous_response_id'>) {
  const { conversation, previous_response_id } = fields;
  const name = (typeof conversation === 'string' ? conversation : conversation?.id)?.trim() ?? '';
  if (name !== '' && previous_response_id) {
    throw badRequest("Cannot use both 'conversation' and 'previous_response_id'", { param: 'conversation' });
  }
  if (name.length > 256) throw badRequest("'conversation' is too long", { param: 'conversation' });
  return name === '' ? undefined : name;
}

function samplingOf(fields: ResponsesRequest): Sampling | undefined {
  const wishes = {
    temperature: fields.temperature,
    topP: fields.top_p,
    maxTokens: fields.max_output_tokens,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    parallelToolCalls: fields.parallel_tool_calls ? undefined : false,
  };
  const set = Object.entries(wishes).filter(([, value]) => value !== undefined && value !== null);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Sampling);
}

function toolItemsOf(
  fields: ResponsesRequest,
  headers: IncomingHttpHeaders,
  isNamed: boolean,
): ToolItems | undefined {
  const header = headers['x-hermes-tool-items'];
  const wanted = toolItemKinds.find((kind) => kind === header);
  if (wanted !== undefined) return wanted;
  if (header !== undefined && header !== '') {
    throw badRequest(`X-Hermes-Tool-Items must be one of ${toolItemKinds.join(', ')}.`);
  }
  if (fields.include?.includes('hermes:tool_calls')) return 'hermes:tool_call';
  // Clients of agents know nothing of the server's tools.
  return isNamed ? 'none' : undefined;
}
