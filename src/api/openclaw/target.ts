/** Which agent a request means, and what that decides: model, persona and tools (openclaw-http §4, §5, §7). */
import type { IncomingHttpHeaders } from 'node:http';
import type { ModelChoice, Persona, ServedTools } from '../../agent/contract.ts';
import { readModel } from '../../config/agents.ts';
import type { AgentProfile, AgentsSettings, ApiSettings } from '../../config/settings.ts';
import type { Caller } from '../auth/caller.ts';
import { ApiError, badRequest } from '../errors.ts';
import { utf8Header } from '../headers.ts';
import { chooseModel, type ModelFields } from '../model-choice.ts';
import { agentOfKey, readSessionKey } from './session-key.ts';

export interface TargetDeps {
  readonly api: ApiSettings;
  readonly agents: AgentsSettings;
  readonly tools: ServedTools;
}

export interface Target {
  readonly agent: AgentProfile;
  /** The request speaks of agents, by its model or a header: what is documented for OpenClaw holds for it. */
  readonly isNamed: boolean;
  /** `model` names an agent and no model. */
  readonly isModelAgent: boolean;
  readonly isOwner: boolean;
  /** The session the request names, with its agent in front; undefined without one. */
  readonly sessionKey: string | undefined;
  readonly persona: Persona | undefined;
  /** The tools of the turn; undefined = those of the default agent. */
  readonly tools: readonly string[] | undefined;
}

const idPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const namespaced = /^(?:openclaw[:/]|agent:)(.*)$/is;

/** Names that mean an agent and not a profile: their clients know nothing of the server's tools. */
export const isAgentTarget = (model: string | null | undefined): boolean => {
  const name = model?.trim().toLowerCase() ?? '';
  return name === 'openclaw' || namespaced.test(name);
};

/** Headers that only callers of agents send. */
const telling = [
  'x-openclaw-agent-id',
  'x-openclaw-agent',
  'x-openclaw-model',
  'x-openclaw-session-key',
  'x-openclaw-message-channel',
] as const;

/**
 * Throws 400 when the request names an agent that does not exist; every other `model` means the default agent, because
 * generic clients hard-code names. An alias of `model_routes` is a model, whatever it is called.
 */
export function targetOf(
  deps: TargetDeps,
  caller: Caller,
  headers: IncomingHttpHeaders,
  model: unknown,
): Target {
  const { agents, api } = deps;
  const name = typeof model === 'string' ? model.trim() : '';
  const isModelAgent = isAgentTarget(name) && !Object.hasOwn(api.modelRoutes, name);
  const isNamed = isModelAgent || telling.some((header) => headerOf(headers, header) !== undefined);
  const byHeader = headerOf(headers, 'x-openclaw-agent-id') ?? headerOf(headers, 'x-openclaw-agent');
  const chosen =
    byHeader === undefined
      ? isModelAgent
        ? agentOfModel(agents, name)
        : defaultAgent(agents)
      : agentById(agents, byHeader.toLowerCase());
  const sessionKey = readSessionKey(headerOf(headers, 'x-openclaw-session-key'), chosen.id, agents.mainKey);
  // A session belongs to its agent, whichever of the two headers names it.
  const continued = sessionKey ?? (isNamed ? undefined : utf8Header(headers['x-hermes-session-id'])?.trim());
  const ofKey = continued === undefined ? undefined : agentOfKey(continued);
  const agent = ofKey === undefined ? chosen : agentById(agents, ofKey);
  const isOwner = caller.isOwner && mayOwn(agent, headerOf(headers, 'x-openclaw-sender-is-owner'));
  return {
    agent,
    isNamed,
    isModelAgent,
    isOwner,
    sessionKey,
    persona: personaOf(agent, isNamed ? headerOf(headers, 'x-openclaw-message-channel') : undefined),
    tools: toolsOf(deps, agent, isOwner),
  };
}

/** A header's text without its blanks; undefined when nothing is left. Throws 400 when it is no UTF-8. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const raw = headers[name];
  if (raw === undefined) return undefined;
  const text = utf8Header(Array.isArray(raw) ? raw.join(',') : raw);
  if (text === undefined) throw badRequest(`Invalid \`${name}\`.`);
  return text.trim() === '' ? undefined : text.trim();
}

export function defaultAgent({ list, fallback }: AgentsSettings): AgentProfile {
  return list.find(({ id }) => id === fallback) ?? list[0]!;
}

/** `main` is the default agent where no agent has that name: clients send it when nobody chose one. */
export function agentById(agents: AgentsSettings, id: string): AgentProfile {
  const found = agents.list.find((agent) => agent.id === id);
  if (found !== undefined) return found;
  if (id === 'main') return defaultAgent(agents);
  throw badRequest(`Unknown agent '${id.slice(0, 64)}'.`);
}

/** False for a session of another agent, also of one that is no longer configured; keys without an agent are anybody's. */
export function mayContinue(agents: AgentsSettings, agent: AgentProfile, session: string): boolean {
  const id = agentOfKey(session);
  if (id === undefined || id === agent.id) return true;
  return id === 'main' && agent.id === agents.fallback && !agents.list.some((each) => each.id === id);
}

function agentOfModel(agents: AgentsSettings, model: string): AgentProfile {
  const id = namespaced.exec(model)?.[1]?.trim().toLowerCase();
  if (id === undefined || (id === 'default' && /^openclaw\//i.test(model))) return defaultAgent(agents);
  if (!idPattern.test(id)) {
    throw badRequest('Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.', { param: 'model' });
  }
  return agentById(agents, id);
}

/** The table of §4: other words than true and false count as no header. */
function mayOwn({ publicMode }: AgentProfile, header: string | undefined): boolean {
  const said = header?.toLowerCase();
  if (said === 'true') return true;
  return said === 'false' ? false : !publicMode;
}

const usualChannel = 'webchat';

function personaOf({ persona, publicMode }: AgentProfile, channel: string | undefined): Persona | undefined {
  const known = channel === undefined ? undefined : channelOf(channel);
  if (persona === '' && !publicMode && known === undefined) return undefined;
  return { text: persona, isPublic: publicMode, ...(known === undefined ? {} : { channel: known }) };
}

/** The name goes into the prompt, so it is a name and nothing else. */
function channelOf(written: string): string | undefined {
  const name = written
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
  return name === '' || name === usualChannel ? undefined : name;
}

/** Undefined = what a turn gets that names no tools: those of the default agent. */
function toolsOf(
  { tools, agents }: TargetDeps,
  agent: AgentProfile,
  isOwner: boolean,
): readonly string[] | undefined {
  const usual = tools.namesFor(defaultAgent(agents), true);
  const allowed = tools.namesFor(agent, isOwner);
  const isUsual =
    allowed === usual || (allowed.size === usual.size && [...allowed].every((name) => usual.has(name)));
  return isUsual ? undefined : [...tools.all()].filter((name) => allowed.has(name));
}

/**
 * The model of one request: the header, then what the request itself may choose, then the agent's own. Throws 400 and
 * 403 as §5.4 says.
 */
export function modelOf(
  { api }: TargetDeps,
  target: Target,
  caller: Caller,
  headers: IncomingHttpHeaders,
  fields: ModelFields,
): ModelChoice | undefined {
  const wish = chooseModel(target.isModelAgent ? { ...fields, model: undefined } : fields, api);
  const forced = headerOf(headers, 'x-openclaw-model');
  const chosen = forced === undefined ? undefined : override(api, target.agent, caller, forced);
  const own =
    chosen ?? (wish?.model === undefined && wish?.provider === undefined ? target.agent.model : undefined);
  if (own === undefined) return wish;
  return {
    ...own,
    ...(wish?.reasoningEffort === undefined ? {} : { reasoningEffort: wish.reasoningEffort }),
  };
}

function override(api: ApiSettings, agent: AgentProfile, caller: Caller, written: string): ModelChoice {
  const read = readModel(written);
  if (read === undefined) throw badRequest('Invalid `x-openclaw-model`.');
  if (!caller.isOwner) {
    throw new ApiError(403, 'missing scope: operator.admin', { code: 'insufficient_scope' });
  }
  const isOwn = agent.model?.model === read.model && agent.model.provider === read.provider;
  if (agent.models !== undefined && !isOwn && !agent.models.includes(written)) {
    throw badRequest(`Model '${written.slice(0, 200)}' is not allowed for agent '${agent.id}'.`);
  }
  return Object.hasOwn(api.modelRoutes, written) ? (chooseModel({ model: written }, api) ?? read) : read;
}
