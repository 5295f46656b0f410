import type { Server } from 'node:http';
import type { Caller } from '../auth/caller.ts';
import type { Route } from '../routes.ts';
import { Archive, type Chain, closeLeftovers } from './archive.ts';
import { compactRoute } from './compact.ts';
import { countRoute } from './count.ts';
import { createRoute } from './create.ts';
import type { FamilyDeps } from './deps.ts';
import { keptRoutes } from './kept.ts';
import { LiveResponses } from './live.ts';
import { sealWith } from './seal.ts';
import { openSockets, type SocketLimits } from './sockets.ts';
import type { ResponseStore } from './store.ts';

export interface FamilyOptions extends Omit<FamilyDeps, 'live' | 'of' | 'limits'> {
  readonly store: ResponseStore;
  readonly limits: FamilyDeps['limits'] & SocketLimits;
}

export interface ResponsesFamily {
  readonly routes: readonly Route[];
  /** The stored responses of a caller, for other endpoints that continue one. */
  chain(caller: Caller): Chain;
  /** Serves the WebSocket transport on the same server. */
  attach(server: Server): void;
  /** Gives responses of an earlier process their last snapshot. Call once, before requests are taken. */
  recover(): Promise<void>;
  /** Resolves when what runs has its last snapshot, at most after `graceMs`; then closes the sockets. */
  close(graceMs: number): Promise<void>;
}

/** `/v1/responses` with everything below it. */
export function openResponses(options: FamilyOptions): ResponsesFamily {
  const { store, runs, clock, log } = options;
  const live = new LiveResponses({ runs, clock, log });
  const isLive = (id: string) => live.get(id) !== undefined;
  const isCancelled = (id: string) => live.cancelled.has(id);
  let secret: Promise<Buffer> | undefined;
  const readSecret = () => {
    secret ??= store.secret().catch((error: unknown) => {
      secret = undefined;
      throw error;
    });
    return secret;
  };
  const deps: FamilyDeps = {
    ...options,
    live,
    of: (caller) => ({
      ...deps,
      caller,
      archive: new Archive({ store, clock, log, isLive, isCancelled }, caller.namespace),
      seal: async () => sealWith(await readSecret(), caller.namespace),
    }),
  };
  const sockets = openSockets(deps, options.limits);
  return {
    routes: [createRoute(deps), countRoute(deps), compactRoute(deps), ...keptRoutes(deps)],
    chain: (caller) => deps.of(caller).archive,
    attach: (server) => sockets.attach(server),
    recover: () => closeLeftovers({ store, clock, log, isLive, isCancelled }),
    async close(graceMs) {
      await live.idle(graceMs);
      sockets.close();
    },
  };
}
