import type { Clock } from '../../core/clock.ts';
import type { SessionKey } from '../../core/ids.ts';
import type { Tx } from '../../store/store.ts';

/** One chat command. Runs inside the transaction that marks the message as answered, also while a turn runs. */
export interface ChatCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  run(context: CommandContext): Promise<CommandReply>;
}

export interface CommandContext {
  readonly tx: Tx;
  readonly clock: Clock;
  readonly key: SessionKey;
  readonly args: string;
  /** The command's own event: what came after it is not its business. */
  readonly row: number;
  /** A turn of this conversation is running. */
  readonly running: boolean;
}

export interface CommandReply {
  /** Absent = no answer. */
  readonly text?: string;
  /** Stop the running turn; done after the commit. */
  readonly stop?: boolean;
}
