import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type Caller, callerOf } from '../auth/caller.ts';
import { ApiError } from '../errors.ts';
import type { EndpointMedia } from '../media/load.ts';
import type { TargetDeps } from '../openclaw/target.ts';
import type { Chain } from '../responses/archive.ts';
import type { Runs } from '../runs.ts';
import type { SseLimits } from '../sse.ts';
import type { LiveRun, LiveRuns } from './live.ts';
import { endedMs, type RunRecord, readRecord, statusOf } from './record.ts';
import type { RunStatus } from './schema.ts';
import type { RunRow, RunStore } from './store.ts';

export const runsPath = '/v1/runs';
export const runPath = `${runsPath}/:id`;

/** What every endpoint of the family needs. */
export interface RunsDeps extends TargetDeps {
  readonly runs: Runs;
  readonly store: RunStore;
  readonly live: LiveRuns;
  /** The stored responses of a caller. */
  chain(caller: Caller): Chain;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: SseLimits;
  readonly media: EndpointMedia;
}

export interface Found {
  readonly row: RunRow;
  readonly record: RunRecord;
  /** Undefined when this process does not work on it. */
  readonly live: LiveRun | undefined;
}

/** A run of this caller; undefined for all others and for those that are too old to be looked at. */
export async function findRun(
  { store, live, clock }: RunsDeps,
  { namespace }: Caller,
  id: string,
): Promise<Found | undefined> {
  // Looked at first: one that ends meanwhile is complete in the store.
  const running = live.get(namespace, id);
  const row = await store.get(namespace, id);
  if (row === undefined) return undefined;
  if (row.state === 'ended' && clock.now() - row.updatedAt > endedMs) return undefined;
  return { row, record: readRecord(row), live: row.state === 'ended' ? undefined : running };
}

/** The run a route names. Throws 404. */
export async function namedRun(deps: RunsDeps, request: FastifyRequest): Promise<Found> {
  const id = idOf(request);
  const found = await findRun(deps, callerOf(request), id);
  if (found === undefined) throw runNotFound(id);
  return found;
}

export const statusNow = ({ row, record, live }: Found): RunStatus =>
  live?.status ?? statusOf(row.id, record, row.updatedAt);

export const idOf = (request: FastifyRequest) => (request.params as { readonly id: string }).id;

export function runNotFound(id: string): ApiError {
  return new ApiError(404, `Run not found: ${id.slice(0, 256)}`, { code: 'run_not_found' });
}

export function conflict(message: string, code: string): ApiError {
  return new ApiError(409, message, { code });
}
