/**
 * The one way in for chats. `accept` decides about every event (own message, not for us, not allowed, command,
 * conversation), stores all of them with the cursor in one transaction, and only then wakes the lanes.
 */
import type { PlatformBlock, Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { reach } from '../core/fault.ts';
import { type AccountId, brand, type Cursor, type SessionKey } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import type { Log } from '../core/log.ts';
import type { Batch, Manifest } from '../core/manifest.ts';
import { chatSessionKey, isShared } from '../session/key.ts';
import { putCursor } from '../store/queries/account.ts';
import { inboundByKey, insertInbound, pendingOf, rewritePending } from '../store/queries/inbound.ts';
import type { Store, Tx } from '../store/store.ts';
import { isAuthorized } from './authorize.ts';
import { readCommand } from './command.ts';
import { type ChatEnvelope, readEnvelope } from './envelope.ts';

/** Why an event ends without a turn. Closed set: it is a metric label. */
export type DeclineReason =
  | 'own-message'
  | 'bot-message'
  | 'unauthorized'
  | 'not-addressed'
  | 'empty'
  | 'ignored-kind'
  | 'late-edit'
  | 'edit-applied'
  | 'coalesced';

export interface AcceptDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<Settings, 'access' | 'sessions'>;
  /** Called after the commit, once per lane that got work. Must not wait or throw. */
  wake(key: SessionKey): void;
}

export interface AccountRoute {
  readonly account: AccountId;
  readonly manifest: Pick<Manifest, 'name' | 'authenticates'>;
  readonly batch: Batch | undefined;
  readonly block: Pick<PlatformBlock, 'access'>;
  /** See `ConfigSpec.comparable`. */
  readonly comparable?: ((id: string) => string) | undefined;
}

type Decision =
  | { readonly pending: ChatEnvelope; readonly waitMs: number }
  | { readonly declined: DeclineReason };

/** Pending messages of one lane that an edit may still change. */
const editWindow = 32;

/** Resolves when everything is durable; rejects (STORE_FULL, STORE_CLOSED) when nothing was stored. */
export async function accept(
  deps: AcceptDeps,
  route: AccountRoute,
  events: readonly Inbound[],
  cursor: Cursor | undefined,
): Promise<{ readonly fresh: number }> {
  const now = deps.clock.now();
  const prepared = events.map((event) => ({
    event,
    key: chatSessionKey(route.manifest.name, event, deps.settings.sessions),
    decision: decide(deps, route, event),
    trace: deps.clock.hex(8),
  }));
  const woken = new Set<SessionKey>();
  let fresh = 0;
  await deps.store.write(async (tx) => {
    // A unit may run again after a conflict.
    woken.clear();
    fresh = 0;
    for (const { event, key, decision, trace } of prepared) {
      let declined = 'declined' in decision ? decision.declined : undefined;
      // What is given again must not undo what came later.
      const replaces = event.kind === 'edit' || event.coalesce !== undefined;
      if (declined === undefined && replaces && (await isKnown(tx, route.account, event))) {
        woken.add(key);
        continue;
      }
      if (declined === undefined && event.kind === 'edit') declined = await applyEdit(tx, key, event, now);
      else if ('pending' in decision && (await takePlace(tx, key, decision, now))) declined = 'coalesced';
      const waiting = declined === undefined && 'pending' in decision ? decision : undefined;
      const row = await tx.get(insertInbound, {
        account: route.account,
        key: event.key,
        trace,
        state: waiting ? 'pending' : 'declined',
        reason: declined ?? null,
        session_key: key,
        turn: null,
        consumer: 'chat',
        ready_at: now + (waiting?.waitMs ?? 0),
        // Of declined events only the key is kept: strangers cannot fill the database with text.
        body: waiting ? JSON.stringify(waiting.pending) : '',
        raw: waiting ? event.raw : '',
        created_at: now,
      });
      if (row !== undefined) fresh += 1;
      // Also when it is known: a commit whose end the database did not tell may have stored it and woken nobody.
      if (waiting !== undefined) woken.add(key);
    }
    if (cursor !== undefined) await tx.run(putCursor, { id: route.account, cursor, cursor_at: now });
    reach('intake:before-commit');
  });
  reach('intake:after-commit');
  for (const { decision, event, trace } of prepared) {
    if ('declined' in decision) {
      deps.log('debug', 'intake.declined', {
        account: route.account,
        reason: decision.declined,
        trace,
        kind: event.kind,
      });
    }
  }
  for (const key of woken) deps.wake(key);
  return { fresh };
}

function decide(deps: AcceptDeps, route: AccountRoute, event: Inbound): Decision {
  if (event.from.isSelf) return { declined: 'own-message' };
  if (event.kind !== 'message' && event.kind !== 'edit') return { declined: 'ignored-kind' };
  // Two bots in one group would answer each other for ever.
  if (event.from.isBot) return { declined: 'bot-message' };
  const known =
    route.manifest.authenticates ??
    isAuthorized(event, route.block.access, deps.settings.access, route.comparable);
  if (!known) return { declined: 'unauthorized' };
  if (event.addressed === false) return { declined: 'not-addressed' };
  const text = event.text ?? '';
  if (text.trim() === '' && (event.media ?? []).length === 0) return { declined: 'empty' };
  const command = event.kind === 'message' ? readCommand(text) : undefined;
  const { raw: _raw, key: _key, ...rest } = event;
  const envelope: ChatEnvelope = {
    type: 'chat',
    platform: route.manifest.name,
    event: rest,
    shared: isShared(event, deps.settings.sessions),
    ...(command ? { command } : {}),
  };
  const waitMs = event.coalesce?.waitMs ?? (command ? 0 : quietWindow(route.batch, event));
  return { pending: envelope, waitMs };
}

/** How long to wait for the next piece of the same message (telegram §3.5): short texts hardly wait. */
function quietWindow(batch: Batch | undefined, event: Inbound): number {
  if (batch === undefined) return 0;
  if ((event.media ?? []).length > 0) return batch.mediaMs;
  const length = (event.text ?? '').length;
  if (length >= batch.splitAt) return batch.splitMs;
  const short = batch.short?.find(({ upTo }) => length <= upTo);
  return short ? Math.min(batch.textMs, short.ms) : batch.textMs;
}

async function isKnown(tx: Tx, account: AccountId, event: Inbound): Promise<boolean> {
  return (await tx.get(inboundByKey, { account, key: event.key })) !== undefined;
}

/** True when an event of the same chat still waited to be replaced by a newer one. */
async function takePlace(
  tx: Tx,
  key: SessionKey,
  { pending, waitMs }: Extract<Decision, { pending: unknown }>,
  now: number,
): Promise<boolean> {
  if (pending.event.coalesce === undefined) return false;
  for (const row of await tx.all(pendingOf, { session_key: key, limit: editWindow })) {
    const envelope = readEnvelope(row.body);
    if (envelope?.type !== 'chat' || envelope.event.coalesce === undefined) continue;
    const body = JSON.stringify(pending);
    // None when a turn has taken it meanwhile: then this one waits for itself.
    return (await tx.run(rewritePending, { id: row.id, body, ready_at: now + waitMs })) > 0;
  }
  return false;
}

/** An edit replaces the text of a message that still waits; later ones start nothing. */
async function applyEdit(tx: Tx, key: SessionKey, event: Inbound, now: number): Promise<DeclineReason> {
  if (event.message === undefined) return 'late-edit';
  for (const row of await tx.all(pendingOf, { session_key: key, limit: editWindow })) {
    const envelope = readEnvelope(row.body);
    if (envelope?.type !== 'chat' || envelope.event.message !== event.message) continue;
    const changed: ChatEnvelope = { ...envelope, event: { ...envelope.event, text: event.text ?? '' } };
    await tx.run(rewritePending, {
      id: row.id,
      body: JSON.stringify(changed),
      ready_at: Math.max(row.ready_at, now),
    });
    return 'edit-applied';
  }
  return 'late-edit';
}

/** The account id of one bot identity. */
export function accountId(platform: string, identity: string): AccountId {
  return brand<AccountId>(`${platform}:${identity}`);
}
