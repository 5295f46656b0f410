/**
 * Messages that need no turn: the text of an event goes straight to its target, and the sender waits for the outcome
 * (webhooks with `deliver_only`). The event's key and its message are one commit.
 */
import type { Clock } from '../core/clock.ts';
import type { AccountId, SessionKey } from '../core/ids.ts';
import { brand } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { BadTarget } from '../platforms/contract.ts';
import { forgetInbound, insertInbound, settleInbound } from '../store/queries/inbound.ts';
import { cancelPart, partByKey } from '../store/queries/part.ts';
import type { Store, Tx } from '../store/store.ts';
import type { PartState } from '../store/tables.ts';
import { type PartDraft, storeDrafts } from './draft.ts';
import type { Outbox } from './outbox.ts';

export interface RelayDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly outbox: Outbox;
}

export type Relayed = 'sent' | 'duplicate' | 'failed' | 'pending';

export type Relay = (account: AccountId, event: Inbound, waitMs: number) => Promise<Relayed>;

/**
 * The returned function rejects with BadTarget before anything is stored, with STORE_FULL when nothing could be. A sender
 * that asks again while its message is on its way hears of the same end: `duplicate` would confirm what may yet fail.
 */
export function openRelay(deps: RelayDeps): Relay {
  /** Bounded by the callers: each of them waits for its own end. */
  const onTheWay = new Map<string, Promise<Relayed>>();
  return async (account, event, waitMs) => {
    const name = JSON.stringify([account, event.key]);
    const first = onTheWay.get(name);
    if (first !== undefined) return (await first) === 'failed' ? 'failed' : 'duplicate';
    const running = relay(deps, account, event, waitMs);
    onTheWay.set(name, running);
    try {
      return await running;
    } finally {
      onTheWay.delete(name);
    }
  };
}

async function relay(
  { store, clock, outbox }: RelayDeps,
  account: AccountId,
  event: Inbound,
  waitMs: number,
): Promise<Relayed> {
  if (event.answerTo === undefined) throw new BadTarget('No delivery target is set.');
  const to = outbox.resolve(event.answerTo);
  const trace = clock.hex(8);
  const drafts = outbox.draft(event.text ?? '', to, 'reply', `relay:${trace}`);
  const keys = drafts.map((draft) => draft.key);
  const settled = outbox.settlement(keys);
  try {
    const fresh = await store.write((tx) => storeRelayed(tx, account, event, drafts, trace, clock.now()));
    if (!fresh) return 'duplicate';
    outbox.wake(to.account, to.at.chat);
    const patience = new AbortController();
    await Promise.race([settled.all, clock.sleep(waitMs, patience.signal)]);
    patience.abort();
  } finally {
    settled.forget();
  }
  const unmarked = outbox.repeatsUnmarked(to.account);
  return store.write((tx) => outcome(tx, account, event.key, keys, unmarked));
}

/** False when the key is known: then nothing is stored. */
async function storeRelayed(
  tx: Tx,
  account: AccountId,
  event: Inbound,
  drafts: readonly PartDraft[],
  trace: string,
  now: number,
): Promise<boolean> {
  const row = await tx.get(insertInbound, {
    account,
    key: event.key,
    trace,
    state: 'pending',
    reason: null,
    session_key: brand<SessionKey>(`relay:${account}`),
    turn: null,
    consumer: 'chat',
    ready_at: now,
    body: '',
    raw: event.raw,
    created_at: now,
  });
  if (row === undefined) return false;
  await tx.run(settleInbound, { id: row.id, state: 'answered', reason: 'relayed' });
  await storeDrafts(tx, drafts, { turn: null, trace, now });
  return true;
}

/** What became of the parts; when certainly none was sent, the event is forgotten with them. */
async function outcome(
  tx: Tx,
  account: string,
  key: string,
  parts: readonly string[],
  unmarked: boolean,
): Promise<Relayed> {
  const states = await Promise.all(parts.map((part) => tx.get(partByKey, { key: part })));
  if (states.every((part) => part?.state === 'sent')) return 'sent';
  const untouched = states.every((part) => part !== undefined && isUnsent(part, unmarked));
  if (!untouched) return 'pending';
  for (const part of parts) await tx.run(cancelPart, { key: part });
  const left = await Promise.all(parts.map((part) => tx.get(partByKey, { key: part })));
  if (left.some((part) => part !== undefined && part.state !== 'dead')) return 'pending';
  await tx.run(forgetInbound, { account, key });
  return 'failed';
}

/** Certainly not at the platform. */
function isUnsent(
  part: { readonly state: PartState; readonly mark: string | null; readonly attempt: number },
  unmarked: boolean,
): boolean {
  if (part.mark !== null) return false;
  if (part.state === 'queued') return part.attempt === 0 || !unmarked;
  return part.state === 'dead' && (part.attempt === 1 || !unmarked);
}
