/** What is kept of a run beside its events, and the status that is told from it (api-server §9.2). */
import type { Settled } from './encode.ts';
import type { RunStatus } from './schema.ts';
import type { RunRow } from './store.ts';

export interface RunRecord {
  /** As the client knows it. */
  readonly session: string;
  readonly model: string;
  /** UTC milliseconds. */
  readonly createdAt: number;
  /** Guidance that was accepted; a resumed turn gets it again. */
  readonly steers: readonly string[];
  /** A client has asked for the end. */
  readonly isStopping: boolean;
  /** Absent while the run is open. */
  readonly settled?: Settled & { readonly lastEvent: string | null };
}

/** How long an ended run can be looked at. */
export const endedMs = 3_600_000;

export const readRecord = (row: RunRow): RunRecord => JSON.parse(row.body) as RunRecord;

export type Present = Pick<RunStatus, 'status' | 'last_event' | 'approval' | 'pending_steer'>;

/** `present` is what the process that does the work knows; of an ended run its record tells everything. */
export function statusOf(
  id: string,
  { session, model, createdAt, isStopping, settled }: RunRecord,
  updatedAt: number,
  present?: Present,
): RunStatus {
  const base = {
    object: 'hermes.run' as const,
    run_id: id,
    created_at: createdAt / 1000,
    updated_at: updatedAt / 1000,
    session_id: session,
    model,
  };
  if (settled !== undefined) {
    const { lastEvent, ...end } = settled;
    return { ...base, ...end, last_event: lastEvent };
  }
  const now = present ?? { status: 'running', last_event: null };
  return { ...base, ...now, ...(isStopping ? { status: 'stopping' } : {}) };
}
