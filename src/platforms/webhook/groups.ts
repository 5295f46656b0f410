/**
 * Which events wait together (webhooks §7). The store keeps the newest of each group and its time, so a crash loses
 * none; here is only which conversation a group has at the moment. After a restart a group begins anew.
 */
import type { Clock } from '../../core/clock.ts';
import type { Coalesce } from './route.ts';

export interface Place {
  /** Key of the delivery the group began with; its conversation is the group's. */
  readonly first: string;
  readonly waitMs: number;
  /** Events of the group before this one. */
  readonly superseded: number;
  /** The event was none: it is known, or it could not be stored. */
  leave(): void;
}

interface Group {
  readonly first: string;
  readonly began: number;
  until: number;
  size: number;
}

const mostGroups = 10_000;

export class Groups {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #groups = new Map<string, Group>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** The event joins the waiting group of its key, whose quiet window starts again, or begins one. */
  join(route: string, key: string, delivery: string, { windowMs, maxWaitMs }: Coalesce): Place {
    const now = this.#clock.monotonic();
    const name = JSON.stringify([route, key]);
    const known = this.#groups.get(name);
    const group =
      known !== undefined && now < known.until ? known : { first: delivery, began: now, until: now, size: 0 };
    group.until = Math.min(now + windowMs, group.began + maxWaitMs);
    const superseded = group.size;
    group.size += 1;
    this.#keep(name, group, now);
    return {
      first: group.first,
      waitMs: group.until - now,
      superseded,
      leave: () => {
        group.size -= 1;
      },
    };
  }

  /** Newest last. A group that is pushed out is only split in two: its next event begins another. */
  #keep(name: string, group: Group, now: number): void {
    this.#groups.delete(name);
    this.#groups.set(name, group);
    for (const [oldest, { until }] of this.#groups) {
      if (until > now && this.#groups.size <= mostGroups) return;
      this.#groups.delete(oldest);
    }
  }
}
