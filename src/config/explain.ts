/** Why a key has the value it has (`hermes config explain KEY`). */
import { closest } from 'fastest-levenshtein';
import { fail } from '../core/errors.ts';
import { type Key, keys } from './keys.ts';
import { describeProblem, type Problem } from './problem.ts';
import { type Found, isVariable, type Layers, resolveKey, type Source } from './resolve.ts';
import { looksSecret, mask } from './secrets.ts';

export interface Explanation {
  readonly key: string;
  readonly about: string;
  readonly env: string | undefined;
  /** As text; secrets are masked, unset is ''. */
  readonly value: string;
  readonly source: string;
  /** Other places that set it, each with its value and place. */
  readonly lost: readonly { readonly value: string; readonly source: string }[];
  readonly problems: readonly string[];
  /** False: documented and accepted, without effect in this version. */
  readonly hasEffect: boolean;
}

/** `name` is a path of config.yaml, one of its accepted other places, or a variable. Throws BAD_USAGE with the nearest name. */
export function explain(name: string, layers: Layers): Explanation {
  const { id, key, star } = findKey(name);
  const problems: Problem[] = [];
  const { winner, lost } = resolveKey(id, key, layers, (problem) => problems.push(problem), star);
  const show = (found: Found) => shown(found.raw, key.secret === true || looksSecret(id));
  return {
    key: star === undefined ? id : id.replace('*', star),
    about: key.about,
    env: isVariable(id) ? id : key.env,
    value: show(winner),
    source: describeSource(winner.source),
    lost: lost.map((found) => ({ value: show(found), source: describeSource(found.source) })),
    problems: problems.map(describeProblem),
    hasEffect: key.field !== undefined,
  };
}

interface Match {
  readonly id: string;
  readonly key: Key;
  readonly star?: string;
}

function findKey(name: string): Match {
  const table = Object.entries(keys) as [string, Key][];
  for (const [id, key] of table) if (id === name || key.env === name) return { id, key };
  for (const [id, key] of table) if (key.also?.includes(name)) return { id, key };
  for (const [id, key] of table) {
    if (!id.includes('*')) continue;
    for (const path of [id, ...(key.also ?? [])]) {
      const [before = '', after = ''] = path.split('*');
      const star = name.slice(before.length, name.length - after.length);
      if (star !== '' && name === before + star + after) return { id, key, star };
    }
  }
  const known = table.flatMap(([id, key]) => (key.env === undefined ? [id] : [id, key.env]));
  return fail('BAD_USAGE', { why: `"${name}" is no known key. Did you mean ${closest(name, known)}?` });
}

export function describeSource(source: Source): string {
  if (source.kind === 'default') return 'default';
  if (source.kind === 'file')
    return `${source.file}${source.line === undefined ? '' : `:${source.line}`} (${source.path})`;
  if (source.from === 'environment') return `environment variable ${source.name}`;
  return `${source.file}${source.line === undefined ? '' : `:${source.line}`} (${source.name})`;
}

/** A value as it would be written; secrets masked. */
export function shown(raw: unknown, secret: boolean): string {
  if (raw === undefined) return '';
  const text = typeof raw === 'string' ? raw : JSON.stringify(raw, hideSecrets);
  return secret && text !== '' ? mask(text) : text;
}

function hideSecrets(name: string, value: unknown): unknown {
  return typeof value === 'string' && looksSecret(name) ? mask(value) : value;
}
