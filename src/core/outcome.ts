import type { MessageId } from './ids.ts';

/** What became of one platform write. `unknown` = the request may have been executed. */
export type Outcome =
  | { readonly kind: 'sent'; readonly id: MessageId }
  | {
      readonly kind: 'retry';
      readonly afterMs?: number;
      readonly scope: 'part' | 'chat' | 'account';
      readonly why: string;
    }
  | { readonly kind: 'rejected'; readonly code: Reject; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

export type Reject =
  | 'too-long'
  | 'bad-format'
  | 'gone'
  | 'forbidden'
  | 'blocked'
  | 'unsupported'
  | 'too-old'
  | 'other';

/** Why a connection of an account ended. `auth` and `config` wait for a change; `conflict` is never retried fast. */
export type DownCode = 'auth' | 'conflict' | 'config' | 'network' | 'protocol' | 'silent';

export class Down extends Error {
  readonly code: DownCode;
  /** Wait at least this long; Infinity = only a person can help, as with `auth`. */
  readonly afterMs: number | undefined;
  constructor(code: DownCode, message: string, options: { afterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Down';
    this.code = code;
    this.afterMs = options.afterMs;
  }
}

/** Certainly no byte of the request left this process: connection refused, DNS failure, egress guard. */
export class NotSent extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'NotSent';
  }
}
