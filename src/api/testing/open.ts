import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AgentsSettings, ApiAuth, ApiSettings, Settings } from '../../config/settings.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { LogLevel } from '../../core/log.ts';
import { chatLimits, responsesLimits } from '../../files/limits.ts';
import { type Api, type ApiOptions, openApi } from '../app.ts';
import type { GatewayHealth } from '../health.ts';
import { FakeTurns, type Script } from './fake-turns.ts';
import { agentsDefaults, type FakeTools, fakeTools } from './tools.ts';

export const key = 'test-key-0123456789';

export const authDefaults: ApiAuth = {
  keys: [],
  gateway: { mode: 'unset' },
  rateLimit: { maxAttempts: 10, windowMs: 60_000, lockoutMs: 300_000, exemptLoopback: true },
  proxies: { trusted: [], allowRealIp: false },
};

export const apiDefaults: ApiSettings = {
  auth: authDefaults,
  enabled: true,
  host: '127.0.0.1',
  port: 0,
  key,
  requireKey: false,
  corsOrigins: [],
  page: true,
  modelName: 'hermes-agent',
  maxConcurrentRuns: 10,
  toolProgressEvents: true,
  toolItems: undefined,
  showReasoning: false,
  directModelRequests: false,
  modelRoutes: {},
};

/** The documented limits of images and files. */
export const mediaDefaults: Pick<Settings, 'http' | 'security'> = {
  http: {
    chatCompletions: {
      maxBodyBytes: 10_000_000,
      maxImageParts: 8,
      maxTotalImageBytes: 20_971_520,
      images: { ...chatLimits.images, allowUrl: undefined },
      files: chatLimits.files,
    },
    responses: {
      maxBodyBytes: 10_000_000,
      maxUrlParts: 8,
      images: { ...responsesLimits.images, allowUrl: undefined },
      files: responsesLimits.files,
    },
  },
  security: { redactSecrets: true, allowPrivateUrls: false, yolo: false },
};

export const healthy: GatewayHealth = {
  state: 'running',
  platforms: { api_server: { state: 'connected' } },
  activeTurns: 0,
  checks: { state_db: { status: 'ok' } },
  oldestUndeliveredPartMs: undefined,
  oldestUnansweredInboundMs: undefined,
  pid: 4242,
  exitReason: undefined,
  startedAt: 0,
  updatedAt: 0,
  deliveries: { sent: 0, dead: 0, maybeDoubled: 0, maybeLost: 0 },
};

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

export interface OpenOptions {
  readonly api?: Partial<ApiSettings>;
  readonly terminal?: string;
  readonly script?: Script;
  readonly clock?: Clock;
  readonly limits?: ApiOptions['limits'];
  readonly runs?: ApiOptions['runs'];
  readonly network?: boolean;
  readonly health?: GatewayHealth;
  readonly isDemo?: boolean;
  readonly media?: Partial<typeof mediaDefaults>;
  readonly resolve?: ApiOptions['resolve'];
  readonly agents?: Partial<AgentsSettings>;
  readonly tools?: FakeTools;
  readonly sessions?: ApiOptions['sessions'];
}

export interface Opened {
  readonly api: Api;
  readonly turns: FakeTurns;
  readonly tools: FakeTools;
  readonly logs: LogLine[];
}

export async function openFake(options: OpenOptions = {}): Promise<Opened> {
  const turns = new FakeTurns(options.script);
  const tools = options.tools ?? fakeTools();
  const logs: LogLine[] = [];
  const api = await openApi({
    settings: {
      api: { ...apiDefaults, ...options.api },
      agents: { ...agentsDefaults, ...options.agents },
      ...mediaDefaults,
      ...options.media,
      terminal: {
        backend: options.terminal ?? 'docker',
        cwd: '.',
        timeoutMs: 1,
        maxForegroundMs: 1,
        envPassthrough: [],
        sudoPassword: undefined,
      },
    },
    turns,
    tools,
    sessions: options.sessions ?? { newest: async () => [] },
    health: () => options.health ?? healthy,
    clock: options.clock ?? systemClock,
    log: (level, event, data) => logs.push({ level, event, data }),
    version: '1.2.3',
    model: { name: 'configured-model', provider: 'scripted', isDemo: options.isDemo ?? false },
    isNetworkAccessible: async () => options.network ?? false,
    limits: { closeGraceMs: 200, ...options.limits },
    ...(options.runs && { runs: options.runs }),
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
  });
  return { api, turns, tools, logs };
}

export interface Listening extends Opened {
  readonly url: string;
  readonly port: number;
  post(body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

/** A listening server that is closed at the end of the block: `await using server = await listenFake()`. */
export async function listenFake(options: OpenOptions = {}): Promise<Listening & AsyncDisposable> {
  const opened = await openFake(options);
  const { url } = await opened.api.listen();
  const auth: Record<string, string> =
    (options.api && 'key' in options.api ? options.api.key : key) === undefined
      ? {}
      : { Authorization: `Bearer ${options.api?.key ?? key}` };
  return {
    ...opened,
    url,
    port: Number(new URL(url).port),
    post: (body, headers = {}, signal) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...auth, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    get: (path, headers = {}) => fetch(`${url}${path}`, { headers: { ...auth, ...headers } }),
    [Symbol.asyncDispose]: () => opened.api.close(),
  };
}

export const hello = { messages: [{ role: 'user', content: 'hello' }] };

/** Splits a stream's body into its frames. */
export function framesOf(body: string): { event: string | undefined; data: string }[] {
  return body
    .split('\n\n')
    .filter((frame) => frame !== '' && !frame.startsWith(':'))
    .map((frame) => ({
      event: /^event: (.*)$/m.exec(frame)?.[1],
      data: /^data: (.*)$/m.exec(frame)?.[1] ?? '',
    }));
}

/** The JSON objects of a stream, without `[DONE]`. */
export function chunksOf(body: string): Record<string, unknown>[] {
  return framesOf(body)
    .filter(({ data }) => data !== '[DONE]')
    .map(({ data }) => JSON.parse(data) as Record<string, unknown>);
}

/** A bare connection for what no HTTP client would send. */
export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Everything the server sends until it closes the connection. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.destroyed) await once(socket, 'close');
  return Buffer.concat(chunks).toString('utf8');
}
