/**
 * What earlier attempts of a turn already did, from its journal: finished results are reused, a call in flight at the
 * crash is repeated only when its tool is idempotent.
 */
import type { Message, ToolCall, Usage } from '../core/message.ts';
import { errorResult } from './batch.ts';
import type { JournalStep, Tool } from './contract.ts';

type Assistant = Extract<Message, { role: 'assistant' }>;

export const interruptedResult = errorResult(
  'interrupted, outcome unknown: the gateway stopped while this tool was running. Check before doing it again.',
);

export interface PastStep {
  readonly message: Assistant;
  readonly usage: Usage;
  /** Results by call id; a call without one has still to run. */
  readonly results: ReadonlyMap<string, string>;
}

export function pastSteps(past: readonly JournalStep[], tools: ReadonlyMap<string, Tool>): PastStep[] {
  const steps: { message: Assistant; usage: Usage; results: Map<string, string> }[] = [];
  for (const step of past) {
    if (step.kind === 'model') {
      steps.push({ message: step.message, usage: step.usage, results: new Map() });
      continue;
    }
    const result = step.result ?? unfinished(step.call, tools);
    if (result !== undefined) steps.at(-1)?.results.set(step.call.id, result);
  }
  return steps;
}

function unfinished(call: ToolCall, tools: ReadonlyMap<string, Tool>): string | undefined {
  return tools.get(call.name)?.idempotent === true ? undefined : interruptedResult;
}
