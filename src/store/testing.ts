/** A store that fails when a test says so. */
import { GatewayError } from '../core/errors.ts';
import type { Store } from './store.ts';

/**
 * A store whose writes fail as the test decides, called before each one: `before` = nothing was stored;
 * `after` = stored, but the caller is told otherwise, as when a connection breaks during a commit.
 */
export function failingStore(store: Store, decide: () => 'before' | 'after' | undefined): Store {
  return {
    dialect: store.dialect,
    read: store.read,
    health: () => store.health(),
    close: () => store.close(),
    async write(unit, durability) {
      const fault = decide();
      if (fault === 'before') throw new GatewayError('STORE_FULL', { why: 'test' });
      const value = await store.write(unit, durability);
      if (fault === 'after') throw new GatewayError('STORE_FULL', { why: 'the connection was lost' });
      return value;
    },
  };
}
