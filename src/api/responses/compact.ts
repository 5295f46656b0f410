import { z } from 'zod';
import { brand, type SessionKey } from '../../core/ids.ts';
import { type Message, textOf } from '../../core/message.ts';
import type { Unstored } from '../../turn/contract.ts';
import { callerOf, ownId } from '../auth/caller.ts';
import { parseObject } from '../body.ts';
import { ApiError, badRequest } from '../errors.ts';
import { nothingBrought } from '../media/brought.ts';
import { goneSignal } from '../media/gone.ts';
import { chooseModel } from '../model-choice.ts';
import { isAgentTarget } from '../openclaw/target.ts';
import type { Route } from '../routes.ts';
import { source } from './archive.ts';
import { responsesPath } from './create.ts';
import { type FamilyDeps, inputReader, type ResponsesDeps } from './deps.ts';
import { isSummary, joinConversation, readInput } from './items.ts';
import { previousNotFound } from './plan.ts';
import { checked, reportIgnored } from './request.ts';
import { usageOf, usageShape } from './resource.ts';
import { compactRequest } from './schema.ts';

const order =
  'Summarise the conversation above for an assistant that will go on with it and will see nothing else of it. ' +
  'Keep every fact, name, number, decision, open task and tool result that may still matter. Answer with the summary only.';

const compaction = z.object({
  id: z.string(),
  object: z.literal('response.compaction'),
  created_at: z.int(),
  output: z.array(z.looseObject({ type: z.string(), id: z.string() })),
  usage: usageShape,
});

/**
 * `POST /v1/responses/compact` (Open Responses §16): the user's messages as they are, everything else as one sealed
 * summary. Nothing is kept: the client starts a new chain with the output.
 */
export function compactRoute(family: FamilyDeps): Route {
  return {
    method: 'POST',
    path: `${responsesPath}/compact`,
    scope: 'responses',
    maxBodyBytes: family.media.maxBodyBytes,
    name: 'response_compact',
    doc: {
      id: 'compactResponse',
      summary: 'Shortens a conversation to its user messages and a summary that only this server can read.',
      body: compactRequest,
      answer: compaction,
      errors: [400, 404, 429, 502],
    },
    async handle(request, reply) {
      const deps = family.of(callerOf(request));
      deps.runs.refuseIfFull();
      const body = parseObject(request.body);
      const fields = checked(compactRequest, body);
      reportIgnored(reply, body, compactRequest);
      const { clock } = deps;
      const { notes, messages, unstored } = await conversation(
        deps,
        body,
        fields,
        request.id,
        goneSignal(reply.raw),
      );
      const choice = chooseModel(fields, deps.api);
      const run = await deps.runs.start({
        source,
        key: `compact:${request.id}`,
        sessionKey: brand<SessionKey>(`api:${request.id}`),
        sessionId: ownId(deps.caller, `api_compact_${clock.hex(12)}`),
        input: order,
        history: [...notes, ...messages],
        tools: [],
        ...(fields.instructions ? { ephemeralSystem: fields.instructions } : {}),
        ...(choice === undefined ? {} : { model: choice }),
        ...(unstored === undefined ? {} : { unstored }),
        consumer: 'live',
      });
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) run.leave('HTTP client disconnected');
      });
      const result = await run.handle.result;
      if (result.status !== 'completed' || result.text.trim() === '') {
        throw new ApiError(502, result.error?.message ?? 'The conversation could not be summarised.', {
          code: 'agent_incomplete',
          headers: { 'x-should-retry': 'false' },
        });
      }
      const seal = await deps.seal();
      return {
        id: `cmp_${clock.hex(12)}`,
        object: 'response.compaction',
        created_at: Math.floor(clock.now() / 1000),
        output: [
          ...messages.filter(isKept).map((message) => userItem(deps, message)),
          { type: 'compaction', id: `cmp_${clock.hex(12)}`, encrypted_content: seal.close(result.text) },
        ],
        usage: usageOf(result.usage),
      };
    },
  };
}

/** What an earlier summary said is part of the new one, and stays sealed. */
const isKept = (message: Message) => message.role === 'user' && !isSummary(message);

interface Compacted {
  readonly notes: readonly Message[];
  readonly messages: readonly Message[];
  /** Of the files of the input. */
  readonly unstored: Unstored | undefined;
}

async function conversation(
  deps: ResponsesDeps,
  body: Readonly<Record<string, unknown>>,
  fields: z.output<typeof compactRequest>,
  request: string,
  signal: AbortSignal,
): Promise<Compacted> {
  const previous = fields.previous_response_id;
  const kept = previous ? await deps.archive.find(previous) : undefined;
  if (previous && kept === undefined) throw previousNotFound(previous);
  const stored = kept?.history ?? [];
  if (fields.input === undefined || fields.input === null) {
    if (stored.length === 0) throw badRequest("Missing 'input' field", { param: 'input' });
    return { notes: [], messages: stored, unstored: undefined };
  }
  const brought = nothingBrought();
  const { messages: sent, system } = readInput(fields.input, await inputReader(deps, body), brought);
  const isOpenClaw = isAgentTarget(fields.model);
  const shown = await deps.media.load({ brought, messages: sent, isOpenClaw, request }, signal);
  const messages = shown.messages(sent);
  const { history, input } = joinConversation(stored, messages, kept !== undefined);
  const notes: Message[] = system === '' ? [] : [{ role: 'user', content: `[Instructions]\n${system}` }];
  const last = messages.at(-1);
  const all = input === '' || last === undefined ? history : [...history, last];
  return { notes, messages: all, unstored: shown.unstored };
}

function userItem({ clock }: ResponsesDeps, message: Message) {
  const id = `msg_${clock.hex(12)}`;
  const text = { type: 'input_text' as const, text: textOf(message.content) };
  const images =
    typeof message.content === 'string'
      ? []
      : message.content.flatMap((part) =>
          part.type === 'image_url'
            ? [
                {
                  type: 'input_image',
                  image_url: part.image_url.url,
                  detail: part.image_url.detail ?? 'auto',
                },
              ]
            : [],
        );
  const content = text.text === '' && images.length > 0 ? images : [text, ...images];
  return { type: 'message', id, status: 'completed', role: 'user', content };
}
