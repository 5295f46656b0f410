import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { TaskStates } from './task-state.ts';

/** What every tool of this folder is built from. */
export interface ToolDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly tasks: TaskStates;
  /** Masks secrets in what the model gets. `source`: program text, where `NAME=value` is no evidence. */
  redact(text: string, kind?: 'source'): string;
}
