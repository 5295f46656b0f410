/**
 * The effective configuration of one gateway, after `.env`, config.yaml and environment were merged, checked and
 * given defaults. Durations are milliseconds. Built by `config/load.ts`; everything else only reads it.
 */

import type { ApiScope } from './auth.ts';

export interface Settings {
  /** Absolute path of HERMES_HOME. */
  readonly home: string;
  readonly model: ModelSettings;
  /** `providers:` by name (agent-runtime.md §9.3). */
  readonly providers: Readonly<Record<string, CustomProvider>>;
  readonly fallback: readonly FallbackModel[];
  readonly agent: {
    readonly maxIterations: number;
    /** Total calls per model request, at least 1. */
    readonly apiMaxRetries: number;
    /** '' = the provider's default. */
    readonly reasoningEffort: string;
    readonly inactivityMs: number;
    readonly drainMs: number;
    readonly disabledToolsets: readonly string[];
    readonly ephemeralSystemPrompt: string;
  };
  readonly api: ApiSettings;
  readonly agents: AgentsSettings;
  /** Images and files of API requests (openclaw-http §15). */
  readonly http: {
    readonly chatCompletions: ChatMediaSettings;
    readonly responses: ResponsesMediaSettings;
  };
  /** Chat platforms that are switched on, by name, each as its merged raw block (not yet checked by the platform). */
  readonly platforms: Readonly<Record<string, PlatformBlock>>;
  readonly platformToolsets: Readonly<Record<string, readonly string[]>>;
  readonly access: { readonly allowedUsers: readonly string[]; readonly allowAll: boolean };
  readonly sessions: {
    readonly groupPerUser: boolean;
    readonly threadPerUser: boolean;
    readonly reset: {
      readonly mode: 'daily' | 'idle' | 'both' | 'none';
      readonly atHour: number;
      readonly idleMs: number;
    };
  };
  readonly display: { readonly busyMode: 'interrupt' | 'queue' | 'steer'; readonly busyAck: boolean };
  readonly terminal: {
    readonly backend: string;
    readonly cwd: string;
    readonly timeoutMs: number;
    readonly maxForegroundMs: number;
    readonly envPassthrough: readonly string[];
    readonly sudoPassword: string | undefined;
  };
  readonly toolOutput: {
    readonly maxBytes: number;
    readonly maxLines: number;
    readonly maxLineLength: number;
    readonly fileReadMaxChars: number;
  };
  readonly writeSafeRoot: string | undefined;
  readonly approvals: {
    readonly mode: 'manual' | 'smart' | 'off';
    readonly commandAllowlist: readonly string[];
    /** How long a question waits for its answer. */
    readonly timeoutMs: number;
  };
  readonly security: {
    readonly redactSecrets: boolean;
    readonly allowPrivateUrls: boolean;
    /** YOLO at process start: skips approvals, never the unconditional block list. */
    readonly yolo: boolean;
  };
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'postgres'; readonly url: string };
  readonly logging: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly maxBytes: number;
    readonly backups: number;
  };
  /** Folder of the machine-wide credential locks (`HERMES_GATEWAY_LOCK_DIR`, gateway-core §1.4). */
  readonly lockFolder: string;
  readonly timezone: string;
  /** Values redacted from everything that leaves; grows while the gateway runs (`addSecrets`). */
  readonly secrets: string[];
  /**
   * API-key and base-URL variables of model providers that are set (agent-runtime §9.2), by variable name.
   * Only `agent` reads it; tool children never see it.
   */
  readonly providerEnv: Readonly<Record<string, string>>;
  /** Parent environment without secrets, for tool children. */
  readonly childEnv: Readonly<Record<string, string>>;
}

export interface ModelSettings {
  /** Provider id, alias, `custom`, `custom:<name>`, `auto` or `demo`. */
  readonly provider: string;
  /** '' = not configured. */
  readonly name: string;
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  readonly apiMode: string | undefined;
  readonly contextLength: number | undefined;
  readonly maxTokens: number | undefined;
  readonly supportsVision: boolean | undefined;
}

export interface CustomProvider {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly apiMode: string | undefined;
  readonly model: string | undefined;
  readonly requestTimeoutMs: number | undefined;
  readonly staleTimeoutMs: number | undefined;
  readonly extraBody: Readonly<Record<string, unknown>> | undefined;
}

export interface FallbackModel {
  readonly provider: string;
  readonly model: string;
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
}

export interface ApiSettings {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly key: string | undefined;
  readonly auth: ApiAuth;
  readonly requireKey: boolean;
  readonly corsOrigins: readonly string[];
  /** Serve the built-in page. */
  readonly page: boolean;
  /** Advertised model id. */
  readonly modelName: string;
  /** 0 = no cap. */
  readonly maxConcurrentRuns: number;
  readonly toolProgressEvents: boolean;
  /** How responses show the tools of the agent to callers who do not say; undefined = as the client can take it. */
  readonly toolItems: 'function_call' | 'hermes:tool_call' | 'mcp_call' | 'none' | undefined;
  readonly showReasoning: boolean;
  readonly directModelRequests: boolean;
  readonly modelRoutes: Readonly<Record<string, ModelRoute>>;
}

export interface ChatMediaSettings {
  readonly maxBodyBytes: number;
  readonly maxImageParts: number;
  readonly maxTotalImageBytes: number;
  readonly images: ImageSettings;
  readonly files: FileSettings;
}

export interface ResponsesMediaSettings {
  readonly maxBodyBytes: number;
  readonly maxUrlParts: number;
  readonly images: ImageSettings;
  readonly files: FileSettings;
}

interface DownloadSettings {
  /** Empty = every public host. */
  readonly urlAllowlist: readonly string[];
  readonly allowedMimes: readonly string[];
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly timeoutMs: number;
}

export interface ImageSettings extends DownloadSettings {
  /** Unset: what the name of the model means (docs/decisions/016). */
  readonly allowUrl: boolean | undefined;
}

export interface FileSettings extends DownloadSettings {
  readonly allowUrl: boolean;
  readonly maxChars: number;
  readonly pdf: { readonly maxPages: number; readonly maxPixels: number; readonly minTextChars: number };
}

/** How callers of the API prove who they are, beside `ApiSettings.key` (openclaw-http §2, §3). */
export interface ApiAuth {
  readonly keys: readonly ApiKey[];
  readonly gateway: GatewayAuth;
  readonly rateLimit: AuthRateLimit;
  readonly proxies: TrustedProxies;
}

export interface ApiKey {
  /** Lower-case letters, digits, `-` and `_`: names the caller in stored ids and logs. */
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly ApiScope[];
  /** Speaks for the operator. */
  readonly owner: boolean;
}

export type GatewayAuth =
  /** `none` was chosen, `unset` was not: neither asks for anything itself. */
  | { readonly mode: 'unset' | 'none' }
  | { readonly mode: 'token' | 'password'; readonly secret: string }
  | {
      readonly mode: 'trusted-proxy';
      /** Lower case, as all header names here. */
      readonly userHeader: string;
      readonly requiredHeaders: readonly string[];
      /** Empty = everybody. */
      readonly allowUsers: readonly string[];
      readonly allowLoopback: boolean;
      /** For callers on this machine who come without a proxy. */
      readonly localPassword: string | undefined;
    };

export interface AuthRateLimit {
  readonly maxAttempts: number;
  readonly windowMs: number;
  readonly lockoutMs: number;
  readonly exemptLoopback: boolean;
}

export interface TrustedProxies {
  /** IP addresses and CIDR ranges. */
  readonly trusted: readonly string[];
  readonly allowRealIp: boolean;
}

export interface ModelRoute {
  readonly model: string;
  readonly provider: string | undefined;
  readonly apiKey: string | undefined;
  readonly baseUrl: string | undefined;
}

export interface PlatformBlock {
  /** Keys of the platform's own schema, environment already applied. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly home: HomeChannel | undefined;
  readonly access: {
    readonly allowedUsers: readonly string[];
    readonly allowAll: boolean;
    readonly groupAllowedUsers: readonly string[];
    readonly groupAllowedChats: readonly string[];
  };
  readonly replyToMode: 'off' | 'first' | 'all';
  /** What to do on an unknown outcome of a platform without idempotency. */
  readonly onUnknown: 'repeat' | 'hold';
}

export interface HomeChannel {
  readonly chat: string;
  readonly name: string;
  readonly thread: string | undefined;
}

/** Agents of the API and what its OpenClaw-compatible part serves (openclaw-http §5, §13, §15). */
export interface AgentsSettings {
  /** In the order of the file, never empty. */
  readonly list: readonly AgentProfile[];
  /** Id of the agent that answers when none is named. */
  readonly fallback: string;
  /** What callers mean who name no session. */
  readonly mainKey: { readonly scope: 'global' } | { readonly scope: 'agent'; readonly name: string };
  /** False = the path does not exist. */
  readonly endpoints: { readonly chat: boolean; readonly responses: boolean };
  /** Value of the header; false = not sent, undefined = the usual one. */
  readonly strictTransport: string | false | undefined;
  /** Exceptions to what `POST /tools/invoke` never calls; `deny` beats `allow`. */
  readonly invoke: { readonly allow: readonly string[]; readonly deny: readonly string[] };
}

export interface AgentProfile {
  /** Lower-case letters, digits, `-` and `_`. */
  readonly id: string;
  readonly name: string | undefined;
  readonly model: { readonly model: string; readonly provider?: string } | undefined;
  /** Models a request may choose by header; undefined = every one. */
  readonly models: readonly string[] | undefined;
  /** Each of them only narrows what the ones before leave. */
  readonly tools: readonly ToolPolicy[];
  /** Added to the system prompt of every turn; '' = nothing. */
  readonly persona: string;
  /** Talks to people who are not the operator: they get no owner-only tools and learn nothing of the machine. */
  readonly publicMode: boolean;
}

export interface ToolPolicy {
  readonly profile: 'minimal' | 'messaging' | 'coding' | 'full' | undefined;
  /** Allowed although `profile` does not have them. */
  readonly alsoAllow: readonly string[];
  /** Names, groups (`group:fs`) and patterns (`ha_*`); empty = no limit. */
  readonly allow: readonly string[];
  /** Beats everything else. */
  readonly deny: readonly string[];
  /** Names of toolsets; undefined = no limit. */
  readonly toolsets: readonly string[] | undefined;
}
