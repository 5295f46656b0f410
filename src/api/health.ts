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
  readonly updatedAt: number | undefined;
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
  exit_reason: z.string().nullable(),
  updated_at: z.string().nullable().describe('RFC 3339'),
  pid: z.int(),
  api_server: z.object({ active_runs: z.int(), max_concurrent_runs: z.int() }),
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

/** The body of `GET /health/detailed` (api-server §10). Degraded is still HTTP 200. */
export function detailedHealth(
  gateway: GatewayHealth,
  api: { readonly version: string; readonly activeRuns: number; readonly maxRuns: number },
): z.output<typeof detailedAnswer> {
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
    exit_reason: code(gateway.exitReason) ?? null,
    updated_at: gateway.updatedAt === undefined ? null : new Date(gateway.updatedAt).toISOString(),
    pid: gateway.pid,
    api_server: { active_runs: api.activeRuns, max_concurrent_runs: api.maxRuns },
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
