/** The loop of every platform that is asked for news. */
import type { Cursor } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import { Down } from '../../core/outcome.ts';
import type { Intake } from '../contract.ts';

export interface Poll {
  readonly events: readonly Inbound[];
  /** Where to go on; asking from there acknowledges `events`. */
  readonly cursor: Cursor | undefined;
}

/**
 * Asks, stores, asks again from the new position: the next question is the acknowledgement, so nothing is
 * acknowledged that is not on disk. Returns when `signal` aborts. `ask` throws `Down` for what the platform
 * refuses; what breaks on the wire becomes Down('network'); a failing `accept` is rethrown as it is.
 */
export async function pollLoop(
  intake: Intake,
  signal: AbortSignal,
  ask: (cursor: Cursor | undefined, signal: AbortSignal) => Promise<Poll>,
): Promise<void> {
  let cursor = intake.cursor;
  let connected = false;
  while (!signal.aborted) {
    let poll: Poll;
    try {
      poll = await ask(cursor, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Down) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new Down('network', why, { cause: error });
    }
    if (signal.aborted) return;
    if (!connected) intake.connected();
    connected = true;
    intake.alive();
    if (poll.events.length > 0 || poll.cursor !== cursor) await intake.accept(poll.events, poll.cursor);
    cursor = poll.cursor;
  }
}
