import { randomBytes } from 'node:crypto';
import type { ResponseRow, ResponseStore } from './store.ts';

/** Of each caller. */
const mostResponses = 100;

interface Kept extends ResponseRow {
  readonly scope: string;
  readonly conversation: string | undefined;
}

/** Keeps responses for the life of the process: for servers without a database. */
export function memoryStore(): ResponseStore {
  /** In order of their last access. */
  const rows = new Map<string, Kept>();
  const names = new Map<string, string>();
  const secret = randomBytes(32);
  const nameOf = (scope: string, conversation: string) => JSON.stringify([scope, conversation]);
  const put = (row: Kept) => {
    rows.delete(row.id);
    rows.set(row.id, row);
  };
  const forget = (id: string) => {
    rows.delete(id);
    for (const [name, response] of names) if (response === id) names.delete(name);
  };

  return {
    async create(row) {
      put({ ...row, state: 'open' });
      if (row.conversation !== undefined) names.set(nameOf(row.scope, row.conversation), row.id);
      const own = [...rows.values()].filter(({ scope }) => scope === row.scope);
      const surplus = own.slice(0, Math.max(0, own.length - mostResponses));
      for (const { id, state } of surplus) if (state === 'ended') forget(id);
    },
    async discard(id, previous) {
      const row = rows.get(id);
      forget(id);
      if (row?.conversation !== undefined && previous !== undefined && rows.has(previous)) {
        names.set(nameOf(row.scope, row.conversation), previous);
      }
    },
    async end(id, body) {
      const row = rows.get(id);
      if (row?.state !== 'open') return false;
      put({ ...row, state: 'ended', body });
      return true;
    },
    async get(scope, id) {
      const row = rows.get(id);
      if (row?.scope !== scope) return undefined;
      put(row);
      return row;
    },
    newest: async (scope, conversation) => names.get(nameOf(scope, conversation)),
    async delete(scope, id) {
      if (rows.get(id)?.scope !== scope) return false;
      forget(id);
      return true;
    },
    open: async () => [...rows.values()].filter((row) => row.state === 'open'),
    turn: async () => ({ kind: 'unknown' }),
    secret: async () => secret,
  };
}
