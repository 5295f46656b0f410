import type { OutputItem } from './resource.ts';

/**
 * How tools that the server ran are shown: as the pair of items that hermes clients know (default), as one item of our
 * own type, as a hosted call of the official API, or not at all (Open Responses §18, api-server §16.19).
 */
export const toolItemKinds = ['function_call', 'hermes:tool_call', 'mcp_call', 'none'] as const;
export type ToolItems = (typeof toolItemKinds)[number];

/**
 * Clients that take every `function_call` for one of their own tools, or refuse its output (api-server §16.18 and 19),
 * by the `User-Agent` they send. A hosted call is the form they know for what ran on a server.
 */
const executors: readonly RegExp[] = [/^ai\/\d|\bai-sdk[/-]/, /^langchainjs-openai\//];

/** What a client takes that did not say what it wants. */
export function toolItemsFor(userAgent: string | undefined): ToolItems {
  const executes = executors.some((pattern) => pattern.test(userAgent ?? ''));
  return executes ? 'mcp_call' : 'function_call';
}

export interface ToolCallFacts {
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface ToolEnd {
  readonly text: string;
  readonly isError: boolean;
  /** The turn ended while the tool ran. */
  readonly isCut: boolean;
  readonly ms?: number;
}

/** One item for the whole call, for the two kinds that have one; without `end` the call is running. */
export function singleItem(
  kind: 'hermes:tool_call' | 'mcp_call',
  call: ToolCallFacts,
  end?: ToolEnd,
): OutputItem {
  const status =
    end === undefined ? 'in_progress' : end.isCut ? 'incomplete' : end.isError ? 'failed' : 'completed';
  if (kind === 'mcp_call') {
    const { call_id: _hosted, ...facts } = call;
    return {
      type: kind,
      ...facts,
      server_label: 'hermes',
      output: end === undefined || end.isError ? null : end.text,
      error: end?.isError ? end.text : null,
      status,
    };
  }
  return {
    type: kind,
    ...call,
    status,
    output: end?.text ?? null,
    ...(end?.ms === undefined ? {} : { duration_ms: Math.round(end.ms) }),
  };
}

const longArgument = 500;
const longOutput = 1_000;
const trimmedKeys: ReadonlySet<string> = new Set(['content', 'query', 'pattern', 'old_string', 'new_string']);

/** Shortens what earlier events of the same stream carried in full (api-server §7.3.6). */
export function trimmed(item: OutputItem): OutputItem {
  switch (item.type) {
    case 'function_call':
    case 'hermes:tool_call':
    case 'mcp_call': {
      const shorter = { ...item, arguments: trimmedArguments(item.arguments) };
      return shorter.type === 'function_call' || shorter.output === null
        ? shorter
        : { ...shorter, output: trimmedText(shorter.output) };
    }
    case 'function_call_output': {
      const { output } = item;
      if (typeof output === 'string') return { ...item, output: trimmedText(output) };
      return { ...item, output: output.map((part) => ({ ...part, text: trimmedText(part.text) })) };
    }
    case 'message':
    case 'reasoning':
      return item;
    default:
      return item satisfies never;
  }
}

function trimmedText(text: string): string {
  if (text.length <= longOutput) return text;
  return `${text.slice(0, 500).toWellFormed()}...[${text.length - 500} more chars]`;
}

function trimmedArguments(json: string): string {
  if (json.length <= longArgument) return json;
  let args: unknown;
  try {
    args = JSON.parse(json);
  } catch {
    return json;
  }
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return json;
  const shorter = Object.entries(args).map(([key, value]) => [
    key,
    typeof value === 'string' && value.length > longArgument && trimmedKeys.has(key)
      ? `[${value.length} chars — truncated for response.completed]`
      : value,
  ]);
  return JSON.stringify(Object.fromEntries(shorter));
}
