import type { IncomingHttpHeaders } from 'node:http';
import type { TurnRequest } from '../../turn/contract.ts';
import { type Caller, ownId } from '../auth/caller.ts';
import type { JsonObject } from '../body.ts';
import { badRequest } from '../errors.ts';
import { toHeader } from '../headers.ts';
import { mayContinue, modelOf, targetOf } from '../openclaw/target.ts';
import { type Kept, source } from '../responses/archive.ts';
import { laneOf } from '../session.ts';
import type { RunsDeps } from './deps.ts';
import type { RunRecord } from './record.ts';
import type { AskedRun } from './request.ts';

/** Everything about one run that is known before its turn starts. */
export interface RunPlan {
  readonly id: string;
  readonly record: RunRecord;
  readonly turn: TurnRequest;
  /** What the caller's session key stands for from here on. */
  readonly session: { readonly name: string; readonly id: string } | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** A run belongs to no connection; every download has a time-out of its own. */
const forever = new AbortController().signal;

/** Looks up what a run continues and decides everything about its turn (api-server §9.1). */
export async function planRun(
  deps: RunsDeps,
  caller: Caller,
  asked: AskedRun,
  body: JsonObject,
  headers: IncomingHttpHeaders,
  memoryScope: string | undefined,
): Promise<RunPlan> {
  const { api, clock, store } = deps;
  const { fields } = asked;
  const named = asked.session === undefined ? {} : { 'x-hermes-session-id': toHeader(asked.session) };
  const target = targetOf(deps, caller, { ...headers, ...named }, body.model);
  // What one agent was told is not for another one, whose tools and prompt differ.
  const isOfAgent = (session: string) => mayContinue(deps.agents, target.agent, session);
  if (asked.session !== undefined && !isOfAgent(asked.session)) {
    throw badRequest(`The session belongs to another agent than '${target.agent.id}'.`, {
      param: 'session_id',
    });
  }
  const choice = modelOf(deps, target, caller, headers, fields);
  const found = asked.history === undefined ? await chained(deps, caller, fields) : undefined;
  const before = found && isOfAgent(found.session) ? found : undefined;
  const last =
    asked.session === undefined && before === undefined && memoryScope !== undefined
      ? await store.session(caller.namespace, memoryScope)
      : undefined;
  const bound = last !== undefined && isOfAgent(last) ? last : undefined;
  const id = `run_${clock.hex(16)}`;
  const shown = await deps.media.load(
    {
      brought: asked.brought,
      messages: [{ role: 'user', content: asked.input }],
      isOpenClaw: target.isNamed,
      request: id,
    },
    forever,
  );
  const continued = asked.session ?? before?.session ?? bound;
  const session = continued ?? id;
  // Without a key nobody is known, so what is named in a body is a conversation of such runs and never one of a chat.
  const isOpen = caller.kind === 'open' && (asked.session !== undefined || continued === undefined);
  const system = fields.instructions ?? before?.response.instructions ?? '';
  const sent = fields.model?.trim() ?? '';
  const given = asked.history ?? before?.history ?? (asked.earlier.length > 0 ? asked.earlier : undefined);
  return {
    id,
    record: {
      session,
      model: sent === '' ? api.modelName : sent,
      createdAt: clock.now(),
      steers: [],
      isStopping: false,
    },
    session: memoryScope === undefined ? undefined : { name: memoryScope, id: session },
    headers: {
      'X-Hermes-Session-Id': toHeader(session),
      ...(memoryScope === undefined ? {} : { 'X-Hermes-Session-Key': toHeader(memoryScope) }),
    },
    turn: {
      source,
      key: id,
      sessionKey: laneOf(continued, caller, id),
      sessionId: isOpen ? `open:${session}` : ownId(caller, session),
      input: shown.content(asked.input),
      ...(shown.unstored === undefined ? {} : { unstored: shown.unstored }),
      history: given ?? (continued === undefined ? [] : 'stored'),
      ...(system === '' ? {} : { ephemeralSystem: system }),
      ...(memoryScope === undefined ? {} : { memoryScope: ownId(caller, memoryScope) }),
      ...(choice === undefined ? {} : { model: choice }),
      ...(target.persona === undefined ? {} : { persona: target.persona }),
      ...(target.tools === undefined ? {} : { tools: target.tools }),
      approvals: { always: target.isOwner },
      consumer: 'chat',
    },
  };
}

/** Unlike on `/v1/responses` an unknown id is no error here. */
async function chained(
  deps: RunsDeps,
  caller: Caller,
  { previous_response_id }: AskedRun['fields'],
): Promise<Kept | undefined> {
  return previous_response_id ? deps.chain(caller).find(previous_response_id) : undefined;
}
