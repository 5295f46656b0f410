/** Log files of a home and the lines on stderr (gateway-core §1.8). Secrets are removed before anything is written. */
import { join } from 'node:path';
import { filesOf } from '../config/home.ts';
import type { Settings } from '../config/settings.ts';
import type { Log, LogLevel } from '../core/log.ts';
import { redact } from '../text/redact.ts';
import type { Output } from './host.ts';
import { harmless } from './print.ts';
import { RotatingFile } from './rotating-file.ts';

const order = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** 0 = warnings, 1 = `-v`, 2 = `-vv`. */
export type Verbosity = number | 'silent';

export interface OpenLog {
  readonly log: Log;
  /** Writes what waits. */
  close(): void;
}

/** Events of these parts belong to the agent; all others are the gateway's own. */
const agentParts = new Set(['agent', 'model', 'tool']);

/** `agent.log` gets everything from the configured level on, `errors.log` warnings, `gateway.log` all but the agent's. */
export function openLog(settings: Settings, verbosity: Verbosity, stderr: Output): OpenLog {
  const { logs } = filesOf(settings.home);
  const open = (name: string) =>
    new RotatingFile(join(logs, name), settings.logging.maxBytes, settings.logging.backups);
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
    close() {
      for (const file of Object.values(files)) file.close();
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
