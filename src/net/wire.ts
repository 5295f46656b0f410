/** Connections for `fetch`: pooled per origin, to checked addresses only, with certainty about what never left. */
import type { Agent, FormData as Form } from 'undici';
import { NotSent } from '../core/outcome.ts';
import { checkedLookup, type Resolve, type Resolved } from './resolve.ts';

type Undici = typeof import('undici');

/** The request may have been executed: the connection broke, or the answer was unusable. */
export class WireError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'WireError';
  }
}

export interface PoolOptions {
  /** Throws when a host may not be called at these addresses. */
  check(host: string, found: readonly Resolved[]): void;
  readonly resolve: Resolve;
  /** Connections per origin; more requests wait for a free one. */
  readonly connections: number;
  readonly connectMs: number;
}

/**
 * A fetch on its own pool. Follows no redirect. Throws `NotSent` when the connection could not be made, the abort
 * reason after an abort, otherwise `WireError`; no message holds a path or a header.
 */
export class Pool {
  readonly #options: PoolOptions;
  #opened: Promise<{ readonly undici: Undici; readonly agent: Agent }> | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async fetch(url: URL, init: RequestInit = {}): Promise<Response> {
    init.signal?.throwIfAborted();
    if (this.#closed) throw new NotSent(`${url.host}: this client is closed`);
    this.#opened ??= openAgent(this.#options);
    const { undici, agent } = await this.#opened;
    const headers = checkedHeaders(undici, url.host, init.headers);
    const body = isForm(init.body) ? copied(undici, init.body) : init.body;
    try {
      // Not the built-in fetch: beside the library it would be a second copy of the same code in memory.
      const request: object = { ...init, headers, body, redirect: 'manual', dispatcher: agent };
      return (await undici.fetch(url, request)) as unknown as Response;
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      throw sorted(url.host, error);
    }
  }

  /** Cuts every connection; requests in flight end as `WireError`. */
  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.agent.destroy();
  }
}

/** The built-in error repeats the value, which is a secret more often than not. */
function checkedHeaders(undici: Undici, host: string, headers: RequestInit['headers']): object {
  try {
    return new undici.Headers(headers as never);
  } catch {
    throw new NotSent(`${host}: a header holds characters that cannot be sent`);
  }
}

/** Without a look at the global class, which would load the built-in fetch. */
function isForm(body: RequestInit['body']): body is FormData {
  return Object.prototype.toString.call(body) === '[object FormData]';
}

/** The library only sends forms of its own. */
function copied(undici: Undici, form: FormData): Form {
  const copy = new undici.FormData();
  for (const [name, value] of form) {
    if (typeof value === 'string') copy.append(name, value);
    else copy.append(name, value, value.name);
  }
  return copy;
}

function sorted(host: string, error: unknown): Error {
  const chain = causes(error);
  // Only connecting is wrapped in NotSent (below), and requests are written only on a connected socket.
  const unsent = chain.find((each) => each instanceof NotSent);
  if (unsent !== undefined) return new NotSent(`${host}: ${reasonOf(unsent)}`, { cause: unsent.cause });
  // Fetch refuses some ports (of mail, chat and other protocols) before it connects.
  if (chain.some(({ message }) => message === 'bad port')) return new NotSent(`${host}: bad port`);
  return new WireError(`${host}: ${reasonOf(error)}`, { cause: error });
}

/** The innermost error's message, or its code when it has none: no URL, which may hold a token in its path. */
export function reasonOf(error: unknown): string {
  const last = causes(error).at(-1);
  if (last === undefined) return 'unknown error';
  if (last.message !== '') return last.message;
  return 'code' in last ? String(last.code) : last.name;
}

function causes(error: unknown): Error[] {
  const found: Error[] = [];
  for (let at = error; at instanceof Error && found.length < 8; at = at.cause) found.push(at);
  return found;
}

async function openAgent(options: PoolOptions): Promise<{ undici: Undici; agent: Agent }> {
  const undici = await import('undici');
  const connect = undici.buildConnector({
    timeout: options.connectMs,
    lookup: checkedLookup(options.check, options.resolve),
  });
  const agent = new undici.Agent({
    // One request per connection at a time: with HTTP/2 a lost connection leaves several requests in doubt.
    allowH2: false,
    connections: options.connections,
    connect: (target, done) =>
      connect(target, (error, socket) => {
        if (error === null) done(null, socket);
        else done(new NotSent('not connected', { cause: error }), null);
      }),
  });
  return { undici, agent };
}
