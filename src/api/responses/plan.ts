import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { brand, type SessionKey } from '../../core/ids.ts';
import type { Message } from '../../core/message.ts';
import { type Caller, ownId } from '../auth/caller.ts';
import { type ApiError, badRequest } from '../errors.ts';
import { toHeader } from '../headers.ts';
import { nothingSaid } from '../openclaw/failure.ts';
import { type Added, addedTo, nothingAsked } from '../openclaw/responses.ts';
import { freshKey, userKey, uuid } from '../openclaw/session-key.ts';
import { mayContinue, modelOf, type TargetDeps } from '../openclaw/target.ts';
import { laneOf, readSessionHeaders } from '../session.ts';
import { type Chain, type Kept, source } from './archive.ts';
import { isSummary, joinConversation } from './items.ts';
import type { Plan } from './live.ts';
import type { Asked } from './request.ts';
import type { ResponseEcho } from './resource.ts';
import type { Seal } from './seal.ts';
import { toolItemsFor } from './tool-items.ts';

export interface PlanDeps extends TargetDeps {
  readonly caller: Caller;
  readonly clock: Clock;
  readonly defaultModel: string;
  seal(): Promise<Seal>;
}

/** History messages that `truncation: auto` keeps (api-server §7.1). */
const keptMessages = 100;

/** Looks up what a request continues and decides everything about its turn; throws the refusals of §7.1 and §5.3. */
export async function planResponse(
  deps: PlanDeps,
  asked: Asked,
  headers: IncomingHttpHeaders,
  chain: Chain,
): Promise<Plan> {
  const { api, caller, clock } = deps;
  const { fields, tools, target } = asked;
  const { memoryScope } = readSessionHeaders(
    { 'x-hermes-session-key': headers['x-hermes-session-key'] },
    caller,
  );
  const choice = modelOf(deps, target, caller, headers, {
    ...fields,
    reasoning_effort: fields.reasoning?.effort,
  });
  const before = await findBefore(asked, chain, deps);
  const stored = asked.history ?? before.kept?.history ?? [];
  const isChained = asked.history === undefined && before.kept !== undefined;
  if (target.isNamed && asked.input.messages.length === 0) throw nothingAsked();
  const added: Added | undefined = before.isKeyed ? addedTo(asked.input.messages) : undefined;
  const joined = added
    ? { history: [], input: added.input }
    : joinConversation(stored, asked.input.messages, isChained);
  const prior = fields.truncation === 'auto' ? newest(joined.history) : joined.history;
  const carried = asked.history === undefined ? before.kept?.response.instructions : undefined;
  const instructions = fields.instructions ?? carried ?? null;
  const system = [instructions ?? '', asked.input.system].filter((text) => text !== '').join('\n');
  const id = `resp_${clock.hex(14)}`;
  const session = before.session ?? uuid(clock.hex);
  const sent = fields.model?.trim() ?? '';
  const seal = fields.include?.includes('reasoning.encrypted_content') ? await deps.seal() : undefined;
  const allowed = tools.none ? [] : target.tools;
  return {
    target,
    isKeyed: before.isKeyed,
    echo: echoOf(asked, {
      id,
      created_at: Math.floor(clock.now() / 1000),
      model: sent === '' ? api.modelName : sent,
      instructions,
    }),
    how: {
      toolItems: asked.toolItems ?? api.toolItems ?? toolItemsFor(headers['user-agent']),
      reasoning: api.showReasoning,
      streamed: fields.stream,
      errorEvent: true,
      ...(target.isNamed ? { nothing: nothingSaid } : {}),
    },
    items: asked.input.items,
    prior,
    input: joined.input,
    session,
    conversation: before.name,
    previous: before.kept?.response.id,
    format: asked.format,
    seal: seal && ((text) => seal.close(text)),
    ignored: asked.ignored,
    headers: {
      'X-Hermes-Session-Id': toHeader(session),
      'X-Hermes-Model': toHeader(choice?.model ?? deps.defaultModel),
      ...(memoryScope === undefined ? {} : { 'X-Hermes-Session-Key': toHeader(memoryScope) }),
      ...(asked.ignored.length === 0 ? {} : { 'X-Hermes-Ignored': asked.ignored.join(', ') }),
    },
    turn: (key) => ({
      source,
      key,
      // A response that brings its whole history waits for no other one.
      sessionKey: before.isKeyed ? laneOf(session, caller, id) : brand<SessionKey>(`api:${id}`),
      sessionId: ownId(caller, session),
      ...(added ?? { input: joined.input, history: prior }),
      ...(target.persona === undefined ? {} : { persona: target.persona }),
      ...(system === '' ? {} : { ephemeralSystem: system }),
      ...(memoryScope === undefined ? {} : { memoryScope: ownId(caller, memoryScope) }),
      ...(choice === undefined ? {} : { model: choice }),
      ...(asked.sampling === undefined ? {} : { sampling: asked.sampling }),
      ...(tools.schemas === undefined ? {} : { clientTools: tools.schemas }),
      ...(tools.choice === undefined ? {} : { toolChoice: tools.choice }),
      ...(asked.format === undefined ? {} : { responseFormat: asked.format }),
      ...(asked.unstored === undefined ? {} : { unstored: asked.unstored }),
      ...(allowed === undefined ? {} : { tools: allowed }),
      ...(fields.max_tool_calls ? { maxToolCalls: fields.max_tool_calls } : {}),
      consumer: fields.background ? 'chat' : 'live',
    }),
  };
}

/** Summaries stay whatever their age: everything before them is nowhere else. */
function newest(history: readonly Message[]): readonly Message[] {
  if (history.length <= keptMessages) return history;
  const summaries = history.slice(0, -keptMessages).filter(isSummary);
  return [...summaries, ...history.slice(-keptMessages)];
}

interface Before {
  readonly kept: Kept | undefined;
  /** Name of the conversation the new response belongs to. */
  readonly name: string | undefined;
  /** Undefined = a new one. */
  readonly session: string | undefined;
  /** The session's own history goes on, and requests for it wait for each other. */
  readonly isKeyed: boolean;
}

async function findBefore(
  { fields, history, conversation, target }: Asked,
  chain: Chain,
  { clock, agents }: Pick<PlanDeps, 'clock' | 'agents'>,
): Promise<Before> {
  const { agent, isNamed, sessionKey } = target;
  const id = fields.previous_response_id;
  if (id) {
    const kept = await chain.find(id);
    // History that was sent replaces the chain; then only its session goes on.
    if (kept === undefined && history === undefined) throw previousNotFound(id);
    // What one agent was told is not for another one, whose tools and prompt differ.
    if (kept && !mayContinue(agents, agent, kept.session)) throw previousNotFound(id);
    const isKeyed = kept?.isKeyed === true && history === undefined;
    return { kept, name: undefined, session: kept?.session, isKeyed };
  }
  const key = isNamed ? (sessionKey ?? userKey(agent.id, 'openresponses', fields.user)) : undefined;
  if (key !== undefined && conversation === undefined && history === undefined) {
    return { kept: undefined, name: undefined, session: key, isKeyed: true };
  }
  const fresh = isNamed ? freshKey(agent.id, 'openresponses', clock.hex) : undefined;
  const name =
    conversation === undefined ? undefined : storedName(conversation, isNamed ? agent.id : undefined);
  const newest = name === undefined ? undefined : await chain.newest(name);
  const kept = newest === undefined ? undefined : await chain.find(newest);
  return { kept, name, session: kept?.session ?? fresh, isKeyed: false };
}

/**
 * Each agent has its own conversations. Names come without blanks around them, so the one in front keeps apart what is
 * only written like the name of an agent's conversation.
 */
function storedName(conversation: string, agent: string | undefined): string {
  if (agent !== undefined) return `agent:${agent} ${conversation}`;
  return conversation.startsWith('agent:') ? ` ${conversation}` : conversation;
}

/** As the official API and the other transport say it (docs/decisions/018). */
export function previousNotFound(id: string): ApiError {
  return badRequest(`Previous response with id '${id.slice(0, 256)}' not found.`, {
    param: 'previous_response_id',
    code: 'previous_response_not_found',
  });
}

/** The request as the response repeats it: every field present (Open Responses §5). */
function echoOf(
  { fields, tools, text, conversation }: Asked,
  own: Pick<ResponseEcho, 'id' | 'created_at' | 'model' | 'instructions'>,
): ResponseEcho {
  const { reasoning } = fields;
  return {
    ...own,
    object: 'response',
    previous_response_id: fields.previous_response_id ?? null,
    ...(conversation === undefined ? {} : { conversation: { id: conversation } }),
    ...tools.echo,
    truncation: fields.truncation === 'auto' ? 'auto' : 'disabled',
    parallel_tool_calls: fields.parallel_tool_calls,
    text,
    top_p: fields.top_p ?? 1,
    presence_penalty: fields.presence_penalty ?? 0,
    frequency_penalty: fields.frequency_penalty ?? 0,
    top_logprobs: fields.top_logprobs ?? 0,
    temperature: fields.temperature ?? 1,
    reasoning: reasoning ? { effort: reasoning.effort ?? null, summary: reasoning.summary ?? null } : null,
    max_output_tokens: fields.max_output_tokens ?? null,
    max_tool_calls: fields.max_tool_calls ?? null,
    store: fields.store,
    background: fields.background,
    service_tier: 'default',
    metadata: fields.metadata ?? {},
    safety_identifier: fields.safety_identifier ?? null,
    prompt_cache_key: fields.prompt_cache_key ?? null,
    user: fields.user ?? null,
  };
}
