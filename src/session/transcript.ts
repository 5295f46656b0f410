import type { Message } from '../core/message.ts';
import { insertMessage, newestMessages } from '../store/queries/session.ts';
import type { Tx } from '../store/store.ts';

/** Newest messages a turn sees; older ones stay in the store. */
const longestHistory = 400;

/**
 * The stored conversation, oldest first, starting with a user message and ending without dangling tool calls.
 * Reads at most `longestHistory` rows however long the transcript is.
 */
export async function readTranscript(tx: Tx, sessionId: string): Promise<Message[]> {
  const rows = await tx.all(newestMessages, { session_id: sessionId, limit: longestHistory });
  const messages = rows.reverse().map((row) => JSON.parse(row.body) as Message);
  const first = messages.findIndex((message) => message.role === 'user');
  return first < 0 ? [] : messages.slice(first);
}

export async function appendTranscript(
  tx: Tx,
  sessionId: string,
  turn: string,
  messages: readonly Message[],
  now: number,
): Promise<void> {
  for (const message of messages) {
    await tx.run(insertMessage, {
      session_id: sessionId,
      turn,
      body: JSON.stringify(message),
      created_at: now,
    });
  }
}
