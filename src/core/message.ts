/** A conversation as the agent sees it and the store keeps it. */

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url';
      readonly image_url: { readonly url: string; readonly detail?: string };
    };

export type Content = string | readonly ContentPart[];

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text exactly as the model wrote it; parsed only when the tool runs. */
  readonly arguments: string;
  /** Opaque provider data (e.g. thought signatures), sent back unchanged to the same provider. */
  readonly meta?: ProviderMeta;
}

/** Opaque per-provider data; dropped when the provider changes. */
export interface ProviderMeta {
  readonly provider: string;
  readonly data: unknown;
}

export type Message =
  | { readonly role: 'user'; readonly content: Content; readonly name?: string }
  | {
      readonly role: 'assistant';
      readonly content: string;
      readonly reasoning?: string;
      readonly toolCalls?: readonly ToolCall[];
      readonly meta?: ProviderMeta;
    }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly name: string; readonly content: string };

/** Token counts of one or more model calls; input is cache-inclusive. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
}

export const noUsage: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    reasoning: a.reasoning + b.reasoning,
  };
}

/** The plain text of a content value; images become nothing. */
export function textOf(content: Content): string {
  if (typeof content === 'string') return content;
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}
