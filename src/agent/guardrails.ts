/** Sentences appended to tool results when a model turns in circles (agent-runtime §7.3). Counters live for one turn. */
import { createHash } from 'node:crypto';
import type { Tool } from './contract.ts';

const warnAfter = { exactFailure: 2, sameToolFailure: 3, noProgress: 2 } as const;

export interface Guardrails {
  /** A warning for the model about this finished call, or undefined. */
  after(tool: Tool, args: string, result: string, isError: boolean): string | undefined;
}

export function openGuardrails(): Guardrails {
  const exact = new Map<string, number>();
  const byTool = new Map<string, number>();
  const unchanged = new Map<string, { readonly result: string; count: number }>();

  return {
    after(tool, args, result, isError) {
      const key = `${tool.name} ${args}`;
      if (isError) {
        const same = count(exact, key);
        const failures = count(byTool, tool.name);
        if (same >= warnAfter.exactFailure) {
          return `[Warning: ${tool.name} failed ${same} times with exactly these arguments. Change the arguments or the approach.]`;
        }
        if (failures >= warnAfter.sameToolFailure) {
          return `[Warning: ${tool.name} failed ${failures} times in this turn. Read the errors and try another way.]`;
        }
        return undefined;
      }
      exact.delete(key);
      byTool.delete(tool.name);
      if (!tool.idempotent) return undefined;
      const hash = createHash('sha256').update(result).digest('base64');
      const before = unchanged.get(key);
      const seen = before?.result === hash ? before.count + 1 : 1;
      unchanged.set(key, { result: hash, count: seen });
      if (seen < warnAfter.noProgress) return undefined;
      return `[Warning: ${tool.name} gave the same result ${seen} times for the same arguments. Use what you have.]`;
    },
  };
}

function count(counters: Map<string, number>, key: string): number {
  const next = (counters.get(key) ?? 0) + 1;
  counters.set(key, next);
  return next;
}
