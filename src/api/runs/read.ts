/** What a run is and what it says (api-server §9.2, §9.3). */
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { callerOf } from '../auth/caller.ts';
import { ApiError } from '../errors.ts';
import type { Route } from '../routes.ts';
import { openSse } from '../sse.ts';
import {
  type Found,
  findRun,
  idOf,
  namedRun,
  type RunsDeps,
  runNotFound,
  runPath,
  statusNow,
} from './deps.ts';
import type { Frame, RunEnd } from './live.ts';
import { runEvent, runStatus } from './schema.ts';
import type { EventBatch } from './store.ts';

/** A client may look before its run is stored: so often and so long it is looked for. */
const looks = 20;
const lookEveryMs = 50;
/** A reader that takes nothing for so long is cut off. */
const longestReadMs = 30_000;
/** Events that may come while a reader still reads the stored ones; one that is further behind is cut off. */
const mostHeld = 10_000;

export function readRoutes(deps: RunsDeps): Route[] {
  return [
    {
      method: 'GET',
      path: runPath,
      scope: 'runs',
      name: 'run_status',
      doc: {
        id: 'retrieveRun',
        summary: 'The status of a run; an hour after its end it is forgotten.',
        answer: runStatus,
        errors: [404],
      },
      handle: async (request) => statusNow(await namedRun(deps, request)),
    },
    {
      method: 'GET',
      path: `${runPath}/events`,
      scope: 'runs',
      name: 'run_events',
      doc: {
        id: 'streamRunEvents',
        summary: 'Everything a run has said and says, numbered; `Last-Event-ID` goes on behind that event.',
        answer: runEvent,
        events: runEvent,
        errors: [404, 429],
      },
      handle: (request, reply) => stream(deps, request, reply),
    },
  ];
}

async function stream(deps: RunsDeps, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { clock, limits, log } = deps;
  const { row, live } = await appearing(deps, request, reply);
  const gone = new AbortController();
  const held: Frame[] = [];
  let show = (frames: readonly Frame[]): void => {
    held.push(...frames);
    if (held.length > mostHeld) reply.raw.destroy();
  };
  const detach = live?.attach((frames) => show(frames));
  if (live !== undefined && detach === undefined) throw tooManyReaders();
  let past: readonly EventBatch[];
  try {
    past = await deps.store.events(row.id);
  } catch (error) {
    detach?.();
    throw error;
  }
  const sse = openSse(reply, {
    headers: {},
    clock,
    limits,
    onGone(why) {
      if (why === 'too slow') log('warn', 'api.slow_reader', { request: request.id, run: row.id });
      detach?.();
      gone.abort();
    },
  });
  // A client shall know that it is connected, however long the run says nothing.
  reply.raw.flushHeaders();
  let last = lastEventId(request);
  const write = (frames: readonly Frame[]) => {
    const fresh = frames.filter(({ n }) => n > last);
    last = fresh.at(-1)?.n ?? last;
    if (fresh.length > 0) sse.write(fresh.map(({ n, json }) => `id: ${n}\ndata: ${json}\n\n`).join(''));
  };
  const oldest = past[0]?.first ?? 1;
  if (oldest > last + 1) sse.write(`: events before ${oldest} are no longer kept\n\n`);
  for (const batch of past) {
    write(framesOf(batch));
    await taken(reply.raw, clock, gone.signal);
    if (gone.signal.aborted) return reply;
  }
  write(held);
  show = write;
  const end = (how: RunEnd) => {
    detach?.();
    // Without the comment a client knows that it has to come again.
    if (how === 'ended') sse.write(': stream closed\n\n');
    sse.end();
  };
  if (live === undefined) end(row.state === 'ended' ? 'ended' : 'suspended');
  else void live.ended.then(end);
  return reply;
}

function framesOf({ first, events }: EventBatch): Frame[] {
  return events.map((json, i) => ({ n: first + i, json }));
}

/** What is stored is handed out as fast as it is read, and what comes meanwhile waits. */
async function taken(response: ServerResponse, clock: Clock, gone: AbortSignal): Promise<void> {
  if (!response.writableNeedDrain || gone.aborted) return;
  const waiting = new AbortController();
  const done = () => waiting.abort();
  response.once('drain', done);
  gone.addEventListener('abort', done, { once: true });
  await clock.sleep(longestReadMs, waiting.signal);
  response.off('drain', done);
  gone.removeEventListener('abort', done);
  if (!waiting.signal.aborted) response.destroy();
}

async function appearing(deps: RunsDeps, request: FastifyRequest, reply: FastifyReply): Promise<Found> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  reply.raw.once('close', leave);
  try {
    for (let look = 0; look <= looks && !gone.signal.aborted; look += 1) {
      if (look > 0) await deps.clock.sleep(lookEveryMs, gone.signal);
      const found = await findRun(deps, callerOf(request), idOf(request));
      if (found !== undefined) return found;
    }
  } finally {
    reply.raw.off('close', leave);
  }
  throw runNotFound(idOf(request));
}

/** Number of the newest event the client has; anything that is no number means none. */
function lastEventId(request: FastifyRequest): number {
  const header = request.headers['last-event-id'];
  const number = typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : 0;
  return Number.isSafeInteger(number) ? number : 0;
}

function tooManyReaders(): ApiError {
  return new ApiError(429, 'Too many readers of this run', {
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    headers: { 'Retry-After': '1' },
  });
}
