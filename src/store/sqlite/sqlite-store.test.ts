import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { storeContract } from '../contract.ts';
import { openSqlite } from './open.ts';

storeContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-store-'));
  const file = join(folder, 'gateway.db');
  return {
    settings: { kind: 'sqlite', file },
    open: async (migrations) =>
      openSqlite({ file, clock: systemClock, log: silentLog, ...(migrations && { migrations }) }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
