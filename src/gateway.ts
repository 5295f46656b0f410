/** Composition root: the only file that knows every part. */
import { join } from 'node:path';
import type { Agent } from './agent/contract.ts';
import type { Api } from './api/app.ts';
import { openAllowList } from './config/allow-list.ts';
import type { Problem } from './config/problem.ts';
import type { Settings } from './config/settings.ts';
import type { TurnResult } from './core/agent-event.ts';
import { type Clock, systemClock } from './core/clock.ts';
import { fail, GatewayError } from './core/errors.ts';
import { brand, type SessionKey } from './core/ids.ts';
import type { Log } from './core/log.ts';
import type { Manifest } from './core/manifest.ts';
import { Outbox } from './outbox/outbox.ts';
import { contextPrompt } from './session/context.ts';
import { openStore } from './store/open.ts';
import { partCounts } from './store/queries/part.ts';
import { newestSessions } from './store/queries/session.ts';
import { openResponses } from './store/responses.ts';
import { openRuns } from './store/runs.ts';
import type { Store } from './store/store.ts';
import type { AccountStatus } from './supervise/account.ts';
import { type Accounts, openAccounts } from './supervise/accounts.ts';
import { type ControlCall, openControl } from './supervise/control.ts';
import { readHealth } from './supervise/health.ts';
import { Housekeeping } from './supervise/housekeeping.ts';
import { type Lock, takeLock } from './supervise/lock-file.ts';
import { readRecord } from './supervise/process-record.ts';
import { type GatewayState, StateFile } from './supervise/state-file.ts';
import { TurnEngine } from './turn/engine.ts';
import { version } from './version.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly log: Log;
  readonly manifests: readonly Manifest[];
  readonly clock?: Clock;
  /** False: no listener, no platform, no control socket; for a single answer in the terminal. */
  readonly serve?: boolean;
}

export interface RunningGateway {
  readonly api?: { readonly url: string };
  readonly model: Agent['model'];
  status(): GatewayStatus;
  /** One turn of a terminal conversation. */
  readonly turns: TurnEngine;
  /** Drains and ends; safe to call twice. */
  stop(reason: string): Promise<void>;
  readonly stopped: Promise<{ readonly code: number }>;
}

export interface GatewayStatus {
  readonly state: GatewayState;
  readonly pid: number;
  readonly version: string;
  readonly home: string;
  readonly model: Agent['model'];
  readonly api: string | null;
  readonly activeTurns: number;
  readonly platforms: readonly AccountStatus[];
  readonly store: ReturnType<Store['health']>;
  readonly problems: readonly Problem[];
  readonly startedAt: number;
}

/**
 * Starts everything that is configured. Rejects with a GatewayError, leaving nothing open, when the home is in use,
 * the database cannot be used or the API must not listen.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { settings, log } = options;
  const clock = options.clock ?? systemClock;
  const serve = options.serve ?? true;
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const lock = claimHome(settings.home);
    closers.push(() => lock.release());
    const store = await openStore({ store: settings.store, clock, log }).catch((error: unknown) => {
      throw homeError(error, settings.home);
    });
    closers.push(() => store.close());
    return await compose({ ...options, clock, serve }, store, closers);
  } catch (error) {
    await closeAll(closers, log);
    throw error;
  }
}

/** Newest first. One that fails must not keep the others open, least of all the database and the lock. */
async function closeAll(closers: readonly (() => Promise<void> | void)[], log: Log): Promise<void> {
  for (const close of closers.toReversed()) {
    try {
      await close();
    } catch (error) {
      log('error', 'gateway.close', { error });
    }
  }
}

type Composed = Required<Omit<GatewayOptions, 'clock'>> & { readonly clock: Clock };

async function compose(
  options: Composed,
  store: Store,
  closers: (() => Promise<void> | void)[],
): Promise<RunningGateway> {
  const { settings, log, clock, serve } = options;
  const startedAt = clock.now();
  // Loaded side by side: together they are most of the start-up time.
  const [{ openAgent }, { openTools, resolveTools }, { narrowed }, apiModule] = await Promise.all([
    import('./agent/loop.ts'),
    import('./agent/tools/index.ts'),
    import('./agent/tools/policy.ts'),
    serve && settings.api.enabled ? import('./api/app.ts') : undefined,
  ]);
  const tools = openTools({ settings, clock, log });
  const agent = await openAgent({ settings, tools, clock, log });
  closers.push(() => agent.close());
  const outbox = new Outbox({ store, clock, log, secrets: settings.secrets });
  closers.push(() => outbox.close());

  let state: GatewayState = 'starting';
  let exitReason: string | null = null;
  const toolSets = new Map<string, ReadonlySet<string>>();
  const { list, fallback } = settings.agents;
  const defaultAgent = list.find(({ id }) => id === fallback) ?? list[0]!;
  const widestFor = (platform: string, toolsets?: readonly string[]): ReadonlySet<string> => {
    const wanted = toolsets ??
      settings.platformToolsets[platform] ?? [`hermes-${platform.replaceAll('_', '-')}`];
    const name = wanted.join(' ');
    const known = toolSets.get(name);
    if (known !== undefined) return known;
    const { tools: names } = resolveTools(wanted, settings.agent.disabledToolsets, [...tools.tools.keys()]);
    const resolved = new Set(names);
    toolSets.set(name, resolved);
    return resolved;
  };
  const ruled = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();
  /** Whoever chooses no agent speaks to the default one. */
  const toolsFor: typeof widestFor = (platform, toolsets) => {
    const widest = widestFor(platform, toolsets);
    const known = ruled.get(widest) ?? narrowed(widest, defaultAgent.tools);
    ruled.set(widest, known);
    return known;
  };
  const allowList = openAllowList(settings, log);
  closers.push(() => allowList.saved());
  const engine = new TurnEngine({
    store,
    clock,
    log,
    settings,
    agent,
    outlet: outbox,
    allowList,
    toolsFor,
    widestFor,
    contextFor: ({ events }) => {
      const first = events[0];
      const manifest = options.manifests.find(({ name }) => name === first?.platform);
      if (first === undefined || manifest === undefined) return undefined;
      const connected = options.manifests
        .filter(({ name }) => name in settings.platforms)
        .map(({ title }) => title);
      return contextPrompt(first, { ...manifest, connected });
    },
  });
  let accounts: Accounts | undefined;
  const stateFile = new StateFile(settings.home, clock, log, () => ({
    state,
    exitReason,
    activeTurns: engine.active(),
    accounts: accounts?.status() ?? [],
  }));
  // While the accounts are opened one that is pushed to may already change its status.
  accounts = serve
    ? await openAccounts({
        settings,
        store,
        clock,
        log,
        outbox,
        wake: (key) => engine.wake(key),
        changed: () => stateFile.touch(),
      })
    : undefined;
  const opened = accounts;
  if (opened) closers.push(() => opened.stop());

  const health = () =>
    readHealth({
      store,
      clock,
      home: settings.home,
      model: agent.model,
      problems: options.problems.length,
      startedAt,
      activeTurns: () => engine.active(),
      state: () => state,
      accounts: () => accounts?.status() ?? [],
    });
  await engine.recover();

  let api: { readonly server: Api; readonly url: string } | undefined;
  if (apiModule) {
    const { isNetworkAccessible } = await import('./net/bind.ts');
    const { openServedTools } = await import('./agent/tools/served.ts');
    const { home, agents } = settings;
    const toolbox = { toolbox: tools, home, agents: agents.list, clock, log };
    const server = await apiModule.openApi({
      settings,
      turns: engine,
      tools: openServedTools({ ...toolbox, allowed: () => widestFor('api_server') }),
      sessions: {
        newest: async (prefix, limit) =>
          (await store.read.all(newestSessions, { prefix, length: prefix.length, limit })).map(
            ({ id, source, updated_at }) => ({ id, source, updatedAt: updated_at }),
          ),
      },
      health,
      clock,
      log,
      version,
      model: agent.model,
      contextWindow: settings.model.contextLength,
      isNetworkAccessible,
      responses: openResponses(store, clock),
      runs: openRuns(store, clock),
    });
    const { url } = await server.listen();
    api = { server, url };
    closers.push(() => server.close());
  }
  const housekeeping = new Housekeeping(store, clock, log, [
    { account: 'api_server', redeliveryMs: 'never' },
    { account: 'cli', redeliveryMs: 'never' },
    ...(accounts?.sources() ?? []),
  ]);
  let finish: (end: { code: number }) => void = () => {};
  const stopped = new Promise<{ readonly code: number }>((resolve) => {
    finish = resolve;
  });

  let stopping: Promise<void> | undefined;
  const stop = (reason: string): Promise<void> => {
    stopping ??= (async () => {
      state = 'draining';
      exitReason = reason;
      stateFile.write();
      log('info', 'gateway.draining', { reason, turns: engine.active() });
      housekeeping.stop();
      await engine.drain(settings.agent.drainMs);
      await outbox.flush(5_000);
      state = 'stopped';
      if (serve) stateFile.close();
      await closeAll(closers, log);
      finish({ code: 0 });
    })();
    return stopping;
  };

  const status = (): GatewayStatus => ({
    state,
    pid: process.pid,
    version,
    home: settings.home,
    model: agent.model,
    api: api?.url ?? null,
    activeTurns: engine.active(),
    platforms: accounts?.status() ?? [],
    store: store.health(),
    problems: options.problems,
    startedAt,
  });
  if (serve) {
    const control = await openControl(
      settings.home,
      {
        status: async () => ({ ...status(), deliveries: await deliveries(store) }),
        stop: async () => {
          // Answered first: the caller's connection is closed by the stop itself.
          setImmediate(() => void stop('asked by hermes gateway stop'));
          return { stopping: true, activeTurns: engine.active() };
        },
        chat: (call) => controlChat(engine, clock, call),
      },
      log,
    );
    closers.push(() => control.close());
    housekeeping.start();
    accounts?.start();
  }
  state = 'running';
  if (serve) stateFile.write();
  return {
    ...(api ? { api: { url: api.url } } : {}),
    model: agent.model,
    status,
    turns: engine,
    stop,
    stopped,
  };
}

/** One turn of a terminal conversation over the control socket; the caller sees every agent event. */
async function controlChat(engine: TurnEngine, clock: Clock, call: ControlCall): Promise<TurnResult> {
  const { session, text } = call.params;
  if (typeof session !== 'string' || session === '' || session.length > 256) {
    fail('BAD_USAGE', { why: 'chat needs a session of 1 to 256 characters.' });
  }
  if (typeof text !== 'string' || text.trim() === '') fail('BAD_USAGE', { why: 'chat needs a text.' });
  const handle = await engine.submit({
    source: 'cli',
    key: clock.hex(16),
    sessionKey: brand<SessionKey>(`cli:${session}`),
    sessionId: `cli_${session}`,
    input: text,
    history: 'stored',
    consumer: 'live',
  });
  handle.watch((event) => {
    if (event.type !== 'turn.ended') call.send(event);
  });
  const leave = () => handle.interrupt('the terminal went away');
  if (call.signal.aborted) leave();
  else call.signal.addEventListener('abort', leave, { once: true });
  return handle.result;
}

/** Parts by account and end; `maybe_doubled` and `maybe_lost` are the cases the guarantees name. */
async function deliveries(store: Store): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const { account, state, mark, count } of await store.read.all(partCounts, {})) {
    const row = counts[account] ?? {};
    counts[account] = row;
    row[state] = (row[state] ?? 0) + Number(count);
    if (mark !== null) row[mark] = (row[mark] ?? 0) + Number(count);
  }
  return counts;
}

function claimHome(home: string): Lock {
  const taken = takeLock(join(home, 'gateway.pid'));
  if ('holder' in taken) fail('ALREADY_RUNNING', { pid: taken.holder.pid });
  return taken.lock;
}

/** The database's lock is the real guard; the pid file only names who holds it. */
function homeError(error: unknown, home: string): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'HOME_LOCKED') return error;
  const record = readRecord(join(home, 'gateway.pid'));
  return record === undefined || record.pid === process.pid
    ? error
    : new GatewayError('ALREADY_RUNNING', { pid: record.pid }, error);
}
