import type { Clock } from '../../core/clock.ts';
import type { EventBatch, RunRow, RunStore } from './store.ts';

const endedMs = 3_600_000;
const keyedMs = 86_400_000;

/** Keeps runs for the life of the process: for servers without a database. */
export function memoryRuns(clock: Clock): RunStore {
  const rows = new Map<string, RunRow>();
  const events = new Map<string, EventBatch[]>();
  const sessions = new Map<string, string>();
  const add = (id: string, batch: EventBatch) => {
    if (batch.events.length > 0) events.set(id, [...(events.get(id) ?? []), batch]);
  };
  const change = (id: string, body: string, state: RunRow['state']) => {
    const row = rows.get(id);
    if (row?.state !== 'open') return false;
    rows.set(id, { ...row, body, state, updatedAt: clock.now() });
    return true;
  };
  const byKey = (scope: string, key: string) =>
    [...rows.values()].find((row) => row.scope === scope && row.key === key);
  const nameOf = (scope: string, name: string) => JSON.stringify([scope, name]);

  return {
    async create({ session, ...row }) {
      const known = row.key === undefined ? undefined : byKey(row.scope, row.key);
      if (known !== undefined) return known;
      rows.set(row.id, { ...row, state: 'open', updatedAt: clock.now() });
      if (session !== undefined) sessions.set(nameOf(row.scope, session.name), session.id);
      return undefined;
    },
    async discard(id) {
      rows.delete(id);
      events.delete(id);
    },
    async get(scope, id) {
      const row = rows.get(id);
      return row?.scope === scope ? row : undefined;
    },
    byKey: async (scope, key) => byKey(scope, key),
    note: async (id, body) => change(id, body, 'open'),
    async append(id, batch, keepFrom) {
      add(id, batch);
      events.set(
        id,
        (events.get(id) ?? []).filter(({ first }) => first >= keepFrom),
      );
    },
    async end(id, body, last) {
      if (!change(id, body, 'ended')) return false;
      add(id, last);
      return true;
    },
    events: async (id) => events.get(id) ?? [],
    open: async () => [...rows.values()].filter(({ state }) => state === 'open'),
    session: async (scope, name) => sessions.get(nameOf(scope, name)),
    turn: async () => ({ kind: 'unknown' }),
    async sweep() {
      for (const { id, state, key, updatedAt } of rows.values()) {
        const age = clock.now() - updatedAt;
        if (state === 'open' || age <= endedMs) continue;
        events.delete(id);
        if (key === undefined || age > keyedMs) rows.delete(id);
      }
    },
  };
}
