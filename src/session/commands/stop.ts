import { pendingOf, settleInbound } from '../../store/queries/inbound.ts';
import { say } from '../../texts/say.ts';
import type { ChatCommand } from './command.ts';

/** `/stop`: ends the running turn and forgets what waits behind it (gateway-core §8.1). */
export const stopCommand: ChatCommand = {
  name: 'stop',
  aliases: [],
  summary: 'Stop the current task',
  async run({ tx, key, running }) {
    for (const row of await tx.all(pendingOf, { session_key: key, limit: 1_000 })) {
      await tx.run(settleInbound, { id: row.id, state: 'declined', reason: 'stopped' });
    }
    return { text: say(running ? 'command.stop.stopped' : 'command.stop.idle'), stop: true };
  },
};
