/**
 * Reasoning that callers carry for us (Open Responses §14, `include: ["reasoning.encrypted_content"]`): what a provider
 * wants back with an assistant message, sealed, so that a conversation that is stored nowhere loses nothing.
 */
import type { Message, ProviderMeta } from '../../core/message.ts';

type Assistant = Extract<Message, { role: 'assistant' }>;

export interface Thoughts {
  readonly reasoning?: string | undefined;
  readonly meta?: ProviderMeta | undefined;
  /** Opaque data of the message's calls, in their order. */
  readonly calls?: readonly (ProviderMeta | null)[];
}

/** Keeps these texts apart from the other ones the same seal closes. */
const prefix = 'thoughts\0';

export const sealThoughts = (thoughts: Thoughts): string => `${prefix}${JSON.stringify(thoughts)}`;

/** Undefined when the opened text is something else. */
export function openThoughts(text: string): Thoughts | undefined {
  return text.startsWith(prefix) ? (JSON.parse(text.slice(prefix.length)) as Thoughts) : undefined;
}

/** The message as the provider made it. */
export function withThoughts(message: Assistant, { reasoning, meta, calls = [] }: Thoughts): Assistant {
  const toolCalls = message.toolCalls?.map((call, i) => {
    const own = calls[i];
    return own ? { ...call, meta: own } : call;
  });
  return {
    ...message,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(meta === undefined ? {} : { meta }),
    ...(toolCalls === undefined ? {} : { toolCalls }),
  };
}
