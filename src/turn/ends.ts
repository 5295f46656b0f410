/** Ends of a turn that no agent has told. */
import type { TurnResult } from '../core/agent-event.ts';
import { noUsage } from '../core/message.ts';
import { Interrupted } from './running.ts';

export function isInactive(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof Interrupted && signal.reason.kind === 'inactive';
}

export function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof Interrupted && signal.reason.kind === 'shutdown';
}

/** A step could not be stored, so the turn could not go on. */
export function isUnwritable(result: TurnResult): boolean {
  return result.status === 'failed' && result.error?.code === 'STORE_FULL';
}

/** The turn stays `running` in the store, for the next process. */
export const suspended = failedResult(
  'interrupted',
  'SUSPENDED',
  'The gateway is shutting down; this goes on after its start.',
);

export function failedResult(status: 'failed' | 'interrupted', code: string, message: string): TurnResult {
  return {
    status,
    text: '',
    messages: [],
    usage: noUsage,
    model: '',
    provider: '',
    modelCalls: 0,
    exit: code.toLowerCase(),
    error: { code, message },
  };
}
