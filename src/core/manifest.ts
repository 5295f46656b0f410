/** What a platform is, as data: importable without side effects, read by wizard, docs, redaction and status. */

export interface Manifest {
  readonly api: 1;
  /** Folder name, config key and prefix of account ids: `telegram`. */
  readonly name: string;
  readonly title: string;
  readonly emoji: string;
  readonly intake: 'poll' | 'socket' | 'webhook';
  /** How long the platform repeats what we did not acknowledge. */
  readonly redelivery: { readonly windowMs: number | 'never'; readonly ordered: boolean };
  /** No sign of life for this long = the connection is dead. */
  readonly silenceMs: number;
  /** One live connection per credential. */
  readonly exclusive: boolean;
  /** The adapter proves who sent an event (signatures): allow-lists of senders do not apply. */
  readonly authenticates?: true;
  /** Answers leave over the connection that events come in by: without it none is attempted. */
  readonly deliversOver?: 'connection';
  readonly idempotency:
    | { readonly kind: 'key'; readonly windowMs: number }
    | { readonly kind: 'lookup' }
    | { readonly kind: 'none' };
  readonly limits: readonly Limit[];
  readonly capabilities: Capabilities;
  /** Quiet window in which consecutive texts of one session become one turn. Absent = none. */
  readonly batch?: Batch;
  /** Further top-level sections of config.yaml that the documentation names; every other place beats them. */
  readonly sections?: readonly string[];
  /** Config keys whose values are redacted everywhere. */
  readonly secrets: readonly string[];
  /** Hosts this adapter may call, `host` or `*.suffix`. The configured base URL is added by its config. */
  readonly origins: readonly string[];
  readonly toolset: string;
  /** One or two sentences for the model about what this platform can show. */
  readonly promptHint?: string;
  readonly env: PlatformEnv;
  /** What `hermes gateway setup` asks and explains. */
  readonly setup: readonly SetupStep[];
}

/** Names of the environment variables every platform has. */
export interface PlatformEnv {
  /** Any of these set enables the platform. */
  readonly enabledBy: readonly string[];
  readonly allowedUsers?: string;
  readonly allowAll?: string;
  readonly groupAllowedUsers?: string;
  readonly groupAllowedChats?: string;
  readonly home?: string;
}

export interface SetupStep {
  readonly say: string;
  readonly env?: string;
  readonly secret?: boolean;
}

export interface Batch {
  readonly textMs: number;
  /** Texts of at most `upTo` units wait at most `ms`; the first fitting row counts. */
  readonly short?: readonly { readonly upTo: number; readonly ms: number }[];
  /** Waits this long after a text of at least `splitAt` units: the client split a longer one. */
  readonly splitMs: number;
  readonly splitAt: number;
  readonly mediaMs: number;
}

export interface Limit {
  readonly scope: 'account' | 'chat' | 'group';
  readonly calls: 'all' | 'send';
  readonly count: number;
  readonly perMs: number;
  readonly source: 'documented' | 'observed';
}

export type Unit = 'utf16' | 'codepoint' | 'grapheme' | 'byte';

export interface Capabilities {
  readonly text: {
    readonly max: number;
    readonly unit: Unit;
    /** `source`: markup counts; `visible`: only what the reader sees. */
    readonly counts: 'source' | 'visible';
  };
  readonly edit: false | { readonly maxAgeMs?: number; readonly maxCount?: number };
  readonly delete: false | { readonly maxAgeMs?: number };
  readonly typing: false | { readonly ttlMs: number };
  readonly threads: 'none' | 'reply' | 'native';
  readonly reactions: false | { readonly allowed?: readonly string[] };
  readonly buttons:
    | false
    | { readonly rows: number; readonly perRow: number; readonly label: number; readonly dataBytes: number };
  readonly media: {
    readonly [kind in 'image' | 'audio' | 'video' | 'file']?: {
      readonly maxBytes: number;
      readonly mime?: readonly string[];
      readonly caption: number;
    };
  };
}
