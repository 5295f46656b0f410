import { declineBefore } from '../../store/queries/inbound.ts';
import { say } from '../../texts/say.ts';
import type { ChatCommand } from './command.ts';

/** `/stop`: ends the running turn and forgets what waits behind it, up to the command itself (gateway-core §8.1). */
export const stopCommand: ChatCommand = {
  name: 'stop',
  aliases: [],
  summary: 'Stop the current task',
  async run({ tx, key, row, running }) {
    await tx.run(declineBefore, { session_key: key, before: row, reason: 'stopped' });
    return { text: say(running ? 'command.stop.stopped' : 'command.stop.idle'), stop: true };
  },
};
