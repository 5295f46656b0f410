/** The real gateway as a child process, started as its user starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface HomeOptions {
  readonly upstream: string;
  readonly upstreamKey: string;
  readonly telegram?: { readonly url: string; readonly token: string; readonly users: readonly number[] };
  /** More lines of config.yaml. */
  readonly yaml?: string;
  readonly databaseUrl?: string;
  /** Where the home is made; default the system's folder for temporary files. */
  readonly folder?: string;
}

export interface Home {
  readonly path: string;
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

/** A temporary home that knows the fakes. The API port is free at the moment of the call. */
export async function makeHome(options: HomeOptions): Promise<Home> {
  const path = mkdtempSync(join(options.folder ?? tmpdir(), 'hermes-test-'));
  const port = await freePort();
  const apiKey = 'test-api-key-0123456789abcdef';
  const { telegram } = options;
  writeFileSync(
    join(path, 'config.yaml'),
    [
      `model: {provider: custom, default: echo, base_url: '${options.upstream}/v1', api_key: ${options.upstreamKey}}`,
      'display: {busy_input_mode: queue, busy_ack_enabled: false}',
      'session_reset: {mode: none}',
      ...(telegram ? [`platforms: {telegram: {extra: {base_url: '${telegram.url}/bot'}}}`] : []),
      options.yaml ?? '',
    ].join('\n'),
  );
  const locks = join(path, 'locks');
  mkdirSync(locks);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: path,
    HERMES_HOME: path,
    HERMES_GATEWAY_LOCK_DIR: locks,
    API_SERVER_ENABLED: 'true',
    API_SERVER_PORT: String(port),
    API_SERVER_KEY: apiKey,
    HERMES_TELEGRAM_TEXT_BATCH_DELAY_SECONDS: '0.08',
    ...(telegram
      ? {
          TELEGRAM_BOT_TOKEN: telegram.token,
          TELEGRAM_ALLOWED_USERS: telegram.users.join(','),
          TELEGRAM_REPLY_TO_MODE: 'off',
        }
      : {}),
    ...(options.databaseUrl ? { HERMES_DATABASE_URL: options.databaseUrl } : {}),
  };
  return {
    path,
    apiUrl: `http://127.0.0.1:${port}`,
    apiKey,
    env,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly #home: Home;
  readonly startedAt = performance.now();
  readonly exited: Promise<number | null>;
  #output = '';
  #ended = false;

  constructor(home: Home, fault?: string, args: readonly string[] = []) {
    this.#home = home;
    const launcher = join(import.meta.dirname, '../bin/hermes.js');
    this.#child = spawn(process.execPath, [launcher, 'gateway', 'run', ...args], {
      env: { ...home.env, ...(fault ? { HERMES_FAULT: fault } : {}) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => {
      this.#child.on('exit', (code) => {
        this.#ended = true;
        resolve(code);
      });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The end of what the process printed. */
  get output(): string {
    return this.#output;
  }

  /** Milliseconds from spawn to the first answered health request. Rejects when the process ends before. */
  async listening(withinMs = 15_000): Promise<number> {
    while (!this.#ended && performance.now() - this.startedAt < withinMs) {
      const ok = await fetch(`${this.#home.apiUrl}/health`).then(
        (response) => response.arrayBuffer().then(() => response.ok),
        () => false,
      );
      if (ok) return performance.now() - this.startedAt;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`the gateway does not listen; it said:\n${this.#output}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.exited;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
