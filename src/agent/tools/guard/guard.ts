/** Whether a command line may run on this machine: never, only with consent, or freely (agent-runtime §17). */

import { blockRules, type Facts, forkBomb, guessesSudoPassword, isForkBomb, sudoGuess } from './blocked.ts';
import { type Call, callsOf } from './calls.ts';
import { dangerRules, forkBombRule, sqlClient } from './dangerous.ts';
import { normalise } from './normalise.ts';

export interface Verdict {
  readonly verdict: 'allow' | 'blocked' | 'needs-approval';
  /** Descriptions of the rules that matched; approval is asked and remembered by them. */
  readonly keys: readonly string[];
  readonly why: string;
}

export interface GuardOptions {
  /** Home directory of the shell, so that its absolute path counts like `~`. */
  readonly home?: string;
  readonly sudoPassword?: boolean;
}

const longest = 1_000_000;
const tooComplex = 'command too complex to be checked; split it into smaller commands';

/** Pure and linear in the length of `command`. The unconditional block list comes first. */
export function guardCommand(command: string, options: GuardOptions = {}): Verdict {
  if (command.length > longest) return blocked(tooComplex);
  const text = normalise(command);
  const facts: Facts = { home: options.home, sudoPassword: options.sudoPassword ?? false };
  const read = readAll(text);
  if (isForkBomb(text)) return blocked(forkBomb);
  for (const call of read.calls) {
    const rule = blockRules.find((each) => each.test(call, facts));
    if (rule !== undefined) return blocked(rule.why);
  }
  if (read.tooComplex) return blocked(tooComplex);
  if (read.calls.some((call) => guessesSudoPassword(call, facts))) return blocked(sudoGuess);
  const keys = dangerousKeys(text, read.calls, facts.home);
  return keys.length === 0
    ? { verdict: 'allow', keys, why: '' }
    : { verdict: 'needs-approval', keys, why: keys.join('; ') };
}

/** Keys of all rules of §17.3 that match, in the order of the table. */
export function dangerousKeys(text: string, calls = readAll(text).calls, home?: string): readonly string[] {
  const found = new Set<string>();
  const feedsSql = calls.some((call) => sqlClient.test(call.name));
  for (const [index, call] of calls.entries()) {
    const around = { home, calls, index, feedsSql };
    for (const rule of dangerRules) if (!found.has(rule.key) && rule.test(call, around)) found.add(rule.key);
  }
  if (forkBombRule.test(text)) found.add(forkBombRule.key);
  return [...dangerRules.map((rule) => rule.key), forkBombRule.key].filter((key) => found.has(key));
}

/** The keys that are not yet covered by `command_allowlist`, which may hold keys of older releases. */
export function withoutAllowed(keys: readonly string[], allowlist: readonly string[]): readonly string[] {
  const allowed = new Set(allowlist);
  return keys.filter((key) => {
    const legacy = dangerRules.find((rule) => rule.key === key)?.legacy ?? [];
    return !allowed.has(key) && !legacy.some((old) => allowed.has(old));
  });
}

function blocked(why: string): Verdict {
  return { verdict: 'blocked', keys: [], why };
}

/**
 * When quoting does not close, the structure cannot be trusted: then every quote and bracket also counts as a
 * separator, so that nothing can hide behind it.
 */
function readAll(text: string): { readonly calls: readonly Call[]; readonly tooComplex: boolean } {
  const first = callsOf(text);
  if (!first.unclear) return { calls: first.calls, tooComplex: false };
  const flat = callsOf(text.replace(/['"\\]/g, '').replace(/[`()]|\$\(|<<-?/g, '\n'));
  return { calls: [...first.calls, ...flat.calls], tooComplex: flat.unclear };
}
