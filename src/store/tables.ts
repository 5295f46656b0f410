/**
 * Every table of the database, as Kysely sees it. Times are UTC milliseconds, JSON is text, flags are 0/1.
 * One owner per fact: each state below is written in one place only.
 */
import type { Generated } from 'kysely';

export interface Tables {
  meta: MetaTable;
  account: AccountTable;
  inbound: InboundTable;
  lane: LaneTable;
  session: SessionTable;
  message: MessageTable;
  turn: TurnTable;
  step: StepTable;
  part: PartTable;
  idempotency: IdempotencyTable;
  response: ResponseTable;
  conversation: ConversationTable;
  run: RunTable;
  run_event: RunEventTable;
  run_session: RunSessionTable;
}

export interface MetaTable {
  key: string;
  value: string;
}

/** Resume position of one account. Written by intake, in the transaction of the events. */
export interface AccountTable {
  id: string;
  cursor: string | null;
  cursor_at: number;
}

export type InboundState = 'pending' | 'claimed' | 'answered' | 'declined' | 'failed';

/** Accepted events. UNIQUE (account, key) is the only de-duplication. */
export interface InboundTable {
  id: Generated<number>;
  account: string;
  key: string;
  trace: string;
  state: InboundState;
  /** Why declined or failed; closed set, used as a metric label. */
  reason: string | null;
  session_key: string;
  /** The turn that answers it. */
  turn: string | null;
  /** Who waits for the answer: a chat survives restarts, a live HTTP connection does not. */
  consumer: 'chat' | 'live';
  /** Not before this time: quiet window of a batch. */
  ready_at: number;
  /** JSON of `intake/envelope.ts`. */
  body: string;
  /** Exact platform bytes; empty for declined events and HTTP requests. */
  raw: string;
  created_at: number;
}

/** The fencing number of a lane: grows by one with every claim. */
export interface LaneTable {
  session_key: string;
  fence: number;
  session_id: string;
}

export interface SessionTable {
  id: string;
  session_key: string;
  source: string;
  /** JSON: chat, sender and display names for people. */
  origin: string;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
  end_reason: string | null;
  /** 1 = nothing continues it: a request that brought its own history, one delivery of a webhook. */
  transient: number;
}

/** Transcript, in order of id. */
export interface MessageTable {
  id: Generated<number>;
  session_id: string;
  turn: string;
  /** JSON of `core/message.ts` Message. */
  body: string;
  created_at: number;
}

export type TurnState = 'running' | 'completed' | 'partial' | 'failed' | 'interrupted';

export interface TurnTable {
  id: string;
  session_key: string;
  session_id: string;
  fence: number;
  state: TurnState;
  consumer: 'chat' | 'live';
  trace: string;
  /** How often it was started; above the limit it fails instead of looping. */
  attempts: number;
  model: string | null;
  provider: string | null;
  /** JSON of Usage. */
  usage: string | null;
  /** JSON of code and message. On a running turn: it was stopped and is not to be resumed. */
  error: string | null;
  started_at: number;
  ended_at: number | null;
}

/** Journal of a running turn. Removed with the commit that ends the turn. */
export interface StepTable {
  turn: string;
  n: number;
  kind: 'model' | 'tool';
  state: 'started' | 'done';
  /** JSON: the assistant message, or the tool's call and result. */
  body: string;
  created_at: number;
}

export type PartState = 'queued' | 'attempting' | 'sent' | 'dead';

/** Outbox. One row is one platform write. */
export interface PartTable {
  id: Generated<number>;
  key: string;
  account: string;
  chat: string;
  thread: string | null;
  turn: string | null;
  trace: string;
  /** What it is to the reader; only these classes ever reach a chat. */
  class: 'reply' | 'notice' | 'approval';
  state: PartState;
  /** JSON of PartOp. */
  op: string;
  attempt: number;
  /** Not before this time. */
  ready_at: number;
  /** The platform's id once sent. */
  message: string | null;
  /** Why dead, or why the last attempt failed. */
  why: string | null;
  mark: 'maybe_doubled' | 'maybe_lost' | null;
  created_at: number;
  settled_at: number | null;
}

/** First result per key of POST endpoints (api-server.md §8). */
export interface IdempotencyTable {
  scope: string;
  key: string;
  fingerprint: string;
  turn: string;
  /** JSON of TurnResult once ended well. */
  result: string | null;
  expires_at: number;
}

/** One object of `POST /v1/responses`, at most a hundred, the least recently read goes first (api-server §7.4). */
export interface ResponseTable {
  id: string;
  /** Names the credential that may read it. */
  scope: string;
  /** `open`: its turn has not ended, or its end was not written yet. */
  state: 'open' | 'ended';
  /** Key of the request in `inbound`. */
  turn_key: string;
  /** Name of the conversation it is the newest response of when it ends. */
  conversation: string | null;
  /** JSON: the response, its input items, the history the next response starts from. */
  body: string;
  /** Grows with every read and write of any response. */
  accessed_at: number;
}

/** One run of `POST /v1/runs`: an hour after its end, with an idempotency key a day (api-server §9). */
export interface RunTable {
  id: string;
  /** Names the caller that may see it. */
  scope: string;
  /** `open`: its turn has not ended, or its end was not written yet. */
  state: 'open' | 'ended';
  /** The caller's `Idempotency-Key`, unique in its scope, and the digest of what was sent with it. */
  key: string | null;
  fingerprint: string | null;
  /** JSON of what its status is made of. */
  body: string;
  updated_at: number;
}

/** What a run said, several events in one row. */
export interface RunEventTable {
  run: string;
  /** Number of the first event of the row; the others follow it. */
  first: number;
  /** One JSON text per line. */
  body: string;
}

/** The session a caller's session key stands for. */
export interface RunSessionTable {
  scope: string;
  name: string;
  session: string;
}

export interface ConversationTable {
  scope: string;
  name: string;
  response: string;
}
