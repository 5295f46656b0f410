/** `POST /tools/invoke`: one tool without a model (openclaw-http §13). */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Invoked } from '../../agent/contract.ts';
import type { AgentProfile } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type Caller, callerOf, ownId } from '../auth/caller.ts';
import { type JsonObject, parseObject } from '../body.ts';
import { ApiError } from '../errors.ts';
import { callerGone, goneSignal } from '../media/gone.ts';
import type { Route } from '../routes.ts';
import { gatewayTool, type Sessions } from './gateway-tools.ts';
import { agentOfKey, mainSessionKey, readSessionKey } from './session-key.ts';
import { agentById, defaultAgent, headerOf, type TargetDeps } from './target.ts';

export interface InvokeDeps extends TargetDeps {
  readonly sessions: Sessions;
  readonly defaultModel: string;
  readonly clock: Clock;
  readonly log: Log;
}

const maxBytes = 2 * 1024 * 1024;
/** Tools that run at the same time; more are refused. */
const mostRunning = 16;

/**
 * Never called this way unless `gateway.tools.allow` names them: what runs programs, changes files, starts work of its
 * own or speaks to people. Both documented lists together, and the tools here that do the same.
 */
const deniedByDefault = [
  ...['cron', 'sessions_spawn', 'sessions_send', 'gateway', 'whatsapp_login', 'nodes'],
  ...['exec', 'spawn', 'shell', 'fs_write', 'fs_delete', 'fs_move', 'apply_patch'],
  ...['process', 'execute_code', 'send_message'],
];

const requestBody = z.object({
  tool: z.string().optional().describe('Name of the tool.'),
  name: z.string().optional().describe('The same; wins over `tool`.'),
  action: z.string().optional().describe('Becomes `args.action` where the tool has such an argument.'),
  args: z.unknown().optional().describe('An object; anything else means no arguments.'),
  sessionKey: z.string().optional().describe('Session whose state the tool sees; default: the main session.'),
  agentId: z.string().optional().describe('Must be the agent of the session.'),
  idempotencyKey: z.string().optional().describe('Makes the id of the call stable.'),
  dryRun: z.boolean().optional().describe('Reserved: the tool runs all the same.'),
});

const answerBody = z.object({ ok: z.literal(true), result: z.unknown() });

export function invokeRoute(deps: InvokeDeps): Route {
  let running = 0;
  return {
    method: 'POST',
    path: '/tools/invoke',
    scope: 'tools',
    dialect: 'openclaw',
    name: 'tools_invoke',
    maxBodyBytes: maxBytes,
    doc: {
      id: 'invokeTool',
      summary: 'Run one tool of the server without a model. What would need consent is refused.',
      body: requestBody,
      answer: answerBody,
      errors: [400, 404, 413, 429],
    },
    async handle(request, reply) {
      const call = readCall(deps, callerOf(request), request);
      if (running >= mostRunning) {
        throw refusal(429, 'rate_limited', `Too many tools are running (max ${mostRunning}).`, {
          'Retry-After': '1',
        });
      }
      running += 1;
      try {
        return { ok: true, result: await run(deps, call, goneSignal(reply.raw)) };
      } finally {
        running -= 1;
      }
    },
  };
}

interface Call {
  readonly caller: Caller;
  readonly agent: AgentProfile;
  readonly tool: string;
  readonly args: JsonObject;
  readonly session: string;
  readonly id: string;
}

function readCall(deps: InvokeDeps, caller: Caller, { body, headers, id }: FastifyRequest): Call {
  const isEmpty = !Buffer.isBuffer(body) || body.length === 0;
  const given = isEmpty ? {} : parseObject(body);
  const wanted = textOf(given.name) ?? textOf(given.tool);
  if (wanted === undefined) {
    const error = { message: 'tools.invoke requires body.tool', type: 'invalid_request_error' };
    throw new ApiError(400, error.message, { wire: { error } });
  }
  const { agents, tools } = deps;
  const sessionKey = keyOf(deps, textOf(given.sessionKey));
  const agent = agentOf(deps, sessionKey, textOf(given.agentId));
  const tool = permitted(deps, agent, caller, wanted);
  if (tool === undefined) throw refusal(404, 'not_found', `Tool not available: ${wanted.slice(0, 128)}`);
  const args = isObject(given.args) ? given.args : {};
  const action = textOf(given.action);
  const takesAction = action !== undefined && args.action === undefined && tools.hasProperty(tool, 'action');
  const stable = textOf(given.idempotencyKey)?.slice(0, 128);
  // Read for the log and for tools that one day need them; nothing here decides by them.
  deps.log('info', 'tools.invoke', {
    tool,
    agent: agent.id,
    caller: caller.namespace,
    channel: headerOf(headers, 'x-openclaw-message-channel')?.slice(0, 64) ?? '',
  });
  return {
    caller,
    agent,
    tool,
    args: takesAction ? { ...args, action } : args,
    session: sessionKey ?? mainSessionKey(defaultAgent(agents).id, agents.mainKey),
    id: stable === undefined ? id : `invoke_${stable}`,
  };
}

/** Undefined = the main session. */
function keyOf({ agents }: InvokeDeps, written: string | undefined): string | undefined {
  if (written === undefined || written === 'main') return undefined;
  return readSessionKey(written, defaultAgent(agents).id, agents.mainKey);
}

function agentOf({ agents }: InvokeDeps, key: string | undefined, wanted: string | undefined): AgentProfile {
  const ofKey = key === undefined ? undefined : agentOfKey(key);
  const agent = ofKey === undefined ? defaultAgent(agents) : agentById(agents, ofKey);
  const id = wanted?.toLowerCase();
  if (id === undefined || id === agent.id) return agent;
  if (key === undefined) return agentById(agents, id);
  const message = `agent id "${id.slice(0, 64)}" does not match session agent "${agent.id}"`;
  throw refusal(400, 'invalid_request', message);
}

/** The tool that is meant; undefined for one that is unknown, forbidden or denied: nobody is told which. */
function permitted(
  { tools, agents }: InvokeDeps,
  agent: AgentProfile,
  caller: Caller,
  wanted: string,
): string | undefined {
  // The header of the other endpoints means nothing here: the credential alone tells who owns the gateway.
  const allowed = tools.namesFor(agent, caller.isOwner);
  // One name means one tool: groups and patterns are for configurations.
  const isName = /^[\w.-]{1,128}$/.test(wanted);
  const tool = allowed.has(wanted) || !isName ? wanted : [...allowed].find(tools.matcher([wanted]));
  if (tool === undefined || !allowed.has(tool)) return undefined;
  const { allow, deny } = agents.invoke;
  if (tools.matcher(deny)(tool)) return undefined;
  return tools.matcher(deniedByDefault)(tool) && !tools.matcher(allow)(tool) ? undefined : tool;
}

async function run(deps: InvokeDeps, call: Call, signal: AbortSignal): Promise<unknown> {
  const { caller, tool, args, session, id } = call;
  const own = await gatewayTool(tool, args, { ...deps, caller, agent: call.agent, session });
  if (own !== undefined) return { ...shaped(JSON.stringify(own)), ...own };
  const stored = ownId(caller, session);
  const invocation = { name: tool, args, call: id, task: stored, session: stored, platform: 'api_server' };
  return shaped(textOrThrow(await deps.tools.invoke(invocation, signal), signal));
}

/** The documented result of an agent's tool. */
function shaped(text: string): { readonly content: readonly unknown[]; readonly details: unknown } {
  return { content: [{ type: 'text', text }], details: parsed(text) };
}

function textOrThrow(result: Invoked, signal: AbortSignal): string {
  if (signal.aborted) throw callerGone();
  switch (result.kind) {
    case 'done':
      return result.text;
    case 'failed':
      throw refusal(400, 'tool_error', result.why);
    case 'refused':
      throw refusal(403, 'tool_error', result.why);
    case 'unapproved':
      throw new ApiError(403, result.why, {
        wire: {
          ok: false,
          error: { type: 'tool_call_blocked', message: result.why, requiresApproval: true },
        },
      });
    case 'crashed':
      throw refusal(500, 'tool_error', 'tool execution failed');
    default:
      return result satisfies never;
  }
}

function refusal(
  status: number,
  type: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ApiError {
  return new ApiError(status, message, { headers, wire: { ok: false, error: { type, message } } });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
