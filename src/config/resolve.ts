/** Which of several places decides the value of a key, and what else was set but lost. */
import type { ConfigDocument } from './document.ts';
import type { Environment } from './environment.ts';
import { type Key, type KeyName, keys, type ValueOf } from './keys.ts';
import type { Problem } from './problem.ts';

export type Source =
  | {
      readonly kind: 'env';
      readonly name: string;
      readonly from: 'environment' | '.env';
      readonly line?: number;
      readonly file?: string;
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly file: string;
      readonly line?: number;
      readonly column?: number;
    }
  | { readonly kind: 'default' };

export interface Found {
  readonly raw: unknown;
  readonly source: Source;
}

export interface Resolved<T = unknown> {
  readonly value: T;
  readonly winner: Found;
  /** Set elsewhere, of no effect, the strongest first. */
  readonly lost: readonly Found[];
}

export interface Layers {
  readonly env: Environment;
  /** config.yaml. */
  readonly config: ConfigDocument | undefined;
  /** gateway.json, the legacy base. */
  readonly legacy: ConfigDocument | undefined;
}

/** True for keys that exist only as a variable. */
export function isVariable(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** Every place that sets the key, the one that counts first; `star` replaces `*` in its paths. */
export function placesOf(name: string, key: Key, layers: Layers, star?: string): readonly Found[] {
  const variable = isVariable(name) ? name : key.env;
  const env = variable === undefined ? [] : fromEnvironment(variable, layers.env);
  if (isVariable(name)) return env;
  const paths = [...(key.also ?? []), name].reverse();
  const file = [layers.config, layers.legacy].flatMap((document) =>
    document === undefined ? [] : paths.flatMap((path) => fromDocument(document, segments(path, star))),
  );
  const inConfig = file.filter(
    (found) => found.source.kind === 'file' && found.source.file === layers.config?.file,
  );
  const inLegacy = file.filter((found) => !inConfig.includes(found));
  return key.bridged ? [...inConfig, ...env, ...inLegacy] : [...env, ...inConfig, ...inLegacy];
}

/** A star name may itself contain dots, so the path is split before it is filled in. */
function segments(path: string, star: string | undefined): readonly string[] {
  return path.split('.').map((segment) => (segment === '*' && star !== undefined ? star : segment));
}

export function fromEnvironment(name: string, env: Environment): readonly Found[] {
  return env.hits(name).map((hit) => ({
    raw: hit.value,
    source: {
      kind: 'env',
      name,
      from: hit.from,
      ...(hit.file === undefined ? {} : { file: hit.file }),
      ...(hit.line === undefined ? {} : { line: hit.line }),
    },
  }));
}

export function fromDocument(document: ConfigDocument, path: readonly string[]): readonly Found[] {
  const raw = document.at(path);
  if (raw === undefined) return [];
  return [
    { raw, source: { kind: 'file', path: path.join('.'), file: document.file, ...document.where(path) } },
  ];
}

/**
 * The value of one key. A place whose value is of the wrong type is reported and skipped, so that the next place
 * or the default counts; for a `guard` key the report is an error that prevents the start.
 */
export function resolveKey(
  name: string,
  key: Key,
  layers: Layers,
  report: (problem: Problem) => void,
  star?: string,
): Resolved {
  const places = placesOf(name, key, layers, star).filter((found) => !isHeading(found, name));
  for (const [index, found] of places.entries()) {
    const result = key.value.safeParse(found.raw);
    if (result.success) return { value: result.data, winner: found, lost: places.slice(index + 1) };
    report(wrongType(name, key, found, result.error.issues[0]?.message ?? 'cannot be read'));
  }
  const fallback = key.fallback === undefined ? undefined : key.value.parse(key.fallback);
  return { value: fallback, winner: { raw: key.fallback, source: { kind: 'default' } }, lost: [] };
}

/** `model: name` is the short form of `model.default`; a mapping at such a place is no value of the key. */
function isHeading(found: Found, name: string): boolean {
  return (
    found.source.kind === 'file' && name.startsWith(`${found.source.path}.`) && typeof found.raw === 'object'
  );
}

function wrongType(name: string, key: Key, found: Found, expected: string): Problem {
  const guarded = key.guard === true;
  return {
    severity: guarded ? 'error' : 'warning',
    path:
      found.source.kind === 'env'
        ? found.source.name
        : found.source.kind === 'file'
          ? found.source.path
          : name,
    message: `${expected}.`,
    hint: guarded
      ? 'The gateway does not start with it, because the key decides who may reach what.'
      : 'The value is ignored.',
    ...placeOf(found.source),
  };
}

/** Where a problem with this source is to be mended. */
export function placeOf(source: Source): Pick<Problem, 'file' | 'line' | 'column'> {
  if (source.kind === 'default') return {};
  return {
    ...(source.file === undefined ? {} : { file: source.file }),
    ...(source.line === undefined ? {} : { line: source.line }),
    ...(source.kind === 'file' && source.column !== undefined ? { column: source.column } : {}),
  };
}

/** Reads keys of the table with their types; collects the problems. */
export class KeyReader {
  readonly #layers: Layers;
  readonly #report: (problem: Problem) => void;
  constructor(layers: Layers, report: (problem: Problem) => void) {
    this.#layers = layers;
    this.#report = report;
  }

  value<N extends KeyName>(name: N, star?: string): ValueOf<N> {
    return this.resolved(name, star).value as ValueOf<N>;
  }

  resolved(name: KeyName, star?: string): Resolved {
    return resolveKey(name, keys[name], this.#layers, this.#report, star);
  }

  isSet(name: KeyName): boolean {
    return this.resolved(name).winner.source.kind !== 'default';
  }
}
