import { say } from '../../texts/say.ts';
import type { ChatCommand, CommandContext, CommandReply } from './command.ts';
import { newCommand } from './new.ts';
import { stopCommand } from './stop.ts';

const help: ChatCommand = {
  name: 'help',
  aliases: ['commands'],
  summary: 'Show the commands',
  run: async () => ({ text: [say('command.help.title'), '', ...chatCommands.map(line)].join('\n') }),
};

/** Telegram sends it when a person opens the chat: no answer. */
const start: ChatCommand = { name: 'start', aliases: [], summary: '', run: async () => ({}) };

/** Every chat command, in the order help shows them. */
export const chatCommands: readonly ChatCommand[] = [newCommand, stopCommand, help];

const byName = new Map(
  [...chatCommands, start].flatMap((command) =>
    [command.name, ...command.aliases].map((name) => [name, command]),
  ),
);

export async function runChatCommand(name: string, context: CommandContext): Promise<CommandReply> {
  const command = byName.get(name);
  return command ? command.run(context) : { text: say('command.unknown', { name }) };
}

function line({ name, aliases, summary }: ChatCommand): string {
  const also = aliases.length > 0 ? ` (alias: ${aliases.map((alias) => `\`/${alias}\``).join(', ')})` : '';
  return `\`/${name}\` -- ${summary}${also}`;
}
