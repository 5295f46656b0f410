/**
 * One configuration file as plain data plus the position of every key. Read as YAML 1.2 (JSON is a subset), so
 * bare `off`/`on`/`yes` stay words; `values.ts` gives them their meaning per key (gateway-core §2.1 item 5).
 */
import { readFileSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { fail } from '../core/errors.ts';
import type { Problem } from './problem.ts';
import { isMapping } from './values.ts';

export type Path = readonly string[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ConfigDocument {
  readonly file: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Position of the key at `path`, else of its nearest written ancestor. */
  where(path: Path): Position | undefined;
  /** Undefined when nothing, or only `null`, is written there. */
  at(path: Path): unknown;
  readonly problems: readonly Problem[];
}

const longestFile = 1024 * 1024;
/** Against alias bombs; a real file has a few hundred nodes. */
const mostNodes = 100_000;

/** Undefined when the file does not exist. Throws CONFIG_UNREADABLE for every other failure to read it. */
export function readText(file: string): string | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > longestFile) fail('CONFIG_UNREADABLE', { file, why: 'it is larger than 1 MiB' });
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    if (error instanceof TypeError) fail('CONFIG_UNREADABLE', { file, why: 'it is not UTF-8 text' }, error);
    if (code === undefined) throw error;
    return fail('CONFIG_UNREADABLE', { file, why: `it cannot be read (${code})` }, error);
  }
}

/**
 * `substitute` gives the value of `${NAME}`; undefined leaves the text as it stands.
 * Throws CONFIG_UNREADABLE naming file, line and column when the text is not one YAML mapping.
 */
export function parseConfig(
  file: string,
  source: string,
  substitute: (name: string) => string | undefined,
): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    intAsBigInt: true,
    uniqueKeys: false,
  });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    fail('CONFIG_UNREADABLE', { file: `${file}:${line}:${col}`, why: broken.message }, broken);
  }
  const reading = new Reading(file, document, lines, substitute);
  const data = document.contents === null ? {} : reading.value(document.contents, []);
  if (data !== null && data !== undefined && !isMapping(data))
    fail('CONFIG_UNREADABLE', { file: `${file}:1:1`, why: 'it must be a mapping of keys to values' });
  const root = isMapping(data) ? data : {};
  return {
    file,
    data: root,
    problems: reading.problems,
    at: (path) => valueAt(root, path),
    where(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const found = reading.positions.get(path.slice(0, length).join('\0'));
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

export function valueAt(data: unknown, path: Path): unknown {
  let value: unknown = data;
  for (const segment of path) {
    if (!isMapping(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value ?? undefined;
}

class Reading {
  readonly positions = new Map<string, Position>();
  readonly problems: Problem[] = [];
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #substitute: (name: string) => string | undefined;
  #nodes = 0;

  constructor(
    file: string,
    document: Document.Parsed,
    lines: LineCounter,
    substitute: (name: string) => string | undefined,
  ) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
    this.#substitute = substitute;
  }

  value(node: Node | null | undefined, path: Path): unknown {
    this.#nodes += 1;
    if (this.#nodes > mostNodes || path.length > 50)
      fail('CONFIG_UNREADABLE', { file: this.#file, why: 'its aliases or nesting grow without end' });
    if (isAlias(node)) return this.value(node.resolve(this.#document), path);
    if (isMap(node)) return this.#mapping(node, path);
    if (isSeq(node))
      return node.items.map((item, index) => this.value(item as Node, [...path, String(index)]));
    if (!isScalar(node)) return undefined;
    if (typeof node.value === 'string') return this.#expand(node.value);
    if (typeof node.value !== 'bigint') return node.value;
    // Ids longer than 15 digits and phone numbers with a plus must not lose anything by being numbers.
    const number = Number(node.value);
    return Number.isSafeInteger(number) && String(number) === node.source
      ? number
      : (node.source ?? String(node.value));
  }

  #mapping(node: YAMLMap, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const merged: Record<string, unknown>[] = [];
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const name = isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : String(pair.key);
      if (name === '__proto__') continue;
      if (name === '<<') {
        const value = this.value(pair.value, path);
        merged.push(...(Array.isArray(value) ? value : [value]).filter(isMapping));
        continue;
      }
      const here = [...path, name];
      const start = (pair.key as Node | null)?.range?.[0];
      const position = start === undefined ? undefined : this.#position(start);
      if (Object.hasOwn(result, name))
        this.problems.push({
          severity: 'warning',
          path: here.join('.'),
          message: 'is written twice; the later value is used.',
          file: this.#file,
          ...position,
        });
      if (position !== undefined) this.positions.set(here.join('\0'), position);
      result[name] = this.value(pair.value, here);
    }
    return Object.assign({}, ...merged.reverse(), result);
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }

  /** `${NAME}` only; unset stays literal and `$NAME` is no reference (gateway-core §2.1 item 4). */
  #expand(raw: string): string {
    return raw.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name) => this.#substitute(name) ?? whole);
  }
}
