/**
 * The platform interface: a pure description (`manifest`, `config`, `dialect`) and a translator (`Adapter`).
 * The core owns retry, pacing, splitting, order, de-duplication, redaction, reconnecting and measuring.
 * A platform's `adapter.ts` has a default export that `satisfies Platform<C>`.
 */
import type { ZodType } from 'zod';
import type { Clock } from '../core/clock.ts';
import type { AccountId, Cursor, MessageId, PartKey } from '../core/ids.ts';
import type { Address, Inbound, MediaRef } from '../core/inbound.ts';
import type { Log } from '../core/log.ts';
import type { Batch, Capabilities, Manifest } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Dialect, Rendered } from '../text/dialect.ts';

export interface Platform<C> {
  readonly manifest: Manifest;
  readonly config: ConfigSpec<C>;
  readonly dialect: Dialect;
  /** Another way to the credentials than typing them after `manifest.setup`. */
  readonly login?: Login;
  /** Must not do I/O. */
  open(deps: Deps<C>): Adapter;
}

/** Gets credentials from the vendor's own pages, for the wizard: a code to scan, a device to confirm. */
export interface Login {
  /** What is offered, e.g. "Scan a QR code with the phone app (recommended)". */
  readonly offer: string;
  /** Throws the reason of the abort, and whatever the first request throws. */
  run(deps: LoginDeps, screen: LoginScreen, signal: AbortSignal): Promise<LoginResult>;
}

export interface LoginDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep' | 'after'>;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** Another host than the vendor's, for tests. */
  readonly host?: string;
}

/** What the wizard shows meanwhile. */
export interface LoginScreen {
  say(text: string): void;
  /** Draws `content` as a QR code; `page` shows the same in a browser. */
  code(content: string, page: string): void;
  /** One more look, still nothing. */
  dot(): void;
}

/** `created`: variables for `.env`. `manual`: ask for them instead; `say` tells why. `timeout`: nobody came. */
export type LoginResult =
  | { readonly kind: 'created'; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: 'manual' | 'timeout'; readonly say: string };

export interface ConfigSpec<C> {
  /** Environment variable → key of `schema`. The environment beats config.yaml. */
  readonly env: Readonly<Record<string, string>>;
  readonly schema: ZodType<C>;
  /** Stable, non-secret part of the account id, e.g. the bot's numeric id. Computed without I/O. */
  account(config: C): string;
  /** What must exist once per machine (hashed into the lock's name), e.g. the token. */
  identity?(config: C): { readonly scope: string; readonly value: string; readonly description: string };
  /**
   * Where the platform pushes to, when this configuration wants that; the core owns the listener. A path that ends in
   * `/*` stands for everything below it. `host` undefined = every interface. Bodies above `maxBody` (default 1 MiB)
   * are answered 413 before they are read.
   */
  listener?(config: C): PushAddress | undefined;
  /** Lists that follow from the platform's own policy settings; each one named replaces the general one. */
  access?(config: C): Partial<AccessLists>;
  /**
   * The form in which ids of senders and chats are compared with lists, e.g. without regard to case. Default: exactly.
   * Must leave `*` alone.
   */
  comparable?(id: string): string;
  /** The platform's batch windows as this configuration wants them. */
  batch?(config: C): Batch | undefined;
  /** Extra hosts this configuration may call, e.g. of a self-hosted base URL; loopback allowed here only. */
  origins?(config: C): readonly string[];
}

/** Who may talk to the agent on one platform (gateway-core §5.1). Ids only, `*` = everybody. */
export interface AccessLists {
  readonly allowedUsers: readonly string[];
  readonly groupAllowedUsers: readonly string[];
  readonly groupAllowedChats: readonly string[];
}

export interface PushAddress {
  readonly host: string | undefined;
  readonly port: number;
  readonly path: string;
  readonly maxBody?: number;
  /** The body of the 413 answer; default empty. */
  readonly tooLarge?: string;
}

export interface Adapter {
  /**
   * Connect and stay connected once. Ends when `signal` aborts (within 250 ms), otherwise throws `Down`.
   * Any other throw counts as Down('network') if it came from the wire and as Down('protocol'), a bug, if not.
   * Never retries by itself: back-off, health and the dead-man timer belong to the supervisor.
   */
  run(intake: Intake, signal: AbortSignal): Promise<void>;
  /**
   * Exactly one platform write. Never throws for an answer the platform gave; the core maps a throw of
   * `NotSent` to 'retry' and any other throw to 'unknown'.
   */
  deliver(part: Part, signal: AbortSignal): Promise<Outcome>;
  /** Only for platforms that push over HTTP. Verifies before parsing; answers 2xx only after `accept`. */
  webhook?(request: RawRequest, intake: Intake): Promise<RawReply>;
  /** Best effort, never stored, never retried. */
  hint?(chat: Address, hint: 'typing' | 'seen', signal: AbortSignal): Promise<void>;
  /** Stream the bytes of an attachment that was only referenced at intake. Called after authorisation. */
  media?(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Only where idempotency is 'lookup': was this part already delivered? */
  find?(part: Part, signal: AbortSignal): Promise<Outcome>;
  /** Capabilities that differ per chat; pure, cached, no I/O. */
  capabilities?(chat: Address): Partial<Capabilities>;
  /** Limits of scope `group` apply to this chat; pure. Absent = to no chat. */
  isGroup?(chat: Address): boolean;
}

export interface Accepted {
  /** How many of the events were not known before. */
  readonly fresh: number;
}

export interface Intake {
  /** As last committed; undefined when none is stored or the stored one is older than it may be. */
  readonly cursor: Cursor | undefined;
  /** Wall-clock milliseconds when `cursor` was stored. */
  readonly cursorAt: number | undefined;
  /**
   * Resolves after the events and the cursor are on disk. Acknowledge the platform only then.
   * Rejects when they could not be stored: do not acknowledge, throw.
   */
  accept(events: readonly Inbound[], cursor?: Cursor): Promise<Accepted>;
  /**
   * For senders that wait for the delivery: the event's text itself goes to its `answerTo`, without a turn. Event and
   * message are stored in one commit; the promise resolves when the outcome is known, at the latest after `waitMs`:
   * `sent`; `duplicate` = the key is known, nothing was done; `failed` = certainly not delivered, and the key is
   * forgotten so that the sender may try again; `pending` = stored, still being delivered. Rejects when nothing was
   * stored; throws `BadTarget` when `answerTo` names no platform that can be reached.
   */
  relay(event: Inbound, waitMs: number): Promise<'sent' | 'duplicate' | 'failed' | 'pending'>;
  /** Proof of life; silence longer than `manifest.silenceMs` restarts the connection. */
  alive(): void;
  /** The connection works: state `connected`, back-off reset. Say it once per connection. */
  connected(detail?: string): void;
}

/** One outbound platform write: rendered, split and paced by the core. */
export interface Part {
  readonly key: PartKey;
  readonly at: Address;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly op: PartOp;
}

export type PartOp =
  | {
      readonly kind: 'send';
      readonly body: Rendered;
      readonly replyTo?: MessageId;
      readonly buttons?: readonly (readonly Button[])[];
      readonly media?: MediaRef;
      /** True = do not ring: progress and notices. */
      readonly silent?: boolean;
    }
  | { readonly kind: 'edit'; readonly target: MessageId; readonly body: Rendered }
  | { readonly kind: 'delete'; readonly target: MessageId }
  | { readonly kind: 'react'; readonly target: MessageId; readonly emoji: string };

export interface Button {
  readonly label: string;
  readonly data: string;
}

/** `answerTo` names a platform that is not configured, or one without a home channel. The message says which. */
export class BadTarget extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadTarget';
  }
}

/** Everything an adapter may touch in the outside world. */
export interface Deps<C> {
  readonly config: C;
  readonly account: AccountId;
  readonly clock: Clock;
  readonly log: Log;
  /** Secrets that the platform finds in a file of its own: redacted everywhere from now on. */
  hide(secrets: readonly string[]): void;
  /** Folder of the gateway's files; for files that the documentation gives to this platform. */
  readonly home: string;
  /** Bytes of an outgoing attachment (`PartOp.media.ref`). Throws `NotSent` when it cannot be read or is larger. */
  file(ref: string, maxBytes: number): Promise<Uint8Array>;
  /**
   * Like global fetch, with the origins checked, redirects refused and errors sorted: throws `NotSent` when
   * certainly nothing left, the abort reason after abort, otherwise a plain error (= unknown).
   */
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** Resolves when open; rejects with `NotSent`. `messages` ends on a clean close and throws otherwise. */
  socket(url: string, signal: AbortSignal, headers?: Readonly<Record<string, string>>): Promise<Socket>;
}

export interface Socket {
  readonly messages: AsyncIterable<string>;
  send(text: string): void;
  close(code?: number): void;
}

export interface RawRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export interface RawReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
