import type { FastifyInstance } from 'fastify';
import type { ServedTools } from '../agent/contract.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { fail } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Resolve } from '../net/resolve.ts';
import type { Turns } from '../turn/contract.ts';
import { type Access, openAccess } from './auth.ts';
import { chatRoute } from './chat/route.ts';
import { discoveryRoutes } from './discovery.ts';
import { checkStart } from './guards.ts';
import type { GatewayHealth } from './health.ts';
import { type Idempotency, memoryIdempotency } from './idempotency.ts';
import { openMedia } from './media/load.ts';
import { embeddingsRoute } from './openclaw/embeddings.ts';
import type { Sessions } from './openclaw/gateway-tools.ts';
import { invokeRoute } from './openclaw/invoke.ts';
import { type PageCredential, pageRoutes } from './page/route.ts';
import { responsesPath } from './responses/create.ts';
import { openResponses } from './responses/family.ts';
import { memoryStore } from './responses/memory-store.ts';
import type { SocketLimits } from './responses/sockets.ts';
import type { ResponseStore } from './responses/store.ts';
import type { Route } from './routes.ts';
import { openRuns } from './runs/family.ts';
import { memoryRuns } from './runs/memory-store.ts';
import type { RunStore } from './runs/store.ts';
import { Runs } from './runs.ts';
import { buildServer, type HttpLimits } from './server.ts';
import type { SseLimits } from './sse.ts';

export interface ApiOptions {
  readonly settings: Pick<Settings, 'api' | 'agents' | 'terminal' | 'http' | 'security'>;
  /** Host names in addresses that callers send; default: as this machine resolves them. */
  readonly resolve?: Resolve;
  readonly turns: Turns;
  readonly tools: ServedTools;
  /** Stored sessions, for `sessions_list`. */
  readonly sessions: Sessions;
  health(): GatewayHealth | Promise<GatewayHealth>;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly model: { readonly name: string; readonly provider: string; readonly isDemo: boolean };
  /** Tokens the configured model takes, when the configuration says so. */
  readonly contextWindow?: number | undefined;
  /** True when something beyond this machine could connect to `host`; unresolvable names are true. */
  isNetworkAccessible(host: string): Promise<boolean>;
  readonly idempotency?: Idempotency;
  /** Where `/v1/responses` keeps what it made; default: in memory, until `close`. */
  readonly responses?: ResponseStore;
  /** Where `/v1/runs` keeps its runs; default: in memory, until `close`. */
  readonly runs?: RunStore;
  readonly limits?: Partial<ApiLimits>;
}

export interface ApiLimits extends HttpLimits, SseLimits, SocketLimits {
  /** How long `close` waits for interrupted turns to end their streams. */
  readonly closeGraceMs: number;
}

const defaultLimits: ApiLimits = {
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  timeoutCheckMs: 5_000,
  unreadMs: 30_000,
  keepAliveMs: 10_000,
  maxBufferedBytes: 1_048_576,
  closeGraceMs: 2_000,
  socketLifeMs: 3_600_000,
  socketPingMs: 30_000,
  maxSockets: 64,
};

export interface Api {
  /** Binds the configured address; port 0 picks a free one. Throws PORT_IN_USE, which is not worth retrying. */
  listen(): Promise<{ url: string }>;
  /** Stops listening, interrupts the running turns, lets their streams end and cuts what is left. */
  close(): Promise<void>;
  /** Runs a request without a socket, for tests. */
  readonly inject: FastifyInstance['inject'];
}

/**
 * Prepares the OpenAI-compatible API server (api-server §1–6, §10). Nothing is bound before `listen`.
 * Throws BIND_WITHOUT_KEY or WEAK_KEY when the configuration would expose the agent.
 */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { settings, clock, log, version } = options;
  const { api, agents } = settings;
  const limits = { ...defaultLimits, ...options.limits };
  for (const warning of await checkStart(settings, options.isNetworkAccessible)) {
    log('warn', `[API Server] ${warning}`);
  }

  const access = openAccess({ api, clock, log });
  const runs = new Runs(options.turns, api.maxConcurrentRuns);
  const shared = {
    api,
    agents,
    tools: options.tools,
    access,
    runs,
    idempotency: options.idempotency ?? memoryIdempotency(clock),
    defaultModel: options.model.name,
    clock,
    log,
    limits,
  };
  const { resolve } = options;
  const media = openMedia({ settings, clock, log, ...(resolve === undefined ? {} : { resolve }) });
  const chat = chatRoute({ ...shared, media: media.chatCompletions });
  const responses = openResponses({
    ...shared,
    media: media.responses,
    store: options.responses ?? memoryStore(),
  });
  const asynchronous = openRuns({
    ...shared,
    media: media.responses,
    store: options.runs ?? memoryRuns(clock),
    chain: (caller) => responses.chain(caller),
  });
  const routes: Route[] = [
    ...(agents.endpoints.chat ? [chat] : []),
    ...(agents.endpoints.responses ? responses.routes : []),
    ...asynchronous.routes,
    invokeRoute({ ...shared, sessions: options.sessions }),
    embeddingsRoute(),
  ];
  routes.unshift(
    ...discoveryRoutes({
      api,
      agents,
      tools: options.tools,
      hasKey: !access.isOpen,
      version,
      model: options.model,
      contextWindow: options.contextWindow,
      health: () => options.health(),
      activeRuns: () => runs.active,
      clock,
      routes: () => routes,
    }),
  );
  if (api.page) routes.push(...pageRoutes({ version, credential: credentialOf(api, access) }));
  const server = await buildServer({
    routes,
    api,
    access,
    clock,
    log,
    limits,
    disabled: disabledPaths(agents),
    strictTransport: agents.strictTransport,
  });
  if (agents.endpoints.responses) responses.attach(server.server);

  return {
    inject: server.inject.bind(server) as FastifyInstance['inject'],
    async listen() {
      await responses.recover();
      await asynchronous.recover();
      const port = await bind(server, api.host, api.port, clock);
      const host = api.host.includes(':') ? `[${api.host}]` : api.host;
      const url = `http://${host}:${port}`;
      log('info', `[API Server] API server listening on ${url} (model: ${api.modelName})`);
      return { url };
    },
    async close() {
      const closed = server.close();
      await runs.close(clock, limits.closeGraceMs);
      await responses.close(limits.closeGraceMs);
      await asynchronous.close(limits.closeGraceMs);
      server.server.closeIdleConnections();
      const cancel = clock.after(flushMs, () => server.server.closeAllConnections());
      await closed;
      cancel();
    },
  };
}

const disabledPaths = ({ endpoints }: Settings['agents']): readonly string[] => [
  ...(endpoints.chat ? [] : ['/v1/chat/completions']),
  ...(endpoints.responses ? [] : [responsesPath]),
];

function credentialOf({ auth }: Settings['api'], { isOpen }: Access): PageCredential {
  if (auth.gateway.mode === 'trusted-proxy') return 'proxy';
  return isOpen ? 'none' : 'key';
}

/** What ended streams get to reach their readers before their connections are cut. */
const flushMs = 250;

/** A port is often still held by the process that is being replaced, so a taken one is tried again for three seconds. */
async function bind(server: FastifyInstance, host: string, port: number, clock: Clock): Promise<number> {
  // One socket: with the name, a second one for ::1 would live outside of limits and shutdown.
  const address = host === 'localhost' ? '127.0.0.1' : host;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.listen({ host: address, port });
      const bound = server.server.address();
      return typeof bound === 'object' && bound !== null ? bound.port : port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (attempt > 5) fail('PORT_IN_USE', { port, host }, error);
      await clock.sleep(200 * attempt);
    }
  }
}
