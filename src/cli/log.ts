/** Log files of a home and the lines on stderr (gateway-core §1.8). Secrets are removed before anything is written. */
import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf } from '../config/home.ts';
import type { Settings } from '../config/settings.ts';
import type { Log, LogLevel } from '../core/log.ts';
import { redact } from '../text/redact.ts';
import type { Output } from './host.ts';
import { harmless } from './print.ts';

const order = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** 0 = warnings, 1 = `-v`, 2 = `-vv`. */
export type Verbosity = number | 'silent';

export interface OpenLog {
  readonly log: Log;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** Events of these parts belong to the agent; all others are the gateway's own. */
const agentParts = new Set(['agent', 'model', 'tool']);

/** `agent.log` gets everything from the configured level on, `errors.log` warnings, `gateway.log` all but the agent's. */
export async function openLog(settings: Settings, verbosity: Verbosity, stderr: Output): Promise<OpenLog> {
  const { default: pino } = await import('pino');
  const { logs } = filesOf(settings.home);
  const open = (name: string) => {
    const file = join(logs, name);
    const stream = pino.destination({ dest: file, sync: false, mkdir: true, mode: 0o600 });
    // A full disk must not end the gateway; the store says so in a way people see.
    stream.on('error', () => {});
    return new RotatingFile(file, stream, settings.logging.maxBytes, settings.logging.backups);
  };
  const files = { agent: open('agent.log'), errors: open('errors.log'), gateway: open('gateway.log') };
  const least = order[settings.logging.level];
  const leastOnTerminal =
    verbosity === 'silent' ? Number.POSITIVE_INFINITY : Math.max(0, order.warn - verbosity);
  const { secrets } = settings;
  const clean = settings.security.redactSecrets
    ? (text: string) => redact(text, secrets)
    : (text: string) => text;

  const log: Log = (level, event, data) => {
    const rank = order[level];
    if (rank < least && rank < leastOnTerminal) return;
    const fields = data === undefined ? {} : (plain(data, clean, 0) as Record<string, unknown>);
    const time = new Date().toISOString();
    if (rank >= least) {
      const text = `${JSON.stringify({ time, level, event, ...fields })}\n`;
      files.agent.write(text);
      if (rank >= order.warn) files.errors.write(text);
      if (!agentParts.has(event.split('.')[0] ?? '')) files.gateway.write(text);
    }
    if (rank >= leastOnTerminal)
      stderr.write(`${time.slice(11, 19)} ${level.padEnd(5)} ${event}${onOneLine(fields)}\n`);
  };
  return {
    log,
    close: async () => {
      await Promise.all(Object.values(files).map((file) => file.close()));
    },
  };
}

/** What a log line may hold: no cycles, no depth without end, errors as text, secrets removed. */
function plain(value: unknown, clean: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string')
    return clean(value.length > longestText ? `${value.slice(0, longestText)}…` : value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (depth > 5) return '…';
  if (value instanceof Error) {
    const code = (value as NodeJS.ErrnoException).code;
    const cause = value.cause === undefined ? {} : { cause: plain(value.cause, clean, depth + 1) };
    return {
      message: clean(value.message),
      ...(code === undefined ? {} : { code }),
      stack: clean(value.stack ?? ''),
      ...cause,
    };
  }
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => plain(item, clean, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, plain(item, clean, depth + 1)]),
  );
}

const longestText = 8_192;

function onOneLine(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${harmless(brief(value)).replaceAll('\n', ' ')}`)
    .join('');
}

function brief(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return JSON.stringify(value) ?? '';
}

interface Destination {
  write(text: string): boolean;
  flushSync(): void;
  reopen(): void;
  end(): void;
  once(event: 'close', run: () => void): unknown;
}

/** `x.log`, `x.log.1` … `x.log.<backups>`; renamed when the next line would exceed the size. */
class RotatingFile {
  readonly #file: string;
  readonly #stream: Destination;
  readonly #max: number;
  readonly #backups: number;
  #size: number;

  constructor(file: string, stream: Destination, max: number, backups: number) {
    this.#file = file;
    this.#stream = stream;
    this.#max = max;
    this.#backups = backups;
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.#size > 0 && this.#size + bytes > this.#max) this.#rotate();
    this.#size += bytes;
    this.#stream.write(text);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.end();
    });
  }

  #rotate(): void {
    try {
      this.#stream.flushSync();
      for (let index = this.#backups; index > 0; index -= 1) {
        const from = index === 1 ? this.#file : `${this.#file}.${index - 1}`;
        if (statSync(from, { throwIfNoEntry: false }) !== undefined)
          renameSync(from, `${this.#file}.${index}`);
      }
      if (this.#backups === 0) rmSync(this.#file, { force: true });
      this.#stream.reopen();
      this.#size = 0;
    } catch {
      // Logging goes on in the same file; the next line tries again.
    }
  }
}
