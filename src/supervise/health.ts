import { statfs } from 'node:fs/promises';
import type { DeliveryCounts, GatewayHealth, ReadinessCheck } from '../api/health.ts';
import type { Clock } from '../core/clock.ts';
import { oldestUnanswered } from '../store/queries/inbound.ts';
import { oldestUndelivered, recentParts } from '../store/queries/part.ts';
import type { Store } from '../store/store.ts';
import type { AccountStatus } from './account.ts';
import type { GatewayState } from './state-file.ts';

export interface HealthParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly home: string;
  readonly model: { readonly isDemo: boolean };
  readonly problems: number;
  /** UTC milliseconds. */
  readonly startedAt: number;
  activeTurns(): number;
  state(): GatewayState;
  accounts(): readonly AccountStatus[];
}

/** A disk this full is reported before it is a problem. */
const fullDiskPercent = 90;
const dayMs = 86_400_000;

/** Reads the gateway's health (guarantees: live, ready, whole). Numbers and codes only. */
export async function readHealth(parts: HealthParts): Promise<GatewayHealth> {
  const { store, clock } = parts;
  const [inbound, outbound, disk, recent] = await Promise.all([
    store.read.get(oldestUnanswered, {}),
    store.read.get(oldestUndelivered, {}),
    diskCheck(parts.home),
    store.read.all(recentParts, { since: clock.now() - dayMs }),
  ]);
  const age = (row: { created_at: number | null } | undefined) =>
    row?.created_at == null ? undefined : Math.max(0, clock.now() - row.created_at);
  const accounts = parts.accounts();
  const state = parts.state();
  const allUp = accounts.every((account) => account.state === 'connected');
  return {
    state: state === 'startup_failed' ? 'stopped' : state,
    platforms: Object.fromEntries(
      accounts.map(({ platform, state: at, code }) => [platform, { state: at, ...(code ? { code } : {}) }]),
    ),
    activeTurns: parts.activeTurns(),
    checks: {
      state_db: store.health().writable ? { status: 'ok' } : { status: 'degraded', detail: 'unwritable' },
      config:
        parts.problems === 0
          ? { status: 'ok' }
          : { status: 'degraded', detail: 'problems', numbers: { problems: parts.problems } },
      model: { status: 'ok', detail: parts.model.isDemo ? 'demo' : 'configured' },
      disk,
      gateway: { status: allUp ? 'ok' : 'degraded' },
      background_queues: {
        status: 'ok',
        numbers: { unanswered: Number(inbound?.open ?? 0), undelivered: Number(outbound?.open ?? 0) },
      },
    },
    oldestUndeliveredPartMs: age(outbound),
    oldestUnansweredInboundMs: age(inbound),
    pid: process.pid,
    exitReason: undefined,
    startedAt: parts.startedAt,
    updatedAt: clock.now(),
    deliveries: countDeliveries(recent),
  };
}

interface PartCount {
  readonly state: string;
  readonly mark: string | null;
  readonly count: number | string | bigint;
}

function countDeliveries(rows: readonly PartCount[]): DeliveryCounts {
  const sum = (wanted: (row: PartCount) => boolean) =>
    rows.filter(wanted).reduce((total, { count }) => total + Number(count), 0);
  return {
    sent: sum(({ state }) => state === 'sent'),
    dead: sum(({ state }) => state === 'dead'),
    maybeDoubled: sum(({ mark }) => mark === 'maybe_doubled'),
    maybeLost: sum(({ mark }) => mark === 'maybe_lost'),
  };
}

async function diskCheck(folder: string): Promise<ReadinessCheck> {
  try {
    const { blocks, bavail, bsize } = await statfs(folder);
    const used = blocks === 0 ? 0 : Math.round((1 - bavail / blocks) * 1000) / 10;
    const numbers = { used_percent: used, free_bytes: bavail * bsize };
    return { status: used >= fullDiskPercent ? 'degraded' : 'ok', numbers };
  } catch {
    return { status: 'degraded', detail: 'unreadable' };
  }
}
