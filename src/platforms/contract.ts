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
import type { Capabilities, Manifest } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Dialect, Rendered } from '../text/dialect.ts';

export interface Platform<C> {
  readonly manifest: Manifest;
  readonly config: ConfigSpec<C>;
  readonly dialect: Dialect;
  /** Must not do I/O. */
  open(deps: Deps<C>): Adapter;
}

export interface ConfigSpec<C> {
  /** Environment variable → key of `schema`. The environment beats config.yaml. */
  readonly env: Readonly<Record<string, string>>;
  readonly schema: ZodType<C>;
  /** Stable, non-secret part of the account id, e.g. the bot's numeric id. Computed without I/O. */
  account(config: C): string;
  /** What must exist once per machine (hashed into the lock's name), e.g. the token. */
  identity?(config: C): { readonly scope: string; readonly value: string; readonly description: string };
  /** Where the platform pushes to, when this configuration wants that; the core owns the listener. */
  listener?(config: C): { readonly host: string; readonly port: number; readonly path: string } | undefined;
  /** Extra hosts this configuration may call, e.g. of a self-hosted base URL; loopback allowed here only. */
  origins?(config: C): readonly string[];
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

export interface Intake {
  /** As last committed; undefined when none is stored or the stored one is older than it may be. */
  readonly cursor: Cursor | undefined;
  /** Wall-clock milliseconds when `cursor` was stored. */
  readonly cursorAt: number | undefined;
  /**
   * Resolves after the events and the cursor are on disk. Acknowledge the platform only then.
   * Rejects when they could not be stored: do not acknowledge, throw.
   */
  accept(events: readonly Inbound[], cursor?: Cursor): Promise<void>;
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

/** Everything an adapter may touch in the outside world. */
export interface Deps<C> {
  readonly config: C;
  readonly account: AccountId;
  readonly clock: Clock;
  readonly log: Log;
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
  readonly path: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export interface RawReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
