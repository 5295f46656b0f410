import type { Journal, JournalStep } from '../agent/contract.ts';
import type { Clock } from '../core/clock.ts';
import { fail } from '../core/errors.ts';
import { reach } from '../core/fault.ts';
import type { ToolCall } from '../core/message.ts';
import { putStep, stepsOf, turnIsFenced } from '../store/queries/turn.ts';
import type { Store } from '../store/store.ts';

/**
 * The durable steps of one claimed turn. Every record is written in a transaction that first checks the fencing
 * number, so a process that lost the turn can no longer write to it (FENCED).
 */
export async function openJournal(
  store: Store,
  clock: Clock,
  claim: { readonly turn: string; readonly fence: number },
  /** False for a fresh turn, which cannot have steps yet. */
  resumed: boolean,
): Promise<Journal> {
  const rows = resumed ? await store.read.all(stepsOf, { turn: claim.turn }) : [];
  const past = rows.map((row) => JSON.parse(row.body) as JournalStep);
  // Call ids are only unique within one assistant message: some servers start again at call_0.
  const numberOf = new Map<string, number>();
  for (const [index, step] of past.entries()) {
    if (step.kind === 'model') numberOf.clear();
    else numberOf.set(step.call.id, index + 1);
  }
  let last = past.length;

  const record = async (n: number, state: 'started' | 'done', step: JournalStep) => {
    await store.write(async (tx) => {
      const mine = await tx.get(turnIsFenced, { id: claim.turn, fence: claim.fence });
      if (mine === undefined) fail('FENCED', { turn: claim.turn });
      await tx.run(putStep, {
        turn: claim.turn,
        n,
        kind: step.kind,
        state,
        body: JSON.stringify(step),
        created_at: clock.now(),
      });
    });
    reach('step:recorded');
  };
  const numberFor = (call: ToolCall) => {
    const known = numberOf.get(call.id);
    if (known !== undefined) return known;
    last += 1;
    numberOf.set(call.id, last);
    return last;
  };

  return {
    past,
    model(message, usage) {
      numberOf.clear();
      last += 1;
      return record(last, 'done', { kind: 'model', message, usage });
    },
    toolStarted: (call) => record(numberFor(call), 'started', { kind: 'tool', call }),
    async toolDone(call, result) {
      reach('tool:finished');
      await record(numberFor(call), 'done', { kind: 'tool', call, result });
    },
  };
}

/**
 * For a live request: nobody resumes its turn (docs/decisions/007), so what it did is recorded with its end only. Saves
 * a synced write per model call and two per tool call.
 */
export const unrecorded: Journal = {
  past: [],
  async model() {},
  async toolStarted() {},
  async toolDone() {
    reach('tool:finished');
  },
};
