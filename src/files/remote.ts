/** Downloading what a caller named: through the egress guard, within the limits, judged before it is read. */
import { type Clock, systemClock } from '../core/clock.ts';
import { NotSent } from '../core/outcome.ts';
import { BodyTooLarge, readBody } from '../net/body.ts';
import { isRefused } from '../net/egress.ts';
import { type GuardedFetch, guardedFetch } from '../net/guarded-fetch.ts';
import { parseHosts } from '../net/hosts.ts';
import { type Resolve, systemResolve } from '../net/resolve.ts';
import { WireError } from '../net/wire.ts';
import { within } from './deadline.ts';
import type { SourceLimits } from './limits.ts';
import { FileRefused, refuse } from './refusal.ts';

export interface RemoteOptions {
  /** `security.allow_private_urls`. Default false. */
  readonly allowPrivate?: boolean;
  readonly resolve?: Resolve;
  readonly clock?: Clock;
}

export interface Download {
  readonly bytes: Uint8Array;
  /** The response's `Content-Type`, never the extension. */
  readonly type: string;
}

export interface Remote {
  /** Throws FileRefused, or the signal's reason after an abort. At most `maxBytes` are read. */
  get(url: string, maxBytes: number, signal: AbortSignal): Promise<Download>;
  close(): Promise<void>;
}

const headers = { 'user-agent': 'OpenClaw-Gateway/1.0', accept: '*/*' };

/** Opens no connection. Throws when the allow-list holds an entry that is not a host. */
export function openRemote(limits: SourceLimits, options: RemoteOptions = {}): Remote {
  const { allowPrivate = false, resolve = systemResolve, clock = systemClock } = options;
  const hosts = limits.urlAllowlist;
  parseHosts(hosts);
  let client: GuardedFetch | undefined;
  const open = () =>
    guardedFetch({
      policy: { allowPrivate, ...(hosts.length === 0 ? {} : { hosts }) },
      resolve,
      maxRedirects: limits.maxRedirects,
      maxBytes: limits.maxBytes,
      connectMs: limits.timeoutMs,
    });

  const download = async (url: string, maxBytes: number, signal: AbortSignal): Promise<Download> => {
    client ??= open();
    const response = await client.fetch(url, { headers, signal });
    if (!response.ok) {
      await response.body?.cancel();
      refuse('url_failed', `the address answered with status ${response.status}`);
    }
    const bytes = await readBody(response, maxBytes, signal);
    return { bytes, type: response.headers.get('content-type') ?? 'application/octet-stream' };
  };

  return {
    async get(url, maxBytes, signal) {
      if (!limits.allowUrl) refuse('urls_disabled', 'this endpoint downloads nothing');
      return within(limits.timeoutMs, clock, signal, async (both) => {
        try {
          return await download(url, maxBytes, both);
        } catch (error) {
          both.throwIfAborted();
          throw sorted(error, maxBytes);
        }
      });
    },
    async close() {
      await client?.close();
    },
  };
}

/** Only what the network can do is a refusal; anything else is a mistake of ours and stays what it is. */
function sorted(error: unknown, maxBytes: number): unknown {
  if (error instanceof BodyTooLarge)
    return new FileRefused('too_large', `the download is larger than ${maxBytes} bytes`, error);
  if (error instanceof Error && isRefused(error)) {
    // The guard has one code for all its refusals; only its sentence tells a chain that is too long.
    const chain = error.message.endsWith('it redirects too often');
    return new FileRefused(chain ? 'too_many_redirects' : 'url_refused', error.message, error);
  }
  if (error instanceof WireError || error instanceof NotSent)
    return new FileRefused('url_failed', error.message, error);
  // A body that breaks off: the built-in fetch has no other error for it.
  if (error instanceof TypeError) return new FileRefused('url_failed', 'the answer broke off', error);
  return error;
}
