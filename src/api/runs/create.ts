import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { type Caller, callerOf } from '../auth/caller.ts';
import { parseObject } from '../body.ts';
import type { Route } from '../routes.ts';
import { readSessionHeaders } from '../session.ts';
import { conflict, type RunsDeps, runsPath, statusNow } from './deps.ts';
import { planRun, type RunPlan } from './plan.ts';
import { readRecord } from './record.ts';
import { fingerprintOfRun, readIdempotencyKey, readRunRequest } from './request.ts';
import { runCreated, runRequest } from './schema.ts';
import type { RunRow } from './store.ts';

/** What a retry is recognised by. */
interface Retry {
  readonly key: string;
  readonly fingerprint: string;
}

/** `POST /v1/runs` (api-server §9.1). */
export function createRoute(deps: RunsDeps): Route {
  /** Requests with a key that are being stored: an equal one waits for their outcome. */
  const storing = new Map<string, Promise<unknown>>();

  async function answer(
    caller: Caller,
    plan: () => Promise<RunPlan>,
    retry: Retry,
    reply: FastifyReply,
  ): Promise<z.output<typeof runCreated>> {
    const name = JSON.stringify([caller.namespace, retry.key]);
    for (let other = storing.get(name); other !== undefined; other = storing.get(name)) {
      await other.catch(() => {});
    }
    const mine = (async () => {
      const known = await deps.store.byKey(caller.namespace, retry.key);
      if (known !== undefined) return known;
      // Only a new run takes a slot.
      deps.runs.refuseIfFull();
      return start(deps, caller, await plan(), retry);
    })();
    storing.set(name, mine);
    try {
      const outcome = await mine;
      if ('plan' in outcome) return started(outcome.plan, reply);
      return replayed(deps, caller, outcome, retry, reply);
    } finally {
      storing.delete(name);
    }
  }

  return {
    method: 'POST',
    path: runsPath,
    scope: 'runs',
    name: 'runs',
    doc: {
      id: 'createRun',
      summary: 'Starts a run that goes on without the caller, also over a restart of the gateway.',
      body: runRequest,
      status: 202,
      answer: runCreated,
      errors: [400, 409, 413, 429],
    },
    async handle(request, reply) {
      const caller = callerOf(request);
      const key = readIdempotencyKey(request.headers);
      if (key === undefined) deps.runs.refuseIfFull();
      const body = parseObject(request.body);
      const { headers } = request;
      const { memoryScope } = readSessionHeaders(
        { 'x-hermes-session-key': headers['x-hermes-session-key'] },
        caller,
      );
      const asked = readRunRequest(body);
      const plan = () => planRun(deps, caller, asked, body, headers, memoryScope);
      reply.code(202);
      if (key !== undefined) {
        const retry = { key, fingerprint: fingerprintOfRun(body, memoryScope) };
        return answer(caller, plan, retry, reply);
      }
      const { plan: begun } = await startUnkeyed(deps, caller, await plan());
      return started(begun, reply);
    },
  };
}

function started({ id, headers }: RunPlan, reply: FastifyReply): z.output<typeof runCreated> {
  reply.headers(headers);
  return { run_id: id, status: 'started', replayed: false };
}

function replayed(
  deps: RunsDeps,
  { namespace }: Caller,
  row: RunRow,
  { fingerprint }: Retry,
  reply: FastifyReply,
): z.output<typeof runCreated> {
  if (row.fingerprint !== fingerprint) {
    throw conflict(
      'Idempotency-Key was already used with a different request payload',
      'idempotency_key_conflict',
    );
  }
  reply.header('Idempotency-Replayed', 'true');
  const { status } = statusNow({ row, record: readRecord(row), live: deps.live.get(namespace, row.id) });
  return { run_id: row.id, status, replayed: true };
}

const rowOf = (plan: RunPlan, { namespace }: Caller, retry: Retry | undefined) => ({
  id: plan.id,
  scope: namespace,
  key: retry?.key,
  fingerprint: retry?.fingerprint,
  session: plan.session,
  body: JSON.stringify(plan.record),
});

/** The key is taken first: the database decides which of two requests is the first one, over restarts too. */
async function start(
  deps: RunsDeps,
  caller: Caller,
  plan: RunPlan,
  retry: Retry,
): Promise<RunRow | { readonly plan: RunPlan }> {
  const known = await deps.store.create(rowOf(plan, caller, retry));
  if (known !== undefined) return known;
  try {
    const { handle } = await deps.runs.start(plan.turn);
    deps.live.open({ id: plan.id, scope: caller.namespace, record: plan.record, handle });
    return { plan };
  } catch (error) {
    await discard(deps, plan.id);
    throw error;
  }
}

/** Both rows are written side by side and share one commit. */
async function startUnkeyed(
  deps: RunsDeps,
  caller: Caller,
  plan: RunPlan,
): Promise<{ readonly plan: RunPlan }> {
  const [created, run] = await Promise.allSettled([
    deps.store.create(rowOf(plan, caller, undefined)),
    deps.runs.start(plan.turn),
  ]);
  if (run.status === 'rejected') {
    if (created.status === 'fulfilled') await discard(deps, plan.id);
    throw run.reason;
  }
  if (created.status === 'rejected') {
    run.value.leave('The run could not be stored');
    throw created.reason;
  }
  deps.live.open({ id: plan.id, scope: caller.namespace, record: plan.record, handle: run.value.handle });
  return { plan };
}

/** Never rejects: what cannot be taken back is taken back at the next start. */
async function discard({ store, log }: RunsDeps, run: string): Promise<void> {
  await store
    .discard(run)
    .catch((error: unknown) => log('error', 'api.run_not_discarded', { run, error: String(error) }));
}
