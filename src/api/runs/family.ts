import type { TurnResult } from '../../core/agent-event.ts';
import { brand, type TurnId } from '../../core/ids.ts';
import { noUsage } from '../../core/message.ts';
import { source } from '../responses/archive.ts';
import type { Route } from '../routes.ts';
import { controlRoutes } from './control.ts';
import { createRoute } from './create.ts';
import type { RunsDeps } from './deps.ts';
import { lostRun, RunEncoder } from './encode.ts';
import { LiveRuns } from './live.ts';
import { readRoutes } from './read.ts';
import { type RunRecord, readRecord } from './record.ts';
import type { RunEvent } from './schema.ts';
import type { EventBatch, RunRow } from './store.ts';

export interface RunsFamily {
  readonly routes: readonly Route[];
  /** Goes on with the runs of an earlier process. Call once, before requests are taken. */
  recover(): Promise<void>;
  /** Resolves when what runs has its end or was suspended, at most after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const sweepEveryMs = 60_000;

/** `/v1/runs` with everything below it. */
export function openRuns(options: Omit<RunsDeps, 'live'>): RunsFamily {
  const { api, store, clock, log } = options;
  const live = new LiveRuns({ store, clock, log, showReasoning: api.showReasoning });
  const deps: RunsDeps = { ...options, live };
  let cancelSweep = () => {};
  let isOpen = true;
  const sweepLater = () => {
    if (!isOpen) return;
    cancelSweep = clock.after(sweepEveryMs, () => {
      store
        .sweep()
        .catch((error: unknown) => log('warn', 'api.runs_not_swept', { error: String(error) }))
        .finally(sweepLater);
    });
  };
  return {
    routes: [createRoute(deps), ...readRoutes(deps), ...controlRoutes(deps)],
    async recover() {
      for (const row of await store.open()) await takeUp(deps, row);
      sweepLater();
    },
    async close(graceMs) {
      isOpen = false;
      cancelSweep();
      await live.idle(graceMs);
    },
  };
}

async function takeUp(deps: RunsDeps, row: RunRow): Promise<void> {
  const { store, runs, live, log } = deps;
  let record: RunRecord;
  try {
    record = readRecord(row);
  } catch {
    log('error', 'api.run_unreadable', { run: row.id });
    await store.discard(row.id);
    return;
  }
  const past = await store.events(row.id);
  const turn = await store.turn(source, row.id);
  const handle = turn.kind === 'open' ? await runs.takeUp(brand<TurnId>(turn.turn)) : undefined;
  if (handle !== undefined) {
    live.open({ id: row.id, scope: row.scope, record, handle, past });
    return;
  }
  // It may have ended since it was looked at.
  const now = turn.kind === 'open' ? await store.turn(source, row.id) : turn;
  // Its turn was never stored, so nobody was told of it: a retry with its key shall start it.
  if (now.kind === 'unknown' && row.key !== undefined) return store.discard(row.id);
  await settle(deps, row, record, past, now.kind === 'ended' ? now.result : lost);
}

const lost: TurnResult = {
  status: 'interrupted',
  text: '',
  messages: [],
  usage: noUsage,
  model: '',
  provider: '',
  modelCalls: 0,
  exit: 'interrupted',
  error: { code: 'interrupted', message: lostRun },
};

/** Gives a run the end that its process could not write. */
async function settle(
  { store, clock, log, api }: RunsDeps,
  { id }: RunRow,
  record: RunRecord,
  past: readonly EventBatch[],
  result: TurnResult,
): Promise<void> {
  const encoder = new RunEncoder({ run: id, reasoning: api.showReasoning, now: () => clock.now() });
  const retold = isTold(past, result) ? [] : [...encoder.resumed(), ...encoder.event(textOf(result))];
  const { settled, events } = encoder.finish(result, record.isStopping);
  const ended: RunRecord = { ...record, settled: { ...settled, lastEvent: encoder.details.last_event } };
  const before = past.at(-1);
  const first = before === undefined ? 1 : before.first + before.events.length;
  const last = { first, events: [...retold, ...events].map((event) => JSON.stringify(event)) };
  await store
    .end(id, JSON.stringify(ended), last)
    .catch((error: unknown) => log('error', 'api.run_not_kept', { run: id, error: String(error) }));
}

const textOf = ({ text }: TurnResult) => ({ type: 'text.delta' as const, text });

/** Events behind which another step speaks, or the same one anew. */
const newStep: ReadonlySet<RunEvent['event']> = new Set(['tool.started', 'tool.completed', 'run.resumed']);

/** The last words of an answer may have waited for their event when the process ended, with the turn recorded already. */
function isTold(past: readonly EventBatch[], { status, text }: TurnResult): boolean {
  // Only these have an answer.
  if (status !== 'completed' && status !== 'partial') return true;
  let said = '';
  for (const json of past.flatMap(({ events }) => events).toReversed()) {
    const event = JSON.parse(json) as RunEvent;
    if (newStep.has(event.event)) break;
    if (event.event === 'message.delta') said = event.delta + said;
  }
  // The answer of a turn may be less than everything its last step said.
  return said.endsWith(text);
}
