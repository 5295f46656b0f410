/**
 * Templates of routes (webhooks §5). Pure and bounded: whatever a payload holds, the result has a limit, and values
 * are put in once, never read again as a template.
 */

export interface Values {
  readonly payload: unknown;
  readonly event: string;
}

const placeholder = /\{([A-Za-z0-9_.]+)\}/g;
const mostOfObject = 2_000;
export const mostOfPayload = 4_000;
/** Longest single text value; a pull request's description is shorter. */
const mostOfText = 65_536;
const mostInAll = 262_144;

/** Placeholders without a value stay as they are written. */
export function render(template: string, values: Values): string {
  const text = template.replace(placeholder, (literal, path: string) => filled(path, values) ?? literal);
  return cut(text, mostInAll);
}

export function hasPlaceholder(template: string): boolean {
  return template.search(placeholder) >= 0;
}

/** A bare field or a template; undefined as long as one of its values is missing or empty. */
export function renderWhole(template: string, values: Values): string | undefined {
  let isWhole = true;
  const asked = template.includes('{') ? template : `{${template}}`;
  const text = asked.replace(placeholder, (_, path: string) => {
    const value = filled(path, values) ?? '';
    isWhole &&= value !== '';
    return value;
  });
  return isWhole && hasPlaceholder(asked) ? cut(text, mostInAll) : undefined;
}

/** Texts inside are templates, everything else is passed on; only the first level counts. */
export function renderAll(
  extra: Readonly<Record<string, unknown>>,
  values: Values,
): ReadonlyMap<string, unknown> {
  return new Map(
    Object.entries(extra).map(([key, value]) => [
      key,
      typeof value === 'string' ? render(value, values) : value,
    ]),
  );
}

function filled(path: string, { payload, event }: Values): string | undefined {
  if (path === '__raw__') return dump(payload, mostOfPayload);
  if (path === 'event_type') return event;
  const value = walk(payload, path.split('.'));
  if (value === undefined) return undefined;
  if (typeof value === 'string') return cut(value, mostOfText);
  return typeof value === 'object' && value !== null ? dump(value, mostOfObject) : String(value);
}

function walk(root: unknown, names: readonly string[]): unknown {
  let at = root;
  for (const name of names) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, name))
      return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** At most `most` code points. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  let units = 0;
  for (let points = 0; points < most && units < text.length; points += 1)
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(0, units);
}

/**
 * JSON with two spaces of indentation, of which only the first `most` code points are ever written: neither depth nor
 * size of the value matters.
 */
export function dump(value: unknown, most: number): string {
  const pieces: string[] = [];
  // A code point has at most two units.
  let room = most * 2;
  const put = (text: string) => {
    pieces.push(text);
    room -= text.length;
  };
  const write = (item: unknown, indent: string): void => {
    if (room <= 0) return;
    if (typeof item === 'string') put(JSON.stringify(item.slice(0, most * 2)));
    else if (typeof item !== 'object' || item === null) put(JSON.stringify(item) ?? 'null');
    else if (Array.isArray(item)) list('[', ']', item.values(), indent, write);
    else
      list('{', '}', Object.entries(item).values(), indent, ([key, inner], deeper) => {
        put(`${JSON.stringify(key.slice(0, most * 2))}: `);
        write(inner, deeper);
      });
  };
  const list = <T>(
    open: string,
    close: string,
    items: Iterable<T>,
    indent: string,
    each: (item: T, indent: string) => void,
  ): void => {
    const deeper = `${indent}  `;
    let separator = `${open}\n${deeper}`;
    for (const item of items) {
      if (room <= 0) return;
      put(separator);
      each(item, deeper);
      separator = `,\n${deeper}`;
    }
    put(separator.startsWith(open) ? `${open}${close}` : `\n${indent}${close}`);
  };
  write(value, '');
  return cut(pieces.join(''), most);
}
