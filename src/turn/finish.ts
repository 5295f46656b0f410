/**
 * The end of a turn: outcome, transcript, reply parts and the state of its events in one commit, refused when the
 * turn was claimed again meanwhile.
 */
import type { TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import { fail } from '../core/errors.ts';
import { reach } from '../core/fault.ts';
import type { PartDraft } from '../outbox/draft.ts';
import { storeDrafts } from '../outbox/draft.ts';
import { appendTranscript } from '../session/transcript.ts';
import { claimInbound, settleInbounds } from '../store/queries/inbound.ts';
import { touchSession } from '../store/queries/session.ts';
import { dropSteps, endTurn } from '../store/queries/turn.ts';
import type { Store } from '../store/store.ts';
import type { Claim } from './claim.ts';

export interface Ending {
  readonly claim: Claim;
  readonly result: TurnResult;
  readonly parts: readonly PartDraft[];
  /** Rows whose text the turn took in as steering. */
  readonly steered: readonly number[];
}

/** Rejects with FENCED when the turn is no longer ours, with STORE_FULL when nothing could be written. */
export async function commitEnding(store: Store, clock: Clock, ending: Ending): Promise<void> {
  const { claim, result, parts } = ending;
  await store.write(async (tx) => {
    const now = clock.now();
    const changed = await tx.run(endTurn, {
      id: claim.turn,
      fence: claim.fence,
      state: result.status,
      model: result.model,
      provider: result.provider,
      usage: JSON.stringify(result.usage),
      error: result.error ? JSON.stringify(result.error) : null,
      ended_at: now,
    });
    if (changed === 0) fail('FENCED', { turn: claim.turn });
    await appendTranscript(tx, claim.session, claim.turn, result.messages, now);
    await tx.run(touchSession, { id: claim.session, now });
    await storeDrafts(tx, parts, { turn: claim.turn, trace: claim.trace, now });
    for (const row of ending.steered) await tx.run(claimInbound, { id: row, turn: claim.turn });
    const { state, reason } = inboundEnd(claim, result);
    await tx.run(settleInbounds, { turn: claim.turn, state, reason });
    if (claim.consumer !== 'live') await tx.run(dropSteps, { turn: claim.turn });
    reach('turn:before-commit');
  });
  reach('turn:after-commit');
}

/** A request whose turn was interrupted may be asked again; a chat was answered also by an error text. */
function inboundEnd(
  claim: Claim,
  result: TurnResult,
): { state: 'answered' | 'failed'; reason: string | null } {
  if (claim.work.kind === 'request' && result.status !== 'completed') {
    return { state: 'failed', reason: result.status };
  }
  return { state: 'answered', reason: result.status === 'completed' ? null : result.status };
}
