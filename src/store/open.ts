import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Store } from './store.ts';

/**
 * Opens the configured database; only its driver is loaded. Throws HOME_LOCKED, STORE_CORRUPT, STORE_NEWER,
 * CONFIG_UNREADABLE, or for PostgreSQL an error with the code STORE_UNREACHABLE.
 */
export async function openStore(options: {
  readonly store: Settings['store'];
  readonly clock: Clock;
  readonly log: Log;
}): Promise<Store> {
  const { store, clock, log } = options;
  switch (store.kind) {
    case 'sqlite': {
      const { openSqlite } = await import('./sqlite/open.ts');
      return openSqlite({ file: store.file, clock, log });
    }
    case 'postgres': {
      const { openPostgres } = await import('./postgres/open.ts');
      return openPostgres({ url: store.url, clock, log });
    }
  }
}
