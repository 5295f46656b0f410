/** Reads `.env`, config.yaml, gateway.json and the environment into `Settings` (gateway-core §2). */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { agentsOf } from './agents.ts';
import { authOf, secretOf } from './auth.ts';
import { type ConfigDocument, parseConfig, readText } from './document.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { expandTilde, filesOf, homeFolder } from './home.ts';
import { httpOf } from './http.ts';
import { type Key, type KeyName, keys } from './keys.ts';
import { type PlatformSpec, platformBlock } from './platforms.ts';
import type { Problem } from './problem.ts';
import { KeyReader, type Layers } from './resolve.ts';
import { childEnvironment, isProviderVariable, secretValues } from './secrets.ts';
import type { CustomProvider, FallbackModel, ModelRoute, PlatformBlock, Settings } from './settings.ts';
import { unknownKeys } from './unknown-keys.ts';
import { isMapping, mapping, seconds, text } from './values.ts';

export interface LoadOptions {
  /** The inherited environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; default from HERMES_HOME. */
  readonly home?: string;
  readonly platforms: readonly PlatformSpec[];
  /** `.env` that only fills gaps. */
  readonly projectEnv?: string;
}

export interface Loaded {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  /** For `explain`: every place a value may come from. */
  readonly sources: Layers;
  /** `HERMES_FAULT`: where the kill harness wants the process to end; for `armFault`. */
  readonly fault: string | undefined;
}

/**
 * Never writes. Throws CONFIG_UNREADABLE (file, line and column) when a file exists but cannot be read or parsed:
 * no listener may open on a configuration that nobody understood.
 */
export async function loadSettings(options: LoadOptions): Promise<Loaded> {
  const home = options.home ?? homeFolder(options.env);
  const files = filesOf(home);
  const env = readEnvironment(files.env, options.env, options.projectEnv);
  const substitute = (name: string) => env.get(name);
  const read = (file: string): ConfigDocument | undefined => {
    const source = readText(file);
    return source === undefined ? undefined : parseConfig(file, source, substitute);
  };
  const sources: Layers = { env, config: read(files.config), legacy: read(files.legacy) };

  const problems: Problem[] = [];
  const report = (problem: Problem) => {
    const again = problems.some((known) => known.path === problem.path && known.message === problem.message);
    if (!again) problems.push(problem);
  };
  if (sources.config !== undefined) {
    const platforms = options.platforms.map(({ manifest }) => manifest.name);
    const sections = options.platforms.flatMap(({ manifest }) => manifest.sections ?? []);
    for (const problem of [...sources.config.problems, ...unknownKeys(sources.config, platforms, sections)])
      report(problem);
  }
  const platforms: Record<string, PlatformBlock> = {};
  for (const spec of options.platforms) {
    const block = await platformBlock(spec, sources, report);
    if (block !== undefined) platforms[spec.manifest.name] = block;
  }
  const settings = settingsOf(home, sources, platforms, report);
  checkRest(sources, report);
  return { settings, problems, sources, fault: env.get('HERMES_FAULT') };
}

type Report = (problem: Problem) => void;

function settingsOf(
  home: string,
  sources: Layers,
  platforms: Settings['platforms'],
  report: Report,
): Settings {
  const reader = new KeyReader(sources, report);
  const { env } = sources;
  const user = env.get('HOME') ?? homedir();
  const envPassthrough = reader.value('terminal.env_passthrough');
  const providers = providersOf(reader, sources, report);
  const fallback = fallbackOf(reader, env);
  const apiKey = reader.value('platforms.api_server.key');
  const { auth, variables } = authOf(reader, sources, report);
  const authSecrets = [...auth.keys.map((entry) => entry.key), secretOf(auth.gateway)];
  const mode = reader.value('session_reset.mode');
  const level = reader.value('logging.level');
  const sudoPassword = reader.value('SUDO_PASSWORD');
  const safeRoot = reader.value('HERMES_WRITE_SAFE_ROOT');
  const url = reader.value('store.url');
  const model = reader.value('model.api_key');
  const data = [sources.config?.data, sources.legacy?.data];
  return {
    home,
    model: {
      provider: reader.value('model.provider'),
      name: reader.value('model.default'),
      baseUrl: reader.value('model.base_url'),
      apiKey: model,
      apiMode: reader.value('model.api_mode'),
      contextLength: reader.value('model.context_length'),
      maxTokens: reader.value('model.max_tokens'),
      supportsVision: reader.value('model.supports_vision'),
    },
    providers,
    fallback,
    agent: {
      maxIterations: reader.value('agent.max_turns'),
      apiMaxRetries: reader.value('agent.api_max_retries'),
      reasoningEffort: reader.value('agent.reasoning_effort'),
      inactivityMs: reader.value('agent.gateway_timeout'),
      drainMs: reader.value('agent.restart_drain_timeout'),
      disabledToolsets: reader.value('agent.disabled_toolsets'),
      ephemeralSystemPrompt: reader.value('HERMES_EPHEMERAL_SYSTEM_PROMPT'),
    },
    api: {
      // A key alone switches the server on; an explicit `false` still wins (api-server §1.1).
      enabled:
        reader.value('platforms.api_server.enabled') ??
        [apiKey, ...authSecrets].some((secret) => secret !== undefined),
      host: reader.value('platforms.api_server.host'),
      port: reader.value('platforms.api_server.port'),
      key: apiKey,
      auth,
      requireKey: reader.value('platforms.api_server.require_key'),
      corsOrigins: reader.value('platforms.api_server.cors_origins'),
      page: reader.value('gateway.controlUi.enabled'),
      modelName: reader.value('platforms.api_server.model_name'),
      maxConcurrentRuns: reader.value('platforms.api_server.max_concurrent_runs'),
      toolProgressEvents: reader.value('platforms.api_server.tool_progress_events'),
      toolItems: reader.value('platforms.api_server.responses_tool_items'),
      showReasoning: reader.value('display.platforms.api_server.show_reasoning') ?? false,
      directModelRequests: reader.value('platforms.api_server.direct_model_requests'),
      modelRoutes: routesOf(reader.value('platforms.api_server.model_routes')),
    },
    agents: agentsOf(reader, report),
    http: httpOf(reader),
    platforms,
    platformToolsets: toolsetsOf(reader, sources),
    access: {
      allowedUsers: reader.value('GATEWAY_ALLOWED_USERS'),
      allowAll: reader.value('GATEWAY_ALLOW_ALL_USERS'),
    },
    sessions: {
      groupPerUser: reader.value('group_sessions_per_user'),
      threadPerUser: reader.value('thread_sessions_per_user'),
      reset: {
        mode: mode === 'off' ? 'none' : mode,
        atHour: reader.value('session_reset.at_hour'),
        idleMs: reader.value('session_reset.idle_minutes'),
      },
    },
    display: {
      busyMode: reader.value('display.busy_input_mode'),
      busyAck: reader.value('display.busy_ack_enabled'),
    },
    terminal: {
      backend: reader.value('terminal.backend'),
      cwd: workingFolder(reader, user),
      timeoutMs: reader.value('terminal.timeout'),
      maxForegroundMs: reader.value('terminal.max_foreground_timeout'),
      envPassthrough,
      sudoPassword,
    },
    toolOutput: {
      maxBytes: reader.value('tool_output.max_bytes'),
      maxLines: reader.value('tool_output.max_lines'),
      maxLineLength: reader.value('tool_output.max_line_length'),
      fileReadMaxChars: reader.value('file_read_max_chars'),
    },
    writeSafeRoot: safeRoot === undefined ? undefined : resolve(expandTilde(safeRoot, user)),
    approvals: {
      mode: reader.value('approvals.mode'),
      commandAllowlist: reader.value('command_allowlist'),
      timeoutMs: reader.value('approvals.gateway_timeout'),
    },
    security: {
      redactSecrets: reader.value('security.redact_secrets'),
      allowPrivateUrls: reader.value('security.allow_private_urls'),
      yolo: reader.value('HERMES_YOLO_MODE'),
    },
    store: storeOf(url, home, reader, report),
    logging: {
      level: level === 'warning' ? 'warn' : level,
      maxBytes: reader.value('logging.max_size_mb'),
      backups: reader.value('logging.backup_count'),
    },
    timezone: timezoneOf(reader, report),
    lockFolder:
      env.get('HERMES_GATEWAY_LOCK_DIR') ??
      join(env.get('XDG_STATE_HOME') ?? join(user, '.local', 'state'), 'hermes', 'gateway-locks'),
    secrets: secretValues(env.all, data, [
      apiKey,
      ...authSecrets,
      model,
      sudoPassword,
      ...Object.values(providers).map((provider) => provider.apiKey),
      ...fallback.map((entry) => entry.apiKey),
    ]),
    providerEnv: Object.fromEntries(Object.entries(env.all).filter(([name]) => isProviderVariable(name))),
    childEnv: without(childEnvironment(env.all, envPassthrough), variables),
  };
}

function without(env: Settings['childEnv'], names: readonly string[]): Settings['childEnv'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}

function storeOf(
  url: string | undefined,
  home: string,
  reader: KeyReader,
  report: Report,
): Settings['store'] {
  if (url === undefined) return { kind: 'sqlite', file: filesOf(home).database };
  if (!/^postgres(ql)?:\/\//.test(url)) {
    const { source } = reader.resolved('store.url').winner;
    report({
      severity: 'error',
      path: source.kind === 'env' ? source.name : 'store.url',
      message: 'expected an address that starts with postgres://.',
      hint: 'Remove it to use the embedded database.',
    });
  }
  return { kind: 'postgres', url };
}

/** `.`, `auto` and `cwd` of older files mean "not chosen". */
function workingFolder(reader: KeyReader, user: string): string {
  const chosen = reader.isSet('terminal.cwd') ? reader.value('terminal.cwd') : reader.value('MESSAGING_CWD');
  if (chosen === undefined || ['.', 'auto', 'cwd', ''].includes(chosen)) return user;
  return resolve(user, expandTilde(chosen, user));
}

function timezoneOf(reader: KeyReader, report: Report): string {
  const zone = reader.value('timezone');
  const machine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone === '') return machine;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    report({
      severity: 'warning',
      path: 'timezone',
      message: `"${zone}" is no known time zone.`,
      hint: `Use a name like Europe/Berlin; ${machine} is used.`,
    });
    return machine;
  }
}

function providersOf(
  reader: KeyReader,
  sources: Layers,
  report: Report,
): Readonly<Record<string, CustomProvider>> {
  const result: Record<string, CustomProvider> = {};
  for (const entry of reader.value('custom_providers') ?? []) {
    const name = entry['name'];
    const provider = fromEntry(entry, sources.env);
    if (typeof name === 'string' && provider !== undefined) result[name] = provider;
  }
  const written = sources.config?.at(['providers']);
  for (const name of isMapping(written) ? Object.keys(written) : []) {
    const baseUrl = reader.value('providers.*.base_url', name);
    if (baseUrl === undefined || !isAddress(baseUrl)) {
      report({
        severity: 'warning',
        path: `providers.${name}.base_url`,
        message: 'expected an address with scheme and host; the provider is skipped.',
        ...(sources.config === undefined ? {} : { file: sources.config.file }),
        ...sources.config?.where(['providers', name]),
      });
      continue;
    }
    const keyName = reader.value('providers.*.key_env', name);
    result[name] = {
      baseUrl,
      apiKey:
        reader.value('providers.*.api_key', name) ??
        (keyName === undefined ? undefined : sources.env.get(keyName)),
      apiMode: reader.value('providers.*.api_mode', name),
      model: reader.value('providers.*.model', name),
      requestTimeoutMs: reader.value('providers.*.request_timeout_seconds', name),
      staleTimeoutMs: reader.value('providers.*.stale_timeout_seconds', name),
      extraBody: reader.value('providers.*.extra_body', name),
    };
  }
  return result;
}

type Entry = Readonly<Record<string, unknown>>;

/** The first of `names` that is written and of type text. */
function textIn(entry: Entry, ...fields: readonly string[]): string | undefined {
  for (const field of fields) {
    const result = text().safeParse(entry[field]);
    if (result.success && result.data !== '') return result.data;
  }
  return undefined;
}

function keyIn(entry: Entry, env: Environment): string | undefined {
  const variable = textIn(entry, 'key_env', 'api_key_env', 'keyEnv', 'apiKeyEnv');
  return textIn(entry, 'api_key', 'apiKey') ?? (variable === undefined ? undefined : env.get(variable));
}

function fromEntry(entry: Entry, env: Environment): CustomProvider | undefined {
  const baseUrl = textIn(entry, 'base_url', 'url', 'api', 'baseUrl');
  if (baseUrl === undefined || !isAddress(baseUrl)) return undefined;
  const extra = mapping().safeParse(entry['extra_body']);
  const duration = (field: string) => {
    const result = seconds().safeParse(entry[field]);
    return result.success ? result.data : undefined;
  };
  return {
    baseUrl,
    apiKey: keyIn(entry, env),
    apiMode: textIn(entry, 'api_mode', 'transport', 'apiMode'),
    model: textIn(entry, 'model', 'default_model', 'defaultModel'),
    requestTimeoutMs: duration('request_timeout_seconds'),
    staleTimeoutMs: duration('stale_timeout_seconds'),
    extraBody: extra.success ? extra.data : undefined,
  };
}

function isAddress(value: string): boolean {
  return URL.canParse(value) && new URL(value).host !== '';
}

/** Entries without provider or model are ignored (agent-runtime §4.3). */
function fallbackOf(reader: KeyReader, env: Environment): readonly FallbackModel[] {
  return (reader.value('fallback_providers') ?? []).flatMap((entry) => {
    const provider = textIn(entry, 'provider');
    const model = textIn(entry, 'model');
    if (provider === undefined || model === undefined) return [];
    return [{ provider, model, baseUrl: textIn(entry, 'base_url'), apiKey: keyIn(entry, env) }];
  });
}

function routesOf(written: Readonly<Record<string, unknown>>): Readonly<Record<string, ModelRoute>> {
  const routes: Record<string, ModelRoute> = {};
  for (const [name, entry] of Object.entries(written)) {
    const route: Entry = isMapping(entry) ? entry : { model: entry };
    const model = textIn(route, 'model');
    if (model === undefined) continue;
    routes[name] = {
      model,
      provider: textIn(route, 'provider'),
      apiKey: textIn(route, 'api_key'),
      baseUrl: textIn(route, 'base_url'),
    };
  }
  return routes;
}

function toolsetsOf(reader: KeyReader, sources: Layers): Settings['platformToolsets'] {
  const written = sources.config?.at(['platform_toolsets']);
  const result: Record<string, readonly string[]> = {};
  for (const name of isMapping(written) ? Object.keys(written) : []) {
    const toolsets = reader.value('platform_toolsets.*', name);
    if (toolsets !== undefined) result[name] = toolsets;
  }
  return result;
}

/** Keys without a field of `Settings` are still checked, so that a typing error is seen before they have effect. */
function checkRest(sources: Layers, report: Report): void {
  const reader = new KeyReader(sources, report);
  for (const [name, key] of Object.entries(keys) as [KeyName, Key][])
    if (key.field === undefined && !name.includes('*')) reader.resolved(name);
}
