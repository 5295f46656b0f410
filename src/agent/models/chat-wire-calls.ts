/**
 * Tool calls out of streamed fragments (agent-runtime §6.1). Fragments belong together by `index`; servers also leave
 * the index or the id out, repeat the whole name, or use one index for several calls.
 */
import type { Clock } from '../../core/clock.ts';
import type { ToolCall } from '../../core/message.ts';

/** One element of `delta.tool_calls` as it came: nothing in it can be relied on. */
export interface Fragment {
  readonly index?: unknown;
  readonly id?: unknown;
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown } | null;
  /** Google's thought signatures, which have to come back with their call. */
  readonly extra_content?: unknown;
}

interface Building {
  readonly index: number | undefined;
  id: string;
  name: string;
  arguments: string;
  extra: unknown;
}

export class CallFragments {
  readonly #all: Building[] = [];
  readonly #latestAt = new Map<number, Building>();

  get started(): boolean {
    return this.#all.length > 0;
  }

  add(fragment: Fragment): void {
    const index = typeof fragment.index === 'number' ? fragment.index : undefined;
    const id = text(fragment.id);
    const name = text(fragment.function?.name);
    const args = argumentText(fragment.function?.arguments);
    let call = this.#find(index, id, name, args);
    if (call === undefined) {
      // A fragment that says nothing opens nothing.
      if (name === '' && id === '' && args === '') return;
      call = { index, id, name, arguments: '', extra: undefined };
      this.#all.push(call);
      if (index !== undefined) this.#latestAt.set(index, call);
    }
    call.id ||= id;
    call.name ||= name;
    call.arguments += args;
    call.extra = fragment.extra_content ?? call.extra;
  }

  /** The calls in the order of their indices. Undefined = one of them never got a name. */
  finished(issuer: string, clock: Clock): ToolCall[] | undefined {
    if (this.#all.some((call) => call.name === '')) return undefined;
    const indexed = this.#all.every((call) => call.index !== undefined);
    const ordered = indexed ? this.#all.toSorted((a, b) => a.index! - b.index!) : this.#all;
    const used = new Set<string>();
    return ordered.map((call): ToolCall => {
      const id = call.id === '' || used.has(call.id) ? `call_${clock.hex(12)}` : call.id;
      used.add(id);
      const data = { openaiCompatible: { extra_content: call.extra } };
      return {
        id,
        name: call.name,
        arguments: call.arguments,
        ...(call.extra !== undefined && { meta: { provider: issuer, data } }),
      };
    });
  }

  /** The call that a fragment continues; undefined = it begins one. */
  #find(index: number | undefined, id: string, name: string, args: string): Building | undefined {
    const sameId = id === '' ? undefined : this.#all.findLast((call) => call.id === id);
    if (index === undefined) {
      if (sameId !== undefined) return begins(sameId, name, args) ? undefined : sameId;
      return name === '' ? this.#all.at(-1) : undefined;
    }
    const latest = this.#latestAt.get(index);
    if (latest === undefined) return undefined;
    const isOther = id !== '' && latest.id !== '' && id !== latest.id;
    // Without a name it cannot be a call of its own, whatever its id says.
    if (isOther && name !== '') return sameId?.index === index ? sameId : undefined;
    return begins(latest, name, args) ? undefined : latest;
  }
}

/** A named fragment on the place of another call: a different tool, or the same one after complete arguments. */
function begins(call: Building, name: string, args: string): boolean {
  if (name === '' || call.name === '') return false;
  if (name !== call.name) return true;
  return args.trimStart().startsWith('{') && isWhole(call.arguments);
}

function isWhole(args: string): boolean {
  if (!args.trimEnd().endsWith('}')) return false;
  try {
    JSON.parse(args);
    return true;
  } catch {
    return false;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' && value.trim() !== '' ? value : '';
}

/** Some servers send the arguments as the object itself. */
function argumentText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : '';
}
