/** What a model writes as a tool call → something that can be run, or the sentence that sends it back (§5.3). */
import { distance } from 'fastest-levenshtein';
import type { ToolCall } from '../core/message.ts';
import type { ToolSchema } from './contract.ts';

const closeEnough = 0.7;

/** The tool the model most likely meant; undefined when nothing is close. */
export function repairName(name: string, available: Iterable<string>): string | undefined {
  const names = [...available];
  const snake = name
    .replace(/^(functions?|tools?)[.:/]/i, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[\s-]+/g, '_')
    .toLowerCase()
    .replace(/[^a-z0-9_].*$/, '')
    .replace(/^_+|_+$/g, '');
  const candidates = [name, name.toLowerCase(), snake, snake.replace(/_(tool|function)$/, '')];
  for (const candidate of candidates) if (names.includes(candidate)) return candidate;
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const known of names) {
    const score = 1 - distance(snake, known) / Math.max(snake.length, known.length, 1);
    if (score >= closeEnough && score > (best?.score ?? 0)) best = { name: known, score };
  }
  return best?.name;
}

export type Arguments =
  | { readonly kind: 'ok'; readonly value: Readonly<Record<string, unknown>> }
  /** Cut off in the middle: must not be run, and sending it back would not help. */
  | { readonly kind: 'truncated' }
  | { readonly kind: 'invalid'; readonly why: string };

export function readArguments(text: string): Arguments {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'ok', value: {} };
  try {
    const value: unknown = JSON.parse(trimmed);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { kind: 'ok', value: value as Record<string, unknown> };
    }
    return { kind: 'invalid', why: 'the arguments must be a JSON object' };
  } catch (error) {
    if (!/[}\]]$/.test(trimmed)) return { kind: 'truncated' };
    return { kind: 'invalid', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Numbers, booleans, lists and objects that were written as strings, where the schema wants the real thing. */
export function coerce(
  value: Readonly<Record<string, unknown>>,
  schema: ToolSchema,
): Record<string, unknown> {
  const properties = (schema.parameters['properties'] ?? {}) as Readonly<Record<string, { type?: unknown }>>;
  return Object.fromEntries(
    Object.entries(value).map(([name, given]) => [name, coerced(given, properties[name]?.type)]),
  );
}

function coerced(given: unknown, type: unknown): unknown {
  if (typeof given !== 'string' || type === 'string' || (Array.isArray(type) && type.includes('string')))
    return given;
  const text = given.trim();
  switch (type) {
    case 'number':
    case 'integer': {
      const number = text === '' ? Number.NaN : Number(text);
      return Number.isFinite(number) && (type === 'number' || Number.isInteger(number)) ? number : given;
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : given;
    case 'array':
    case 'object': {
      try {
        const parsed: unknown = JSON.parse(text);
        const fits =
          type === 'array' ? Array.isArray(parsed) : typeof parsed === 'object' && !Array.isArray(parsed);
        return fits && parsed !== null ? parsed : given;
      } catch {
        return given;
      }
    }
    default:
      return given;
  }
}

/** Identical calls of one message once; ids made unique, because some servers repeat them. */
export function distinctCalls(calls: readonly ToolCall[]): ToolCall[] {
  const seen = new Set<string>();
  const ids = new Set<string>();
  const out: ToolCall[] = [];
  for (const call of calls) {
    const key = `${call.name} ${call.arguments}`;
    if (seen.has(key)) continue;
    seen.add(key);
    let id = call.id;
    for (let n = 2; ids.has(id); n++) id = `${call.id}_${n}`;
    ids.add(id);
    out.push(id === call.id ? call : { ...call, id });
  }
  return out;
}
