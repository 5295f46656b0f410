/** The door to models: a choice becomes a `Model`, equal endpoints share one. */
import type { Dispatcher } from 'undici';
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Model, ModelChoice } from '../contract.ts';
import { endpointModel } from './ai-sdk.ts';
import { chatModel } from './chat-wire.ts';
import { fetchSend, type Send, undiciSend } from './chat-wire-send.ts';
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

/** Slow enough that streaming can be seen. */
const demoPaceMs = 12;

/** Model objects kept; the least recently used goes first. They hold no connection, only a loaded package. */
const keptModels = 16;

export interface Models {
  /** Throws NO_MODEL when the choice cannot be served. Does no I/O: packages load with the first call. */
  open(choice: ModelChoice | undefined): Model;
  close(): Promise<void>;
}

export function openModels(settings: ModelSettings, deps: ModelDeps): Models {
  const { clock } = deps;
  const kept = new Map<string, Model>();
  /** Settings never change under an open gateway, so a choice that was resolved stays resolved. */
  const chosen = new Map<string, Model>();
  const pool = deps.fetch === undefined ? ownPool() : undefined;
  const fetch = watchedFetch(deps.fetch ?? pool!.fetch);
  const send = pool === undefined ? fetchSend(deps.fetch!) : undiciSend(pool.dispatcher);
  const resolved = (choice: ModelChoice | undefined): Model => {
    const resolution = resolveModel(choice, settings, settings.providerEnv);
    const key = JSON.stringify(resolution);
    const model = kept.get(key) ?? build(resolution, clock, fetch, send);
    keep(kept, key, model);
    return model;
  };
  return {
    open(choice) {
      const key = choiceKey(choice);
      const model = chosen.get(key) ?? resolved(choice);
      keep(chosen, key, model);
      return model;
    },
    close: async () => pool?.close(),
  };
}

function keep(models: Map<string, Model>, key: string, model: Model): void {
  models.delete(key);
  models.set(key, model);
  if (models.size > keptModels) models.delete(models.keys().next().value!);
}

/** What `resolveModel` reads of a choice. */
function choiceKey(choice: ModelChoice | undefined): string {
  if (choice === undefined) return '';
  return JSON.stringify([choice.provider, choice.model, choice.baseUrl, choice.apiKey]);
}

function build(resolution: Endpoint | { kind: 'demo' }, clock: Clock, fetch: Fetch, send: Send): Model {
  if (resolution.kind === 'demo') return demoModel(clock, { msPerWord: demoPaceMs });
  const { mode } = resolution;
  if (mode === 'chat') return chatModel(resolution, clock, send);
  return endpointModel(resolution, clock, async () => {
    const { openLanguageModel } = await import('./packages.ts');
    return openLanguageModel(mode, resolution, fetch);
  });
}

interface Pool {
  readonly fetch: Fetch;
  dispatcher(): Promise<Dispatcher>;
  close(): Promise<void>;
}

/**
 * A connection pool of our own: undici gives up on silent responses after 300 s, but a local model may be silent
 * for half an hour, and silence is judged by `watch.ts`.
 */
function ownPool(): Pool {
  let opened: Promise<Dispatcher> | undefined;
  const open = async () => {
    const { Agent } = await import('undici');
    return new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } });
  };
  const dispatcher = () => {
    opened ??= open();
    return opened;
  };
  return {
    dispatcher,
    async fetch(input, init) {
      const undici = await import('undici');
      const options = { ...init, dispatcher: await dispatcher() } as import('undici').RequestInit;
      return undici.fetch(String(input), options) as unknown as Promise<Response>;
    },
    close: async () => (await opened)?.close(),
  };
}
