import type { Server } from 'node:http';
import type { Route } from '../routes.ts';
import { Archive, closeLeftovers } from './archive.ts';
import { compactRoute } from './compact.ts';
import { countRoute } from './count.ts';
import { createRoute } from './create.ts';
import type { ResponsesDeps } from './deps.ts';
import { keptRoutes } from './kept.ts';
import { LiveResponses } from './live.ts';
import { type Seal, sealWith } from './seal.ts';
import { openSockets, type SocketLimits } from './sockets.ts';
import type { ResponseStore } from './store.ts';

export interface FamilyOptions extends Omit<ResponsesDeps, 'live' | 'archive' | 'seal' | 'limits'> {
  readonly store: ResponseStore;
  readonly limits: ResponsesDeps['limits'] & SocketLimits;
}

export interface ResponsesFamily {
  readonly routes: readonly Route[];
  /** Serves the WebSocket transport on the same server. */
  attach(server: Server): void;
  /** Gives responses of an earlier process their last snapshot. Call once, before requests are taken. */
  recover(): Promise<void>;
  /** Resolves when what runs has its last snapshot, at most after `graceMs`; then closes the sockets. */
  close(graceMs: number): Promise<void>;
}

/** `/v1/responses` with everything below it. */
export function openResponses(options: FamilyOptions): ResponsesFamily {
  const { store, runs, clock, log, credential } = options;
  const live = new LiveResponses({ runs, clock, log });
  const scope = credential?.namespace ?? 'open';
  const isLive = (id: string) => live.get(id) !== undefined;
  const archive = new Archive({ store, clock, log, isLive }, scope);
  let seal: Promise<Seal> | undefined;
  const deps: ResponsesDeps = {
    ...options,
    live,
    archive,
    seal() {
      seal ??= store.secret().then(
        (secret) => sealWith(secret, scope),
        (error: unknown) => {
          seal = undefined;
          throw error;
        },
      );
      return seal;
    },
  };
  const sockets = openSockets(deps, options.limits);
  return {
    routes: [createRoute(deps), countRoute(deps), compactRoute(deps), ...keptRoutes(deps)],
    attach: (server) => sockets.attach(server),
    recover: () => closeLeftovers({ store, clock, log, isLive }),
    async close(graceMs) {
      await live.idle(graceMs);
      sockets.close();
    },
  };
}
