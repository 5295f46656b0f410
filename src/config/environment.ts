/**
 * The environment as the product sees it: `.env` of the home over the inherited environment over a project's
 * `.env` (gateway-core §2.1 item 1). An empty value counts as unset, also when `.env` empties an inherited one.
 */
import { parseEnv } from 'node:util';
import { readText } from './document.ts';

export interface EnvHit {
  readonly value: string;
  readonly from: 'environment' | '.env';
  readonly file?: string;
  readonly line?: number;
}

export interface Environment {
  get(name: string): string | undefined;
  /** Every layer that sets it, the one that counts first. */
  hits(name: string): readonly EnvHit[];
  /** What counts, by name. */
  readonly all: Readonly<Record<string, string>>;
  /** Names written in the home's `.env`. */
  readonly written: readonly { readonly name: string; readonly line: number }[];
  readonly file: string;
}

/** One source of variables. */
interface Layer {
  readonly names: readonly string[];
  hit(name: string): EnvHit | undefined;
  readonly lines: ReadonlyMap<string, number>;
}

/** Throws CONFIG_UNREADABLE when a file is there but cannot be read. */
export function readEnvironment(
  file: string,
  inherited: Readonly<Record<string, string | undefined>>,
  projectFile?: string,
): Environment {
  const home = fileLayer(file);
  const layers = [home, processLayer(inherited)];
  if (projectFile !== undefined) layers.push(fileLayer(projectFile));
  const hits = (name: string) => {
    const found = layers.map((layer) => layer.hit(name)).filter((hit) => hit !== undefined);
    return found[0]?.value === '' ? [] : found.filter((hit) => hit.value !== '');
  };
  const all: Record<string, string> = {};
  for (const name of new Set(layers.flatMap((layer) => layer.names))) {
    const hit = hits(name)[0];
    if (hit !== undefined) all[name] = hit.value;
  }
  return {
    get: (name) => all[name],
    hits,
    all,
    written: [...home.lines].map(([name, line]) => ({ name, line })),
    file,
  };
}

function processLayer(inherited: Readonly<Record<string, string | undefined>>): Layer {
  return {
    names: Object.keys(inherited),
    lines: new Map(),
    hit(name) {
      const value = inherited[name];
      return value === undefined ? undefined : { value, from: 'environment' };
    },
  };
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/;

function fileLayer(file: string): Layer {
  const source = (readText(file) ?? '').replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const values = parseEnv(source);
  const lines = new Map<string, number>();
  for (const [index, line] of source.split('\n').entries()) {
    const name = assignment.exec(line)?.[1];
    // Text inside a multi-line quoted value may look like an assignment; only names that were read count.
    if (name !== undefined && values[name] !== undefined) lines.set(name, index + 1);
  }
  return {
    names: Object.keys(values),
    lines,
    hit(name) {
      const value = values[name];
      const line = lines.get(name);
      if (value === undefined) return undefined;
      return { value, from: '.env', file, ...(line === undefined ? {} : { line }) };
    },
  };
}
