/** The programs that are compared, started as processes. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnNode } from './cores.ts';
import { cpuMs } from './proc.ts';

export interface Running {
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from spawn to the first answer over HTTP. */
  readonly startMs: number;
  /** CPU used until then; unlike the time, hardly longer beside busy neighbours. */
  readonly startCpuMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** How it ended although nobody stopped it, and what it said last. */
  died(): string | undefined;
  stop(): Promise<void>;
}

export interface GatewayWish {
  readonly upstream: string;
  /** A Bot API to connect to. */
  readonly telegram?: { readonly url: string; readonly token: string };
  /** A WeCom server to hold a socket to. */
  readonly wecom?: { readonly url: string; readonly botId: string; readonly secret: string };
  /** Opens webhooks with two routes: `task` gives the agent work, `alert` goes straight to Telegram. */
  readonly webhookSecret?: string;
}

/** A home as its user would set it up; the port is free at the moment of the call. */
export interface Home {
  readonly path: string;
  readonly url: string;
  /** Address of the routes. */
  readonly webhooks: string;
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

const apiKey = 'bench-key-0123456789abcdef0123456789';
export const gatewayHeaders = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };

export async function makeHome(
  folder: string,
  { upstream, telegram, wecom, webhookSecret }: GatewayWish,
): Promise<Home> {
  const path = mkdtempSync(join(folder, 'hermes-bench-'));
  const port = await freePort();
  const hookPort = await freePort();
  const locks = join(path, 'locks');
  mkdirSync(locks);
  const config = {
    model: { provider: 'custom', default: 'bench', base_url: `${upstream}/v1`, api_key: 'bench' },
    platforms: {
      // The default cap of ten runs would refuse the clients of the throughput experiments.
      api_server: { max_concurrent_runs: 0 },
      ...(webhookSecret ? { webhook: webhooks(hookPort, webhookSecret) } : {}),
      ...(telegram ? { telegram: { extra: { base_url: `${telegram.url}/bot` } } } : {}),
    },
  };
  // JSON is YAML.
  writeFileSync(join(path, 'config.yaml'), JSON.stringify(config, undefined, 2));
  return {
    path,
    url: `http://127.0.0.1:${port}`,
    webhooks: `http://127.0.0.1:${hookPort}/webhooks`,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: path,
      HERMES_HOME: path,
      HERMES_GATEWAY_LOCK_DIR: locks,
      API_SERVER_ENABLED: 'true',
      API_SERVER_PORT: String(port),
      API_SERVER_KEY: apiKey,
      ...(telegram ? { TELEGRAM_BOT_TOKEN: telegram.token, TELEGRAM_ALLOW_ALL_USERS: 'true' } : {}),
      ...(wecom
        ? { WECOM_BOT_ID: wecom.botId, WECOM_SECRET: wecom.secret, WECOM_WEBSOCKET_URL: wecom.url }
        : {}),
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function webhooks(port: number, secret: string): object {
  const routes = {
    task: { prompt: 'Look at {text}' },
    alert: {
      prompt: '{text}',
      deliver: 'telegram',
      deliver_only: true,
      deliver_extra: { chat_id: '{chat}' },
    },
  };
  return { enabled: true, extra: { host: '127.0.0.1', port, secret, rate_limit: 1_000_000, routes } };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port is free');
  return address.port;
}

/** `command` = launcher, with the flags of Node before it. */
export function startGateway(home: Home, command: readonly string[]): Promise<Running> {
  return start([...command, 'gateway', 'run'], home.env, home.url, gatewayHeaders);
}

/** `script` is a file of this folder that takes the upstream's address and its own port. */
export async function startPlain(script: string, upstream: string): Promise<Running> {
  const port = await freePort();
  const file = join(import.meta.dirname, script);
  const env = { PATH: process.env['PATH'] ?? '' };
  return start([file, upstream, String(port)], env, `http://127.0.0.1:${port}`, {
    'content-type': 'application/json',
  });
}

const startWithinMs = 30_000;
const stopWithinMs = 15_000;

async function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Running> {
  const spawned = performance.now();
  const child = spawnNode(args, 'subject', { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new AbortController();
  child.on('exit', (code, signal) => ended.abort(`it ended with ${signal ?? code}; it said last:\n${said}`));
  child.on('error', (error) => ended.abort(error.message));
  while (!(await answers(`${url}/health`))) {
    if (!ended.signal.aborted && performance.now() - spawned < startWithinMs) {
      await delay(2);
      continue;
    }
    child.kill('SIGKILL');
    throw new Error(`nothing listens on ${url}; the process said:\n${said}`);
  }
  const startMs = performance.now() - spawned;
  const startCpuMs = cpuMs(child.pid ?? 0);
  let isStopped = false;
  return {
    url,
    headers,
    startMs,
    startCpuMs,
    pid: child.pid ?? 0,
    died: () => (ended.signal.aborted && !isStopped ? String(ended.signal.reason) : undefined),
    stop() {
      isStopped = true;
      return stop(child, ended.signal);
    },
  };
}

async function stop(child: ChildProcess, ended: AbortSignal): Promise<void> {
  child.kill('SIGTERM');
  if (!ended.aborted) await delay(stopWithinMs, undefined, { signal: ended }).catch(() => {});
  child.kill('SIGKILL');
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
