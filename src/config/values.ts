/**
 * How a raw value (YAML node, JSON value or environment text) becomes a typed one. Every reader accepts the
 * text form too, because the same key may come from a variable. Outputs use the units of `Settings`.
 */
import { z } from 'zod';

/** Spellings of gateway-core §2.1 item 6. */
const truths = new Set(['true', '1', 'yes', 'on']);
const lies = new Set(['false', '0', 'no', 'off']);

/** `undefined` = not a boolean in any documented spelling. */
export function toBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw;
  const word = typeof raw === 'string' || typeof raw === 'number' ? String(raw).trim().toLowerCase() : '';
  if (truths.has(word)) return true;
  return lies.has(word) ? false : undefined;
}

/** `undefined` from `read` = not of this type; `expected` completes the sentence "expected …". */
function reader<T>(expected: string, read: (raw: unknown) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((raw, context): T => {
    const value = read(raw);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

function toNumber(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) ? raw : undefined;
  if (typeof raw !== 'string' || !/^[-+]?(\d+\.?\d*|\.\d+)$/.test(raw.trim())) return undefined;
  return Number(raw);
}

interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Values outside are moved to the border instead of refused. */
  readonly clamp?: boolean;
  /** The output is the input times this. */
  readonly times?: number;
}

function inRange(value: number | undefined, range: Range): number | undefined {
  if (value === undefined) return undefined;
  const low = range.min ?? Number.NEGATIVE_INFINITY;
  const high = range.max ?? Number.POSITIVE_INFINITY;
  if (value >= low && value <= high) return value * (range.times ?? 1);
  return range.clamp ? Math.min(high, Math.max(low, value)) * (range.times ?? 1) : undefined;
}

function borders(range: Range): string {
  if (range.clamp) return '';
  if (range.min !== undefined && range.max !== undefined) return ` from ${range.min} to ${range.max}`;
  return range.min === undefined ? '' : ` of at least ${range.min}`;
}

export const flag = () => reader('true or false', toBoolean);

export const whole = (range: Range = {}) =>
  reader(`a whole number${borders(range)}`, (raw) => {
    const value = toNumber(raw);
    return value !== undefined && Number.isSafeInteger(value) ? inRange(value, range) : undefined;
  });

export const decimal = (range: Range = {}) =>
  reader(`a number${borders(range)}`, (raw) => inRange(toNumber(raw), range));

/** Seconds in the file, milliseconds in `Settings`. */
export const seconds = (range: Range = { min: 0 }) =>
  reader(`a number of seconds${borders(range)}`, (raw) => inRange(toNumber(raw), { ...range, times: 1000 }));

export const minutes = (range: Range = { min: 1 }) =>
  reader(`a number of minutes${borders(range)}`, (raw) =>
    inRange(toNumber(raw), { ...range, times: 60_000 }),
  );

/** Megabytes in the file, bytes in `Settings`. */
export const megabytes = () =>
  reader('a number of megabytes above 0', (raw) => {
    const value = toNumber(raw);
    return value !== undefined && value > 0 ? Math.round(value * 1024 * 1024) : undefined;
  });

/** A number is taken as its text (ids); a boolean, list or mapping is refused. */
export const text = () =>
  reader('text', (raw) => {
    if (typeof raw === 'string') return raw;
    return typeof raw === 'number' ? String(raw) : undefined;
  });

/** One of `options`; a YAML 1.1 boolean (`off`, `on` unquoted) means the word. */
export const choice = <const O extends string>(options: readonly O[]) =>
  reader<O>(`one of ${options.join(', ')}`, (raw) => {
    const word = typeof raw === 'boolean' ? (raw ? 'on' : 'off') : raw;
    if (typeof word !== 'string') return undefined;
    return options.find((option) => option === word.trim().toLowerCase());
  });

/** A YAML list, a comma-separated text or one number; spaces trimmed, empty items dropped. */
export const names = () =>
  reader<readonly string[]>('a list or comma-separated text', (raw) => {
    const items = typeof raw === 'string' ? raw.split(',') : Array.isArray(raw) ? raw : [raw];
    if (!items.every((item) => typeof item === 'string' || typeof item === 'number')) return undefined;
    return items.map((item) => String(item).trim()).filter((item) => item !== '');
  });

/** Hosts as `host`, `host:port` or `*.suffix`; blank entries do not count. */
export const hosts = () =>
  reader<readonly string[]>('a list of hosts such as example.com or *.example.com', (raw) => {
    const found = names().safeParse(raw);
    const isHost = (entry: string) => /^(?:\*\.)?[^\s/?#@*:[\]]+(?::\d+)?$|^\[[0-9a-f:.]+\]$/i.test(entry);
    return found.success && found.data.every(isHost) ? found.data : undefined;
  });

export const mapping = () =>
  reader<Readonly<Record<string, unknown>>>('a mapping', (raw) => {
    const value = typeof raw === 'string' ? parsedJson(raw) : raw;
    return isMapping(value) ? value : undefined;
  });

/** Lists of mappings, checked entry by entry by whoever reads them; one mapping counts as a list of one. */
export const entries = () =>
  reader<readonly Readonly<Record<string, unknown>>[]>('a list of mappings', (raw) => {
    const items = Array.isArray(raw) ? raw : [raw];
    return items.every(isMapping) ? items : undefined;
  });

/** Known and accepted in any shape: its own part of the product checks it. */
export const anything = () => reader<unknown>('a value', (raw) => raw);

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsedJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
