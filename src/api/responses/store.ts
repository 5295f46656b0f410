import type { TurnResult } from '../../core/agent-event.ts';

export interface ResponseRow {
  readonly id: string;
  readonly state: 'open' | 'ended';
  /** Key of the turn's request. */
  readonly turnKey: string;
  /** JSON of `Kept`. */
  readonly body: string;
}

/** `open`: waiting or running, also when an earlier process began it. `unknown`: never stored, or forgotten. */
export type TurnState =
  | { readonly kind: 'open'; readonly turn: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended'; readonly result: TurnResult };

/**
 * Where responses are kept: at most 100 of each caller, the least recently read is forgotten first, and a conversation's name goes
 * with the response it points at (api-server §7.4). Writes are durable when they resolve.
 */
export interface ResponseStore {
  /** A named conversation points at the new response from here on. */
  create(row: {
    readonly id: string;
    /** Names the credential that may read it. */
    readonly scope: string;
    readonly turnKey: string;
    readonly conversation: string | undefined;
    readonly body: string;
  }): Promise<void>;
  /** Takes back a response whose turn was refused; its conversation points at `previous` again. */
  discard(id: string, previous: string | undefined): Promise<void>;
  /** Writes the last snapshot once; false when there was one before or the response was deleted. */
  end(id: string, body: string): Promise<boolean>;
  /** Counts as a read. */
  get(scope: string, id: string): Promise<ResponseRow | undefined>;
  /** Id of the newest response of a conversation. */
  newest(scope: string, conversation: string): Promise<string | undefined>;
  /** False when there was none. */
  delete(scope: string, id: string): Promise<boolean>;
  /** Responses without a last snapshot, of every credential. */
  open(): Promise<readonly (ResponseRow & { readonly scope: string })[]>;
  /** What became of the turn of a request. */
  turn(source: string, key: string): Promise<TurnState>;
  /** 32 bytes that stay the same for the life of the store. */
  secret(): Promise<Buffer>;
}
