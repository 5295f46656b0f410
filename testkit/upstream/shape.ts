import type { Json } from './types.ts';

/** Small readers for bodies that come from outside; they answer undefined for anything of another shape. */
export function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function list(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The text of a content value: a string, or the joined `text` of its parts. */
export function contentText(value: unknown): string {
  if (typeof value === 'string') return value;
  return (list(value) ?? []).map((part) => text(object(part)?.['text']) ?? '').join('');
}

/** One server-sent event with `data` only. */
export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** One server-sent event whose name repeats the `type` of its object. */
export function event(value: { readonly type: string }): string {
  return `event: ${value.type}\n${data(value)}`;
}

/** Cuts tool arguments into fragments as vendors do: never on a JSON border only. */
export function fragments(value: string): string[] {
  return value.match(/[\s\S]{1,12}/g) ?? [''];
}

const toolName = /^[a-zA-Z0-9_-]{1,64}$/;

/** Why a function declaration is refused; the same rule at all vendors, words differ. */
export function badFunction(name: unknown, parameters: unknown): string | undefined {
  if (typeof name !== 'string' || !toolName.test(name))
    return `invalid function name ${JSON.stringify(name)}`;
  if (parameters !== undefined && object(parameters)?.['type'] !== 'object') {
    return `schema of function '${name}' must be of type 'object'`;
  }
  return undefined;
}
