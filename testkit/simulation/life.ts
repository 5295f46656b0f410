/**
 * One process of the simulated gateway. When it is killed nothing of it goes on: its timers, its sleeps and its waits
 * for the store never come back, as with `kill -9`. The database and the world stay.
 */
import type { Clock } from '../../src/core/clock.ts';
import { GatewayError } from '../../src/core/errors.ts';
import type { Store } from '../../src/store/store.ts';

/**
 * What happens to one write. `killed-before`, `killed-after`: the process ends around it. `refused`: nothing is stored.
 * `untold`: stored, but reported as failed. `again`: undone after a conflict and run a second time.
 */
export type WriteFault = 'none' | 'killed-before' | 'killed-after' | 'refused' | 'untold' | 'again';

export class Life {
  #alive = true;

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
  }

  /** Passes a value on while the process lives, and waits for ever when it does not. */
  async still<T>(work: Promise<T>): Promise<T> {
    try {
      const value = await work;
      return this.#alive ? value : await never<T>();
    } catch (error) {
      if (!this.#alive) return never<T>();
      throw error;
    }
  }

  clock(clock: Clock): Clock {
    return {
      ...clock,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => this.still(clock.sleep(ms, signal)),
      after: (ms, run) =>
        clock.after(ms, () => {
          if (this.#alive) run();
        }),
    };
  }

  store(store: Store, next: () => WriteFault): Store {
    const full = () => new GatewayError('STORE_FULL', { why: 'simulated' });
    return {
      dialect: store.dialect,
      read: {
        all: (query, params) => this.still(store.read.all(query, params)),
        get: (query, params) => this.still(store.read.get(query, params)),
        run: (query, params) => this.still(store.read.run(query, params)),
      },
      health: () => store.health(),
      close: async () => {},
      write: async (unit, durability) => {
        if (!this.#alive) return never();
        const fault = next();
        switch (fault) {
          case 'killed-before':
            this.kill();
            return never();
          case 'refused':
            throw full();
          case 'again':
            await this.still(rehearse(store, unit));
            break;
          case 'none':
          case 'untold':
          case 'killed-after':
            break;
        }
        const value = await this.still(store.write(unit, durability));
        if (fault === 'killed-after') {
          this.kill();
          return never();
        }
        if (fault === 'untold') throw full();
        return value;
      },
    };
  }
}

class Conflict extends Error {}

async function rehearse(store: Store, unit: Parameters<Store['write']>[0]): Promise<void> {
  try {
    await store.write(async (tx) => {
      await unit(tx);
      throw new Conflict();
    });
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
  }
}

const never = <T>() => new Promise<T>(() => {});
