import { afterAll, beforeAll } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../testkit/postgres.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { storeContract } from '../contract.ts';
import { openPostgres } from './open.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

storeContract('PostgreSQL', async () => {
  const url = await server.database();
  return {
    settings: { kind: 'postgres', url },
    open: (migrations) =>
      openPostgres({ url, clock: systemClock, log: silentLog, ...(migrations && { migrations }) }),
    remove: async () => {},
  };
});
