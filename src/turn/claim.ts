/**
 * Takes the next work of a lane. In one transaction: the waiting events become one turn, the lane's fencing number
 * grows, and the conversation they belong to is chosen or started.
 */
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { brand, type SessionKey, type TraceId, type TurnId } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import { type ChatEnvelope, type Envelope, readEnvelope } from '../intake/envelope.ts';
import { type ResetReason, resetDue } from '../session/reset.ts';
import { appendTranscript } from '../session/transcript.ts';
import {
  claimInbound,
  inboundsOfTurn,
  pendingOf,
  settleInbound,
  settleInbounds,
} from '../store/queries/inbound.ts';
import { endSession, getSession, insertSession, touchSession } from '../store/queries/session.ts';
import {
  dropSteps,
  endTurn,
  getLane,
  insertTurn,
  raiseFence,
  runningTurnOf,
  takeOverTurn,
} from '../store/queries/turn.ts';
import type { Store, Tx } from '../store/store.ts';
import { chatInput } from './input.ts';

export interface Claim {
  readonly key: SessionKey;
  readonly turn: TurnId;
  readonly trace: TraceId;
  readonly fence: number;
  readonly session: string;
  readonly consumer: 'chat' | 'live';
  /** More events waited in the lane than the turn took. */
  readonly more: boolean;
  /** How often the turn was started, this time included. */
  readonly attempt: number;
  readonly work: ChatWork | RequestWork;
  /** The conversation before was over; why. */
  readonly reset?: ResetReason;
}

export interface ChatWork {
  readonly kind: 'chat';
  readonly account: string;
  readonly events: readonly ChatEnvelope[];
}

export interface RequestWork {
  readonly kind: 'request';
  readonly source: string;
  readonly request: Extract<Envelope, { type: 'request' }>['request'];
}

export interface CommandWork {
  readonly key: SessionKey;
  readonly row: number;
  readonly trace: TraceId;
  readonly account: string;
  readonly envelope: ChatEnvelope;
}

export type Next =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'command'; readonly command: CommandWork }
  | { readonly kind: 'turn'; readonly claim: Claim };

export interface ClaimDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Pick<Settings, 'sessions' | 'display'>;
  readonly log: Log;
}

/** Events one turn takes at most; the rest waits for the next turn. */
const largestBatch = 32;

/**
 * A claim need not survive a loss of power: without it the events are still pending, and everything a turn does
 * outside is preceded by a synced step.
 */
export function claimNext(deps: ClaimDeps, key: SessionKey): Promise<Next> {
  return deps.store.write((tx) => claim(deps, tx, key), 'ordered');
}

async function claim(deps: ClaimDeps, tx: Tx, key: SessionKey): Promise<Next> {
  const left = await tx.get(runningTurnOf, { session_key: key });
  const resumed = left && (await takeOver(deps, tx, key, left));
  if (resumed !== undefined) return { kind: 'turn', claim: resumed };
  const rows = await tx.all(pendingOf, { session_key: key, limit: largestBatch });
  const first = rows[0];
  if (first === undefined) return { kind: 'nothing' };
  const now = deps.clock.now();
  const readable: Row[] = [];
  for (const row of rows) {
    const envelope = readEnvelope(row.body);
    if (envelope !== undefined) readable.push({ ...row, envelope });
    else await abandon(deps, tx, row);
  }
  const batch = takeBatch(readable, deps.settings);
  const last = batch.at(-1);
  if (last === undefined) return rows.length < largestBatch ? { kind: 'nothing' } : { kind: 'wait', ms: 0 };
  // A clock that was set back to before the event came must not hold it until then.
  if (last.ready_at > now && last.created_at <= now) return { kind: 'wait', ms: last.ready_at - now };
  const trace = brand<TraceId>(first.trace);
  if (last.envelope.type === 'chat' && last.envelope.command !== undefined) {
    const command = { key, row: first.id, trace, account: first.account, envelope: last.envelope };
    return { kind: 'command', command };
  }
  const turn = brand<TurnId>(
    last.envelope.type === 'request' ? last.envelope.turn : `turn_${deps.clock.hex(12)}`,
  );
  const { session, fence, reset } =
    last.envelope.type === 'request'
      ? await requestSession(tx, key, first.account, last.envelope.request, now)
      : await chatSession(deps, tx, key, last.envelope, now);
  await tx.run(insertTurn, {
    id: turn,
    session_key: key,
    session_id: session,
    fence,
    consumer: first.consumer,
    trace,
    started_at: now,
  });
  for (const row of batch) await tx.run(claimInbound, { id: row.id, turn });
  const work = workOf(
    first.account,
    batch.map((row) => row.envelope),
  );
  return {
    kind: 'turn',
    claim: {
      key,
      turn,
      trace,
      fence,
      session,
      consumer: first.consumer,
      more: rows.length > batch.length,
      attempt: 1,
      work,
      ...(reset ? { reset } : {}),
    },
  };
}

type Row = Awaited<ReturnType<typeof inboundRows>>[number] & { readonly envelope: Envelope };
const inboundRows = (tx: Tx, key: SessionKey) => tx.all(pendingOf, { session_key: key, limit: 1 });

/** The leading rows that make one turn: a request or a command alone, messages together. */
function takeBatch(rows: readonly Row[], settings: ClaimDeps['settings']): readonly Row[] {
  const batch: Row[] = [];
  for (const row of rows) {
    const alone = row.envelope.type === 'request' || row.envelope.command !== undefined;
    if (alone) {
      if (batch.length === 0) batch.push(row);
      break;
    }
    const before = batch.at(-1);
    // Queue mode answers each message by itself, unless it came inside the quiet window of the one before.
    if (before && settings.display.busyMode === 'queue' && row.created_at > before.ready_at) break;
    if (before && !answeredAlike(before, row)) break;
    batch.push(row);
  }
  return batch;
}

/** One answer can only go one way and use one set of tools. */
function answeredAlike(a: Row, b: Row): boolean {
  const wayOf = ({ account, envelope }: Row) =>
    envelope.type === 'chat' && JSON.stringify([account, envelope.event.answerTo, envelope.event.toolsets]);
  return wayOf(a) === wayOf(b);
}

function workOf(account: string, envelopes: readonly Envelope[]): ChatWork | RequestWork {
  const first = envelopes[0]!;
  if (first.type === 'request') return { kind: 'request', source: account, request: first.request };
  return { kind: 'chat', account, events: envelopes.filter((each) => each.type === 'chat') };
}

/**
 * A turn that an earlier process left running goes on under a new fencing number. One whose events are gone can never
 * be answered: it ends, so that it does not hold its lane for ever.
 */
async function takeOver(
  deps: ClaimDeps,
  tx: Tx,
  key: SessionKey,
  left: {
    id: string;
    session_id: string;
    fence: number;
    attempts: number;
    trace: string;
    consumer: 'chat' | 'live';
    error: string | null;
  },
): Promise<Claim | undefined> {
  const fence = left.fence + 1;
  if ((await tx.run(takeOverTurn, { id: left.id, from: left.fence, fence })) === 0) return undefined;
  const end = async (state: 'failed' | 'interrupted', error: string) => {
    const nothing = { model: null, provider: null, usage: null, error, ended_at: deps.clock.now() };
    await tx.run(endTurn, { id: left.id, fence, state, ...nothing });
    await tx.run(dropSteps, { turn: left.id });
  };
  const rows = await tx.all(inboundsOfTurn, { turn: left.id });
  const envelopes: Envelope[] = [];
  for (const row of rows) {
    const envelope = readEnvelope(row.body);
    if (envelope !== undefined) envelopes.push(envelope);
    else await abandon(deps, tx, row);
  }
  if (envelopes.length === 0) {
    await end('failed', JSON.stringify({ code: 'INTERNAL', message: 'The events of the turn are gone.' }));
    return undefined;
  }
  const work = workOf(rows[0]?.account ?? '', envelopes);
  if (left.error !== null) {
    const content = work.kind === 'chat' ? chatInput(work.events) : work.request.input;
    await appendTranscript(tx, left.session_id, left.id, [{ role: 'user', content }], deps.clock.now());
    await tx.run(settleInbounds, { turn: left.id, state: 'answered', reason: 'interrupted' });
    await end('interrupted', left.error);
    return undefined;
  }
  return {
    key,
    turn: brand<TurnId>(left.id),
    trace: brand<TraceId>(left.trace),
    fence,
    session: left.session_id,
    consumer: left.consumer,
    more: true,
    attempt: left.attempts + 1,
    work,
  };
}

/** A damaged row can never be answered. */
async function abandon(
  { log }: ClaimDeps,
  tx: Tx,
  row: { readonly id: number; readonly account: string; readonly trace: string },
): Promise<void> {
  await tx.run(settleInbound, { id: row.id, state: 'failed', reason: 'unreadable' });
  log('error', 'inbound.unreadable', { account: row.account, row: row.id, trace: row.trace });
}

interface Conversation {
  readonly session: string;
  /** Of the turn that begins; every take-over of the same turn adds one. */
  readonly fence: number;
  readonly reset?: ResetReason;
}

async function requestSession(
  tx: Tx,
  key: SessionKey,
  source: string,
  { sessionId, history }: RequestWork['request'],
  now: number,
): Promise<Conversation> {
  const transient = history === 'stored' ? 0 : 1;
  await tx.run(insertSession, { id: sessionId, session_key: key, source, origin: '{}', transient, now });
  return { session: sessionId, fence: 1 };
}

async function chatSession(
  deps: ClaimDeps,
  tx: Tx,
  key: SessionKey,
  { event, platform }: ChatEnvelope,
  now: number,
): Promise<Conversation> {
  const origin = JSON.stringify({ at: event.at, scope: event.scope, from: event.from, name: event.chatName });
  if (event.single === true) {
    // No row of a lane: nothing will look for it again.
    // Thousands may begin within one second.
    const session = `${newSessionId(deps.clock, now)}${deps.clock.hex(4)}`;
    await tx.run(insertSession, {
      id: session,
      session_key: key,
      source: platform,
      origin,
      transient: 1,
      now,
    });
    return { session, fence: 1 };
  }
  const lane = await tx.get(getLane, { session_key: key });
  const current = lane && (await tx.get(getSession, { id: lane.session_id }));
  const reset =
    current && current.ended_at === null
      ? resetDue(deps.settings.sessions.reset, current.updated_at, now)
      : undefined;
  const goesOn = current !== undefined && current.ended_at === null && reset === undefined;
  const session = goesOn ? current.id : newSessionId(deps.clock, now);
  if (goesOn) await tx.run(touchSession, { id: session, now });
  else {
    if (current && reset !== undefined)
      await tx.run(endSession, { id: current.id, now, reason: `reset_${reset}` });
    await tx.run(insertSession, {
      id: session,
      session_key: key,
      source: platform,
      origin,
      transient: 0,
      now,
    });
  }
  const raised = await tx.get(raiseFence, { session_key: key, session_id: session });
  return { session, fence: raised!.fence, ...(reset ? { reset } : {}) };
}

/** `YYYYMMDD_HHMMSS_` + 8 hex digits, local time (gateway-core §4.2). */
export function newSessionId(clock: Clock, now: number): string {
  const date = new Date(now);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}_${clock.hex(4)}`;
}
