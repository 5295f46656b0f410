import { z } from 'zod';

/** What the gateway knows about itself. Codes and numbers only: no paths, keys, commands or error texts. */
export interface GatewayHealth {
  readonly state: 'starting' | 'running' | 'degraded' | 'draining' | 'stopped';
  readonly platforms: Readonly<Record<string, PlatformHealth>>;
  readonly activeTurns: number;
  /** Readiness by subject: `state_db`, `config`, `model`, `disk`, `gateway`, `background_queues` … */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  /** Milliseconds; undefined = nothing is waiting. */
  readonly oldestUndeliveredPartMs: number | undefined;
  readonly oldestUnansweredInboundMs: number | undefined;
  readonly pid: number;
  /** A code such as `signal` or `config`. */
  readonly exitReason: string | undefined;
  /** UTC milliseconds. */
  readonly startedAt: number | undefined;
  /** UTC milliseconds. */
  readonly updatedAt: number | undefined;
  /** Of the last day, at most the newest 1,000. */
  readonly deliveries: DeliveryCounts;
}

export interface DeliveryCounts {
  readonly sent: number;
  /** Given up. */
  readonly dead: number;
  /** Among the others: may stand in a chat twice, may never have arrived. */
  readonly maybeDoubled: number;
  readonly maybeLost: number;
}

export interface PlatformHealth {
  readonly state: string;
  /** `auth`, `conflict`, `config`, `network`, `protocol` or `silent` when it is down. */
  readonly code?: string;
}

export interface ReadinessCheck {
  readonly status: 'ok' | 'degraded';
  /** A code, not a sentence. */
  readonly detail?: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

export const healthAnswer = z.object({
  status: z.literal('ok'),
  platform: z.literal('hermes-agent'),
  version: z.string(),
});

export const detailedAnswer = z.object({
  status: z.enum(['ok', 'degraded']),
  platform: z.literal('hermes-agent'),
  version: z.string(),
  gateway_state: z.string(),
  platforms: z.record(z.string(), z.object({ state: z.string(), code: z.string().optional() })),
  active_agents: z.int(),
  gateway_busy: z.boolean(),
  gateway_drainable: z.boolean(),
  model: z.object({ name: z.string(), provider: z.string(), demo: z.boolean() }),
  exit_reason: z.string().nullable(),
  started_at: z.string().nullable().describe('RFC 3339'),
  updated_at: z.string().nullable().describe('RFC 3339'),
  pid: z.int(),
  api_server: z.object({ active_runs: z.int(), max_concurrent_runs: z.int() }),
  deliveries: z
    .object({ sent: z.int(), dead: z.int(), maybe_doubled: z.int(), maybe_lost: z.int() })
    .describe('Of the last day, at most the newest 1,000.'),
  oldest_undelivered_part_ms: z.number().nullable(),
  oldest_unanswered_inbound_ms: z.number().nullable(),
  readiness: z.object({
    status: z.enum(['ok', 'degraded']),
    checks: z.record(z.string(), z.looseObject({ status: z.enum(['ok', 'degraded']) })),
  }),
});

export function health(version: string): z.output<typeof healthAnswer> {
  return { status: 'ok', platform: 'hermes-agent', version };
}

/** Lets codes through and nothing that could be a path, a command or a secret. */
function code(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return /^[a-z][a-z0-9_-]{0,47}$/.test(text) ? text : 'unspecified';
}

/** Local model servers name a model by the file it was loaded from; the folder is nobody's business. */
function modelName(name: string): string {
  const isPath = /^(?:[/~.\\]|[a-z]:[/\\])/i.test(name);
  return (isPath ? (name.split(/[/\\]/).at(-1) ?? '') : name).slice(0, 200);
}

const rfc3339 = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

export interface ServedBy {
  readonly version: string;
  readonly model: { readonly name: string; readonly provider: string; readonly isDemo: boolean };
  readonly activeRuns: number;
  readonly maxRuns: number;
}

/** The body of `GET /health/detailed` (api-server §10). Degraded is still HTTP 200. */
export function detailedHealth(gateway: GatewayHealth, api: ServedBy): z.output<typeof detailedAnswer> {
  const degraded = Object.values(gateway.checks).some((check) => check.status === 'degraded');
  const status = degraded ? 'degraded' : 'ok';
  return {
    status,
    platform: 'hermes-agent',
    version: api.version,
    gateway_state: gateway.state,
    platforms: Object.fromEntries(
      Object.entries(gateway.platforms).map(([name, { state, code: why }]) => {
        const reason = code(why);
        return [
          name,
          { state: code(state) ?? 'unspecified', ...(reason === undefined ? {} : { code: reason }) },
        ];
      }),
    ),
    active_agents: gateway.activeTurns,
    gateway_busy: gateway.activeTurns > 0,
    gateway_drainable: gateway.state === 'running' || gateway.state === 'degraded',
    model: {
      name: modelName(api.model.name),
      provider: code(api.model.provider) ?? 'unspecified',
      demo: api.model.isDemo,
    },
    exit_reason: code(gateway.exitReason) ?? null,
    started_at: rfc3339(gateway.startedAt),
    updated_at: rfc3339(gateway.updatedAt),
    pid: gateway.pid,
    api_server: { active_runs: api.activeRuns, max_concurrent_runs: api.maxRuns },
    deliveries: {
      sent: gateway.deliveries.sent,
      dead: gateway.deliveries.dead,
      maybe_doubled: gateway.deliveries.maybeDoubled,
      maybe_lost: gateway.deliveries.maybeLost,
    },
    oldest_undelivered_part_ms: gateway.oldestUndeliveredPartMs ?? null,
    oldest_unanswered_inbound_ms: gateway.oldestUnansweredInboundMs ?? null,
    readiness: {
      status,
      checks: Object.fromEntries(
        Object.entries(gateway.checks).map(([name, check]) => {
          const detail = code(check.detail);
          return [
            name,
            { ...check.numbers, status: check.status, ...(detail === undefined ? {} : { detail }) },
          ];
        }),
      ),
    },
  };
}
