/**
 * Error catalogue: every failure that a person or a program can meet has a stable code, an HTTP status and a
 * sentence that says what to do. Raised with `fail('CODE', {…})`; never a bare `Error` for expected failures.
 */

interface Entry {
  readonly status: number;
  readonly message: string;
  /** Who can mend it, and how. Shown by the CLI and in the docs. */
  readonly fix?: string;
}

export const catalogue = {
  ALREADY_RUNNING: {
    status: 409,
    message: 'Another gateway instance is already running (PID {pid}).',
    fix: 'Use `hermes gateway status` to look at it or `hermes gateway stop` to end it; one home serves one gateway.',
  },
  HOME_LOCKED: {
    status: 409,
    message: 'The database {file} is in use by another process.',
    fix: 'Stop the other process, or set HERMES_HOME to a different folder.',
  },
  NOT_RUNNING: {
    status: 503,
    message: 'No gateway is running for {home}.',
    fix: 'Start one with `hermes gateway run`.',
  },
  CONFIG_UNREADABLE: {
    status: 500,
    message: '{file} cannot be used: {why}',
    fix: 'Correct the file and start again; `hermes config check` names the line.',
  },
  BIND_WITHOUT_KEY: {
    status: 500,
    message:
      'Refusing to listen on {host}: it can be reached from the network and API_SERVER_KEY is not set.',
    fix: 'Set API_SERVER_KEY to a secret of at least 16 characters (for example from `openssl rand -hex 32`), or bind to 127.0.0.1.',
  },
  WEAK_KEY: {
    status: 500,
    message: 'Refusing to start: {name} is a placeholder or shorter than {min} characters.',
    fix: 'Set it to the output of `openssl rand -hex 32`.',
  },
  PORT_IN_USE: {
    status: 500,
    message: 'Port {port} on {host} is already in use (platforms.api_server.port).',
    fix: 'Stop the program that uses it or set API_SERVER_PORT to another port.',
  },
  STORE_CORRUPT: {
    status: 500,
    message: 'The database {file} is damaged: {why}',
    fix: 'Nothing was changed. Restore a backup from the folder {backups}, or move the file away to start empty.',
  },
  STORE_NEWER: {
    status: 500,
    message:
      'The database {file} was written by a newer version (schema {found}, this version knows {known}).',
    fix: 'Install the newer version again, or restore a backup from the folder {backups}.',
  },
  STORE_FULL: {
    status: 503,
    message: 'The database cannot be written: {why}',
    fix: 'Free space on the disk; the gateway takes messages again by itself as soon as writing works.',
  },
  STORE_CLOSED: { status: 503, message: 'The gateway is shutting down.' },
  FENCED: { status: 409, message: 'Turn {turn} was claimed again; this result is discarded.' },
  DRAINING: { status: 503, message: 'The gateway is shutting down and takes no new work.' },
  BUSY: {
    status: 429,
    message: 'Too many turns are waiting ({waiting}).',
    fix: 'Try again in a few seconds.',
  },
  URL_REFUSED: { status: 400, message: 'Refusing to call {url}: {why}' },
  NO_MODEL: {
    status: 500,
    message: 'No model provider could be set up: {why}',
    fix: 'Set model.provider, model.default and a key; `hermes config check` shows what is missing.',
  },
  BAD_USAGE: { status: 400, message: '{why}' },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fix: string | undefined;
  constructor(code: ErrorCode, params: Readonly<Record<string, string | number>>, cause?: unknown) {
    const entry: Entry = catalogue[code];
    const fill = (text: string) => text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
    super(fill(entry.message), cause === undefined ? undefined : { cause });
    this.name = 'GatewayError';
    this.code = code;
    this.status = entry.status;
    this.fix = entry.fix === undefined ? undefined : fill(entry.fix);
  }
}

/** Throws the catalogue's error; keeps the cause. */
export function fail(
  code: ErrorCode,
  params: Readonly<Record<string, string | number>> = {},
  cause?: unknown,
): never {
  throw new GatewayError(code, params, cause);
}
