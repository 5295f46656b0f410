/** What can be done with a response after it was created (api-server §7.4, Open Responses §11). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TurnResult } from '../../core/agent-event.ts';
import { callerOf } from '../auth/caller.ts';
import { looseBoolean } from '../body.ts';
import { ApiError, badRequest } from '../errors.ts';
import type { Route } from '../routes.ts';
import type { Kept } from './archive.ts';
import { responsesPath } from './create.ts';
import { endWith, type FamilyDeps, openEvents, type ResponsesDeps } from './deps.ts';
import { responseEvent } from './events.ts';
import { cancelReason, type Frame } from './live.ts';
import { responseShape } from './resource.ts';

const itemPath = `${responsesPath}/:id`;

export function keptRoutes(family: FamilyDeps): Route[] {
  const own = (request: FastifyRequest) => family.of(callerOf(request));
  return [
    {
      method: 'GET',
      path: itemPath,
      scope: 'responses',
      name: 'response',
      doc: {
        id: 'retrieveResponse',
        summary:
          'A stored response; with `stream=true` its events, if it runs in the background as a stream.',
        answer: responseShape,
        events: responseEvent,
        errors: [400, 404],
      },
      async handle(request, reply) {
        const { stream } = request.query as Query;
        const deps = own(request);
        if (looseBoolean(stream, false)) return replay(deps, request, reply);
        const kept = await find(deps, request);
        return deps.live.get(kept.response.id)?.response ?? kept.response;
      },
    },
    {
      method: 'DELETE',
      path: itemPath,
      scope: 'responses',
      name: 'response_delete',
      doc: {
        id: 'deleteResponse',
        summary: 'Forgets a stored response.',
        answer: z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) }),
        errors: [404],
      },
      async handle(request) {
        const id = idOf(request);
        if (!(await own(request).archive.delete(id))) throw responseNotFound(id);
        return { id, object: 'response', deleted: true };
      },
    },
    {
      method: 'POST',
      path: `${itemPath}/cancel`,
      scope: 'responses',
      name: 'response_cancel',
      doc: {
        id: 'cancelResponse',
        summary: 'Ends a response that runs in the background.',
        answer: responseShape,
        errors: [400, 404],
      },
      handle: (request) => cancel(own(request), request),
    },
    {
      method: 'GET',
      path: `${itemPath}/input_items`,
      scope: 'responses',
      name: 'response_input_items',
      doc: {
        id: 'listInputItems',
        summary: 'The input items of a stored response, newest first; `limit`, `order` and `after` page.',
        answer: itemList,
        errors: [400, 404],
      },
      handle: async (request) => page(await find(own(request), request), request.query as Query),
    },
  ];
}

type Query = Readonly<Record<string, unknown>>;

const itemList = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

const idOf = (request: FastifyRequest) => (request.params as { readonly id: string }).id;

function responseNotFound(id: string): ApiError {
  return new ApiError(404, `Response not found: ${id.slice(0, 256)}`, { param: 'id' });
}

async function find({ archive }: ResponsesDeps, request: FastifyRequest): Promise<Kept> {
  const id = idOf(request);
  const kept = await archive.find(id);
  if (kept === undefined) throw responseNotFound(id);
  return kept;
}

/** All events after `starting_after`, then the ones to come (Open Responses §11.3). */
async function replay(
  deps: ResponsesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const after = startingAfter((request.query as Query).starting_after);
  // Looked at first: one that ends meanwhile still has all of its events.
  const running = deps.live.get(idOf(request));
  const kept = await find(deps, request);
  if (kept.events === undefined) throw notReplayable();
  const headers = { 'X-Hermes-Session-Id': kept.session };
  if (running === undefined) {
    const isOpen = kept.response.status === 'in_progress';
    const turn = isOpen ? await deps.archive.openTurn(kept.response.id) : undefined;
    const handle = turn && (await deps.runs.find(turn));
    if (isOpen && handle === undefined) throw notActive(kept.response.id);
    const events = openEvents(deps, request, reply, headers, () => {});
    // Begun before a restart: it is told anew once it has ended.
    const ended = handle === undefined ? kept : await endOf(deps, kept, handle.result);
    if (ended === undefined) events.cut();
    else {
      events.write(past(ended, after));
      events.done();
    }
    return reply;
  }
  const waiting: Frame[][] = [];
  let show = (frames: readonly Frame[]): void => {
    waiting.push([...frames]);
  };
  // Before the head is written: a stream too long to be kept is still an ordinary refusal.
  const detach = running.attach((frames) => show(frames), after);
  if (detach === undefined) throw notReplayable();
  const events = openEvents(deps, request, reply, headers, detach);
  show = (frames) => events.write(frames);
  for (const frames of waiting) show(frames);
  endWith(running, events);
  return reply;
}

/** Undefined when this process stops before the turn does. */
async function endOf(
  { archive }: ResponsesDeps,
  { response }: Kept,
  result: Promise<TurnResult>,
): Promise<Kept | undefined> {
  await result;
  const kept = await archive.find(response.id);
  return kept?.response.status === 'in_progress' ? undefined : kept;
}

/** A stream that is told anew has other numbers than its reader remembers, so its end is always part of it. */
function past({ events = [], isRetold }: Kept, after: number): Frame[] {
  const first = isRetold ? Math.min(after + 1, events.length - 1) : after + 1;
  return events.slice(first).map(frameOf);
}

function frameOf(json: string): Frame {
  return { type: (JSON.parse(json) as { readonly type: string }).type, json };
}

function notReplayable(): ApiError {
  return badRequest('Only responses created with background=true and stream=true can be streamed again.', {
    param: 'stream',
  });
}

function startingAfter(value: unknown): number {
  if (value === undefined) return -1;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw badRequest("'starting_after' must be a sequence number", { param: 'starting_after' });
}

/** Idempotent; only for responses in the background, others end with their connection (Open Responses §11.5). */
async function cancel(deps: ResponsesDeps, request: FastifyRequest) {
  const running = deps.live.get(idOf(request));
  const kept = await find(deps, request);
  const { id, background, status } = kept.response;
  if (!background) {
    throw badRequest('Only responses created with background=true can be cancelled.', { param: 'id' });
  }
  if (running !== undefined) {
    running.cancel();
    return (await running.ended).response;
  }
  if (status !== 'in_progress') return kept.response;
  return cancelLeftover(deps, id);
}

/** One that an earlier process began: its turn goes on in this one, or has just ended. */
async function cancelLeftover({ archive, runs, live }: ResponsesDeps, id: string) {
  const turn = await archive.openTurn(id);
  const handle = turn && (await runs.find(turn));
  live.cancelled.add(id);
  handle?.interrupt(cancelReason);
  await handle?.result;
  const ended = await archive.find(id);
  live.cancelled.delete(id);
  if (ended === undefined) throw responseNotFound(id);
  if (ended.response.status !== 'in_progress') return ended.response;
  throw notActive(id);
}

/** Begun by an earlier process and not taken up yet, or just ended. */
function notActive(id: string): ApiError {
  return new ApiError(409, `Response ${id} is between two processes; retry shortly.`, {
    code: 'response_not_active',
    headers: { 'Retry-After': '1' },
  });
}

function page({ items }: Kept, query: Query): z.output<typeof itemList> {
  const limit = query.limit === undefined ? 20 : Number(query.limit);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 100) {
    throw badRequest("'limit' must be between 1 and 100", { param: 'limit' });
  }
  const { order = 'desc', after } = query;
  if (order !== 'asc' && order !== 'desc') {
    throw badRequest("'order' must be asc or desc", { param: 'order' });
  }
  const sorted = order === 'asc' ? items : items.toReversed();
  const start = after === undefined ? 0 : sorted.findIndex((item) => item.id === after) + 1;
  if (after !== undefined && start === 0) throw badRequest("'after' names no item", { param: 'after' });
  const data = sorted.slice(start, start + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < sorted.length,
  };
}
