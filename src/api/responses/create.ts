import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../auth/caller.ts';
import { looseBoolean, parseObject } from '../body.ts';
import { utf8Header } from '../headers.ts';
import { fingerprintOf, type IdempotencyScope } from '../idempotency.ts';
import { goneSignal } from '../media/gone.ts';
import { type Target, targetOf } from '../openclaw/target.ts';
import type { Route } from '../routes.ts';
import type { Kept } from './archive.ts';
import { endWith, type FamilyDeps, inputReader, openEvents, type ResponsesDeps } from './deps.ts';
import { responseEvent } from './events.ts';
import type { LiveResponse, Plan } from './live.ts';
import { planResponse } from './plan.ts';
import { readResponsesRequest } from './request.ts';
import { type ResponseObject, responseShape } from './resource.ts';
import { responsesRequest } from './schema.ts';
import { withMedia } from './show.ts';

export const responsesPath = '/v1/responses';

/** Everything of the body that decides about the answer (api-server §8). */
const fingerprintFields = [
  'model',
  'provider',
  'model_options',
  'input',
  'instructions',
  'previous_response_id',
  'conversation',
  'conversation_history',
  'tools',
  'tool_choice',
  'text',
  'reasoning',
  'include',
  'truncation',
  'parallel_tool_calls',
  'max_tool_calls',
  'max_output_tokens',
  'temperature',
  'top_p',
  'background',
];

/** Where the first answer to a key can be found again. */
interface First {
  readonly turnKey: string;
  readonly response: string;
}

/** `POST /v1/responses` (api-server §7). */
export function createRoute(family: FamilyDeps): Route {
  const firsts = new WeakMap<object, First>();
  return {
    method: 'POST',
    path: responsesPath,
    scope: 'responses',
    maxBodyBytes: family.media.maxBodyBytes,
    name: 'responses',
    doc: {
      id: 'createResponse',
      summary: 'Ask the agent; the answer comes as JSON or, with `stream`, as server-sent events.',
      body: responsesRequest,
      answer: responseShape,
      events: responseEvent,
      errors: [400, 404, 413, 429],
    },
    async handle(request, reply) {
      const deps = family.of(callerOf(request));
      const key = utf8Header(request.headers['idempotency-key'])?.trim() || undefined;
      // A repeated request takes no slot, and only its body tells; all others are refused before it is parsed.
      if (key === undefined) deps.runs.refuseIfFull();
      const body = parseObject(request.body);
      const target = targetOf(deps, deps.caller, request.headers, body.model);
      const reader = await inputReader(deps, body);
      const asked = await readResponsesRequest(body, request.headers, reader, target);
      const shown = await withMedia(deps, asked, request.id, goneSignal(reply.raw));
      const plan = await planResponse(deps, shown, request.headers, deps.archive);
      const scope = key === undefined ? undefined : scopeOf(deps, target, body, key);
      if (plan.how.streamed) return answerStream(deps, plan, scope, request, reply);
      if (scope === undefined || plan.echo.background) return answerJson(deps, plan, scope, reply);
      const { response, replayed } = await shared(deps, plan, scope, firsts);
      if (replayed) reply.header('Idempotency-Replayed', 'true');
      return reply.headers(plan.headers).send(response);
    },
  };
}

function scopeOf(
  { caller }: ResponsesDeps,
  { agent, sessionKey, isNamed, isOwner }: Target,
  body: Readonly<Record<string, unknown>>,
  key: string,
): IdempotencyScope {
  const streamed = String(looseBoolean(body.stream, false));
  const who = [
    ...(isNamed ? [agent.id, sessionKey ?? String(body.user)] : []),
    ...(isOwner ? [] : ['guest']),
  ];
  return {
    credential: caller.namespace,
    endpoint: responsesPath,
    key,
    fingerprint: fingerprintOf(body, fingerprintFields, [streamed, ...who].join(' ')),
  };
}

function start(deps: ResponsesDeps, plan: Plan, turnKey: string): Promise<LiveResponse> {
  return deps.live.start(plan, turnKey, plan.echo.store ? deps.archive : undefined);
}

const keyOf = (deps: ResponsesDeps, plan: Plan, scope: IdempotencyScope | undefined) =>
  scope === undefined ? plan.echo.id : deps.idempotency.turnKey(scope);

async function answerJson(
  deps: ResponsesDeps,
  plan: Plan,
  scope: IdempotencyScope | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const live = await start(deps, plan, keyOf(deps, plan, scope));
  live.begin();
  reply.headers(plan.headers);
  if (plan.echo.background) return reply.send(live.response);
  const { raw } = reply;
  const leave = () => {
    if (!raw.writableFinished) live.run.leave('HTTP client disconnected');
  };
  if (raw.destroyed) leave();
  else raw.once('close', leave);
  const { response } = await live.ended;
  if (plan.target.isNamed && response.status === 'failed') {
    // Tools may have run, so clients must not repeat it by themselves.
    reply.code(500).header('x-should-retry', 'false');
  }
  return reply.send(response);
}

/** One turn for all requests with the key; each gets a response of its own (api-server §8). */
async function shared(
  deps: ResponsesDeps,
  plan: Plan,
  scope: IdempotencyScope,
  firsts: WeakMap<object, First>,
): Promise<{ readonly response: ResponseObject; readonly replayed: boolean }> {
  let turnKey = '';
  let own: LiveResponse | undefined;
  const joined = deps.idempotency.join(scope, async (key) => {
    turnKey = key;
    own = await start(deps, plan, key);
    own.begin();
    // Not before the first answer can be found again.
    await own.ended;
    return own.run.handle.result;
  });
  if (!joined.replayed) firsts.set(joined.result, { turnKey, response: plan.echo.id });
  const first = firsts.get(joined.result);
  await joined.result;
  if (own !== undefined) return { response: (await own.ended).response, replayed: false };
  const kept = first && (await deps.archive.find(first.response));
  if (kept !== undefined && plan.echo.store) {
    return { response: await copyOf(deps, kept, plan), replayed: true };
  }
  const again = await start(deps, plan, first?.turnKey ?? plan.echo.id);
  again.begin();
  return { response: (await again.ended).response, replayed: true };
}

/** The first answer under a new id. The conversation stays with the first one. */
async function copyOf({ archive }: ResponsesDeps, kept: Kept, { echo }: Plan): Promise<ResponseObject> {
  const { id, created_at } = echo;
  const copy: Kept = { ...kept, response: { ...kept.response, id, created_at } };
  await archive.create(copy, id, undefined);
  await archive.end(copy);
  return copy.response;
}

async function answerStream(
  deps: ResponsesDeps,
  plan: Plan,
  scope: IdempotencyScope | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const live = await start(deps, plan, keyOf(deps, plan, scope));
  let detach: (() => void) | undefined;
  const events = openEvents(deps, request, reply, plan.headers, () => {
    detach?.();
    if (!plan.echo.background) live.run.leave('SSE client disconnected');
  });
  detach = live.attach((frames) => events.write(frames));
  live.begin();
  endWith(live, events);
  return reply;
}
