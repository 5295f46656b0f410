/** The door to models: a choice becomes a `Model`, equal endpoints share one. */
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Model, ModelChoice } from '../contract.ts';
import { endpointModel } from './ai-sdk.ts';
import { demoModel } from './demo.ts';
import { type Endpoint, resolveModel } from './resolve.ts';
import { type Fetch, watchedFetch } from './watch.ts';

/** `providerEnv` holds keys by the names of the registry; `resolve.ts` says where each may go. */
export type ModelSettings = Pick<Settings, 'model' | 'providers' | 'providerEnv'>;

export interface ModelDeps {
  readonly clock: Clock;
  /** Default: undici's, with time-outs of the clock instead of its own. */
  readonly fetch?: Fetch;
}

/** Model objects kept; the least recently used goes first. They hold no connection, only a loaded package. */
const keptModels = 16;

export interface Models {
  /** Throws NO_MODEL when the choice cannot be served. Does no I/O: packages load with the first call. */
  open(choice: ModelChoice | undefined): Model;
  close(): Promise<void>;
}

export function openModels(settings: ModelSettings, deps: ModelDeps): Models {
  const kept = new Map<string, Model>();
  const pool = deps.fetch === undefined ? ownFetch() : undefined;
  const fetch = watchedFetch(deps.fetch ?? pool!.fetch);
  return {
    open(choice) {
      const resolution = resolveModel(choice, settings, settings.providerEnv);
      const key = JSON.stringify(resolution);
      const model = kept.get(key) ?? build(resolution, deps.clock, fetch);
      kept.delete(key);
      kept.set(key, model);
      if (kept.size > keptModels) kept.delete(kept.keys().next().value!);
      return model;
    },
    close: async () => pool?.close(),
  };
}

function build(resolution: Endpoint | { kind: 'demo' }, clock: Clock, fetch: Fetch): Model {
  if (resolution.kind === 'demo') return demoModel(clock);
  return endpointModel(resolution, clock, async () => {
    const { openLanguageModel } = await import('./packages.ts');
    return openLanguageModel(resolution, fetch);
  });
}

/**
 * A connection pool of our own: undici gives up on silent responses after 300 s, but a local model may be silent
 * for half an hour, and silence is judged by `watch.ts`.
 */
function ownFetch(): { fetch: Fetch; close(): Promise<void> } {
  let opened: Promise<{ fetch: Fetch; close(): Promise<void> }> | undefined;
  const open = async () => {
    const undici = await import('undici');
    const dispatcher = new undici.Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } });
    const fetch: Fetch = (input, init) =>
      undici.fetch(String(input), {
        ...init,
        dispatcher,
      } as import('undici').RequestInit) as unknown as Promise<Response>;
    return { fetch, close: () => dispatcher.close() };
  };
  return {
    async fetch(input, init) {
      opened ??= open();
      return (await opened).fetch(input, init);
    },
    close: async () => (await opened)?.close(),
  };
}
