import { endSession } from '../../store/queries/session.ts';
import { getLane } from '../../store/queries/turn.ts';
import { say } from '../../texts/say.ts';
import type { ChatCommand } from './command.ts';

/** `/new`: the next message starts a conversation without history (gateway-core §8.2). */
export const newCommand: ChatCommand = {
  name: 'new',
  aliases: ['reset'],
  summary: 'Start a new conversation',
  async run({ tx, clock, key }) {
    const lane = await tx.get(getLane, { session_key: key });
    const ended =
      lane && (await tx.run(endSession, { id: lane.session_id, now: clock.now(), reason: 'session_reset' }));
    return { text: say(ended ? 'command.new.reset' : 'command.new.started'), stop: true };
  },
};
