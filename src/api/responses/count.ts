import { z } from 'zod';
import { type Message, textOf } from '../../core/message.ts';
import type { Source } from '../../files/source.ts';
import { callerOf } from '../auth/caller.ts';
import { parseObject } from '../body.ts';
import { nothingBrought } from '../media/brought.ts';
import type { Route } from '../routes.ts';
import { responsesPath } from './create.ts';
import { type FamilyDeps, inputReader } from './deps.ts';
import { joinConversation, readInput } from './items.ts';
import { previousNotFound } from './plan.ts';
import { checked, conversationOf, reportIgnored } from './request.ts';
import { inputTokensRequest } from './schema.ts';
import { readTools } from './tools.ts';

const bytesPerToken = 4;
const perMessage = 4;
const perImage = 765;

/** `POST /v1/responses/input_tokens`: an estimate, because the tokens of the configured model are its vendor's secret. */
export function countRoute(family: FamilyDeps): Route {
  return {
    method: 'POST',
    path: `${responsesPath}/input_tokens`,
    scope: 'responses',
    maxBodyBytes: family.media.maxBodyBytes,
    name: 'response_input_tokens',
    doc: {
      id: 'countInputTokens',
      summary:
        'Estimates the tokens of an input with its chain, instructions and tools; the agent adds its own.',
      body: inputTokensRequest,
      answer: z.object({ object: z.literal('response.input_tokens'), input_tokens: z.int() }),
      errors: [400, 404],
    },
    async handle(request, reply) {
      const deps = family.of(callerOf(request));
      const body = parseObject(request.body);
      const fields = checked(inputTokensRequest, body);
      reportIgnored(reply, body, inputTokensRequest);
      const conversation = conversationOf(fields);
      const brought = nothingBrought();
      const { system, messages } = readInput(fields.input, await inputReader(deps, body), brought);
      const { echo } = readTools(fields);
      const previous = fields.previous_response_id;
      const id = previous ?? (conversation && (await deps.archive.newest(conversation)));
      const kept = id ? await deps.archive.find(id) : undefined;
      if (previous && kept === undefined) throw previousNotFound(previous);
      const joined = joinConversation(kept?.history ?? [], messages, kept !== undefined);
      const instructions = fields.instructions ?? kept?.response.instructions ?? '';
      return {
        object: 'response.input_tokens',
        input_tokens:
          estimateTokens([...joined.history, { role: 'user', content: joined.input }]) +
          textTokens(instructions + system) +
          brought.files.reduce((sum, { source }) => sum + fileTokens(source), 0) +
          (echo.tools.length === 0 ? 0 : textTokens(JSON.stringify(echo.tools))),
      };
    },
  };
}

const textTokens = (text: string) => Math.ceil(Buffer.byteLength(text) / bytesPerToken);

/** Of what was sent along; nothing is downloaded to be counted. */
function fileTokens(source: Source): number {
  const inline = source.kind === 'data' ? source.base64 : /^data:/i.test(source.url) ? source.url : '';
  return Math.ceil((inline.length * 3) / 4 / bytesPerToken);
}

function estimateTokens(messages: readonly Message[]): number {
  let tokens = 0;
  for (const message of messages) {
    tokens += perMessage + textTokens(textOf(message.content));
    if (message.role === 'assistant' && message.toolCalls) {
      tokens += textTokens(JSON.stringify(message.toolCalls.map((call) => [call.name, call.arguments])));
    }
    if (typeof message.content !== 'string') {
      tokens += perImage * message.content.filter((part) => part.type === 'image_url').length;
    }
  }
  return tokens;
}
