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
import { storeDrafts } from './draft.ts';
import type { Outbox } from './outbox.ts';

export interface RelayDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly outbox: Outbox;
}

export type Relayed = 'sent' | 'duplicate' | 'failed' | 'pending';

/** Rejects with BadTarget before anything is stored, with STORE_FULL when nothing could be. */
export async function relay(
  deps: RelayDeps,
  account: AccountId,
  event: Inbound,
  waitMs: number,
): Promise<Relayed> {
  const { store, clock, outbox } = deps;
  if (event.answerTo === undefined) throw new BadTarget('No delivery target is set.');
  const to = outbox.resolve(event.answerTo);
  const trace = clock.hex(8);
  const drafts = outbox.draft(event.text ?? '', to, 'reply', `relay:${trace}`);
  const keys = drafts.map((draft) => draft.key);
  const settled = outbox.settlement(keys);
  const fresh = await store.write(async (tx) => {
    const row = await tx.get(insertInbound, {
      account,
      key: event.key,
      trace,
      state: 'pending',
      reason: null,
      session_key: brand<SessionKey>(`relay:${account}`),
      turn: null,
      consumer: 'chat',
      ready_at: clock.now(),
      body: '',
      raw: event.raw,
      created_at: clock.now(),
    });
    if (row === undefined) return false;
    await tx.run(settleInbound, { id: row.id, state: 'answered', reason: 'relayed' });
    await storeDrafts(tx, drafts, { turn: null, trace, now: clock.now() });
    return true;
  });
  if (!fresh) {
    settled.forget();
    return 'duplicate';
  }
  outbox.wake(to.account, to.at.chat);
  const patience = new AbortController();
  await Promise.race([settled.all, clock.sleep(waitMs, patience.signal)]);
  patience.abort();
  settled.forget();
  return store.write((tx) => outcome(tx, account, event.key, keys));
}

/** What became of the parts; when certainly none was sent, the event is forgotten with them. */
async function outcome(tx: Tx, account: string, key: string, parts: readonly string[]): Promise<Relayed> {
  const states = await Promise.all(parts.map((part) => tx.get(partByKey, { key: part })));
  if (states.every((part) => part?.state === 'sent')) return 'sent';
  const untouched = states.every(
    (part) => part?.state === 'queued' || (part?.state === 'dead' && part.mark === null),
  );
  if (!untouched) return 'pending';
  for (const part of parts) await tx.run(cancelPart, { key: part });
  const left = await Promise.all(parts.map((part) => tx.get(partByKey, { key: part })));
  if (left.some((part) => part !== undefined && part.state !== 'dead')) return 'pending';
  await tx.run(forgetInbound, { account, key });
  return 'failed';
}
