/** The network as one account's adapter sees it. */
import { type Clock, systemClock } from '../core/clock.ts';
import { originGuard, type PlatformFetchOptions, platformFetch } from './platform-fetch.ts';
import { type OpenSocket, openSocket } from './socket.ts';

export interface PlatformNet {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  socket(url: string, signal: AbortSignal, headers?: Readonly<Record<string, string>>): Promise<OpenSocket>;
  /** Cuts every connection of this account. */
  close(): Promise<void>;
}

export interface PlatformNetOptions extends PlatformFetchOptions {
  /** Deadlines of sockets. Default: the system's. */
  readonly clock?: Pick<Clock, 'after'>;
}

export function openPlatformNet(options: PlatformNetOptions): PlatformNet {
  const http = platformFetch(options);
  const guard = originGuard(options);
  const ended = new AbortController();
  return {
    fetch: http.fetch,
    socket: (url, signal, headers) =>
      openSocket(
        url,
        {
          guard,
          clock: options.clock ?? systemClock,
          ...(options.resolve ? { resolve: options.resolve } : {}),
        },
        AbortSignal.any([signal, ended.signal]),
        headers,
      ),
    async close() {
      ended.abort(new Error('the account was closed'));
      await http.close();
    },
  };
}
