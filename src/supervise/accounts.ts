/** Opens every configured platform account and keeps it connected; one that cannot be opened never stops the others. */
import { open } from 'node:fs/promises';
import { addSecrets } from '../config/secrets.ts';
import type { PlatformBlock, Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { SessionKey } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import { NotSent } from '../core/outcome.ts';
import { accept, accountId } from '../intake/accept.ts';
import { openPlatformNet } from '../net/platform-net.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { openRelay, type Relay } from '../outbox/relay.ts';
import type { Adapter, Platform } from '../platforms/contract.ts';
import { loadPlatform } from '../platforms/registry.ts';
import type { Store } from '../store/store.ts';
import { AccountRunner, type AccountStatus } from './account.ts';
import type { Source } from './housekeeping.ts';
import { credentialLockFile, type Lock, takeLock } from './lock-file.ts';
import { PushListeners } from './push-listener.ts';

export interface AccountsDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly outbox: Outbox;
  wake(key: SessionKey): void;
  /** The status of an account changed. */
  changed(): void;
}

export interface Accounts {
  start(): void;
  stop(): Promise<void>;
  status(): readonly AccountStatus[];
  /** For forgetting old rows: every open account and how long its platform redelivers. */
  sources(): readonly Source[];
}

interface Opened {
  readonly manifest: Manifest;
  readonly runner: AccountRunner;
  release(): Promise<void>;
}

export async function openAccounts(deps: AccountsDeps): Promise<Accounts> {
  const pushes = new PushListeners(deps.log, deps.clock);
  const relay = openRelay(deps);
  const broken: AccountStatus[] = [];
  const opened: Opened[] = [];
  for (const [name, block] of Object.entries(deps.settings.platforms)) {
    const result = await openAccount({ ...deps, relay }, pushes, name, block);
    if ('runner' in result) opened.push(result);
    else {
      deps.log('error', 'account.fatal', { account: name, code: result.code, message: result.message });
      broken.push({ platform: name, account: name, state: 'fatal', since: deps.clock.now(), ...result });
    }
  }
  return {
    start: () => {
      for (const { runner } of opened) runner.start();
    },
    stop: async () => {
      await Promise.all(opened.map(({ runner }) => runner.stop()));
      await pushes.close();
      await Promise.all(opened.map((each) => each.release()));
    },
    status: () => [...broken, ...opened.map(({ runner }) => runner.status)],
    sources: () =>
      opened.map(({ manifest, runner }) => ({
        account: runner.status.account,
        // Keys of chats are kept for traces and stray repeats, also where the platform promises none.
        redeliveryMs: manifest.redelivery.windowMs === 'never' ? 0 : manifest.redelivery.windowMs,
      })),
  };
}

interface Broken {
  readonly code: string;
  readonly message: string;
}

async function openAccount(
  deps: AccountsDeps & { readonly relay: Relay },
  pushes: PushListeners,
  name: string,
  block: PlatformBlock,
): Promise<Opened | Broken> {
  const platform = await loadPlatform(name).catch((error: unknown) => String(error));
  if (typeof platform === 'string') return { code: 'config', message: platform };
  const parsed = platform.config.schema.safeParse(block.values);
  if (!parsed.success) {
    const why = parsed.error.issues.map((issue) => `${[name, ...issue.path].join('.')}: ${issue.message}`);
    return { code: 'config', message: why.join('; ') };
  }
  const config = parsed.data;
  const { manifest } = platform;
  const batch = platform.config.batch?.(config) ?? manifest.batch;
  const { comparable } = platform.config;
  const access = { ...block.access, ...platform.config.access?.(config) };
  const id = accountId(name, platform.config.account(config));
  const locked = lockCredential(deps.settings.lockFolder, platform, config);
  if ('code' in locked) return locked;

  const net = openPlatformNet({
    origins: manifest.origins,
    ownOrigins: platform.config.origins?.(config) ?? [],
    clock: deps.clock,
  });
  const adapter = platform.open({
    config,
    account: id,
    clock: deps.clock,
    hide: (secrets) => addSecrets(deps.settings.secrets, secrets),
    home: deps.settings.home,
    file: readAttachment,
    log: (level, event, data) => deps.log(level, event, { account: id, ...data }),
    fetch: net.fetch,
    socket: net.socket,
  });
  const runner = new AccountRunner({
    id,
    manifest,
    adapter,
    store: deps.store,
    clock: deps.clock,
    log: deps.log,
    accept: (events, cursor) =>
      accept(deps, { account: id, manifest, batch, comparable, block: { access } }, events, cursor),
    relay: (event, waitMs) => deps.relay(id, event, waitMs),
    changed: (status) => {
      deps.outbox.connection(id, status.state === 'connected');
      deps.changed();
    },
  });
  const release = async () => {
    await net.close();
    locked.lock?.release();
  };
  const listening = await listen(pushes, platform, config, adapter, runner);
  if (listening !== undefined) {
    await release();
    return listening;
  }
  await deps.outbox.open({ id, manifest, dialect: platform.dialect, adapter, block });
  return { manifest, runner, release };
}

/** Outgoing attachments are ordinary files, read whole; one that grows meanwhile is cut off by the limit. */
async function readAttachment(ref: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(ref, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new NotSent(`the file is larger than ${maxBytes} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof NotSent ? error : new NotSent('the file cannot be read', { cause: error });
  }
}

function lockCredential(
  folder: string,
  { config, manifest }: Platform<unknown>,
  value: unknown,
): Broken | { readonly lock?: Lock } {
  const identity = config.identity?.(value);
  if (identity === undefined) return {};
  const file = credentialLockFile(folder, identity.scope, identity.value);
  const taken = takeLock(file, { scope: identity.scope, metadata: { platform: manifest.name } });
  if ('lock' in taken) return { lock: taken.lock };
  return {
    code: `${identity.scope}_lock`,
    message: `${identity.description} already in use (PID ${taken.holder.pid}). Stop the other gateway first.`,
  };
}

async function listen(
  pushes: PushListeners,
  { config, manifest }: Platform<unknown>,
  value: unknown,
  adapter: Adapter,
  runner: AccountRunner,
): Promise<Broken | undefined> {
  const where = config.listener?.(value);
  if (where === undefined || adapter.webhook === undefined) return undefined;
  const handle = adapter.webhook.bind(adapter);
  try {
    await pushes.add(where, (request) => handle(request, runner.intake));
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      code: 'config',
      message: `${manifest.title} cannot listen on ${where.host ?? 'every interface'}, port ${where.port}: ${why}`,
    };
  }
}
