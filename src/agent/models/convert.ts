/**
 * Conversation → prompt of the AI SDK language-model interface. Provider-opaque data goes back only to the endpoint
 * that made it (agent-runtime §8); everything else is re-mapped from our own fields.
 */
import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ReasoningPart,
  LanguageModelV4TextPart,
  LanguageModelV4ToolCallPart,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import type { Content, ContentPart, Message } from '../../core/message.ts';
import { repair } from '../repair.ts';
import type { Mode } from './registry.ts';

/** Content order of one answer, kept when some part of it carries opaque data. */
export type Block =
  | { readonly type: 'reasoning'; readonly text: string; readonly options: SharedV4ProviderOptions }
  /** `text` is absent when the answer has one text block: then it is the message's content. */
  | { readonly type: 'text'; readonly text?: string; readonly options?: SharedV4ProviderOptions };

/** `data` of an assistant message's `ProviderMeta`. */
export interface Opaque {
  readonly blocks?: readonly Block[];
  /** OpenRouter's own reasoning blocks, sent back unmodified. */
  readonly reasoningDetails?: readonly unknown[];
}

export interface ConvertOptions {
  readonly mode: Mode;
  /** Provider and endpoint; what `ProviderMeta.provider` must equal. */
  readonly issuer: string;
  readonly vision: boolean;
  /** The endpoint wants `reasoning_content` on every assistant message (DeepSeek, Kimi, MiMo). */
  readonly echoReasoning: boolean;
}

type Assistant = Extract<Message, { role: 'assistant' }>;
type AssistantPart = LanguageModelV4TextPart | LanguageModelV4ReasoningPart | LanguageModelV4ToolCallPart;

export const imageOmitted = '[an image was left out: this model cannot see images]';
const ephemeral: SharedV4ProviderOptions = { anthropic: { cacheControl: { type: 'ephemeral' } } };
/** agent-runtime §6.4: the system prompt and the last three messages. */
const cachedTail = 3;

export function toPrompt(
  system: string,
  messages: readonly Message[],
  options: ConvertOptions,
): LanguageModelV4Prompt {
  const repaired = repair(messages);
  const latestTurn = repaired.findLastIndex((message) => message.role === 'user');
  const prompt: LanguageModelV4Prompt = [];
  // The Responses wire takes the system text as `instructions`.
  if (system !== '' && options.mode !== 'responses') prompt.push({ role: 'system', content: system });
  const first = repaired[0]?.role;
  if (
    (options.mode === 'anthropic' || options.mode === 'google') &&
    first !== undefined &&
    first !== 'user'
  ) {
    prompt.push({ role: 'user', content: [{ type: 'text', text: '(earlier conversation)' }] });
  }
  for (const [index, message] of repaired.entries()) {
    prompt.push(toMessage(message, index > latestTurn, options));
  }
  return options.mode === 'anthropic' ? withCacheMarks(prompt) : prompt;
}

function toMessage(message: Message, inLatestTurn: boolean, options: ConvertOptions): LanguageModelV4Message {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: userParts(message.content, options.vision) };
    case 'assistant':
      return assistant(message, inLatestTurn, options);
    case 'tool': {
      const { toolCallId, name: toolName, content: value } = message;
      return {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId, toolName, output: { type: 'text', value } }],
      };
    }
    default:
      return message satisfies never;
  }
}

function userParts(content: Content, vision: boolean): (LanguageModelV4TextPart | LanguageModelV4FilePart)[] {
  const parts: readonly ContentPart[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return parts.map((part) => {
    if (part.type === 'text') return part;
    return (vision ? imagePart(part.image_url.url) : undefined) ?? { type: 'text', text: imageOmitted };
  });
}

function imagePart(url: string): LanguageModelV4FilePart | undefined {
  const inline = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w=.-]+)*;base64,/i.exec(url);
  if (inline !== null) {
    const data = url.slice(inline[0].length);
    return { type: 'file', mediaType: inline[1] ?? 'image/png', data: { type: 'data', data } };
  }
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return undefined;
  return { type: 'file', mediaType: 'image/*', data: { type: 'url', url: new URL(url) } };
}

function assistant(
  message: Assistant,
  inLatestTurn: boolean,
  options: ConvertOptions,
): LanguageModelV4Message {
  const own = message.meta?.provider === options.issuer;
  const opaque: Opaque | undefined = own ? (message.meta?.data as Opaque) : undefined;
  // Anthropic takes signed thinking of the current turn only; older blocks would have to be stripped by it anyway.
  const keepsReasoning = options.mode !== 'anthropic' || inLatestTurn;
  const parts: AssistantPart[] = inOrder(message, opaque?.blocks ?? [], keepsReasoning, options.mode);
  if (options.echoReasoning) parts.unshift({ type: 'reasoning', text: echo(message, own) });
  for (const call of message.toolCalls ?? []) {
    const sameIssuer = call.meta?.provider === options.issuer;
    parts.push({
      type: 'tool-call',
      toolCallId: call.id,
      toolName: call.name,
      input: canonicalArguments(call.arguments),
      ...(sameIssuer && { providerOptions: call.meta?.data as SharedV4ProviderOptions }),
    });
  }
  const details = opaque?.reasoningDetails as SharedV4ProviderOptions[string][string] | undefined;
  return {
    role: 'assistant',
    content: parts,
    ...(details !== undefined && { providerOptions: { openaiCompatible: { reasoning_details: details } } }),
  };
}

function inOrder(
  message: Assistant,
  blocks: readonly Block[],
  keepsReasoning: boolean,
  mode: Mode,
): AssistantPart[] {
  const texts = blocks.filter((block) => block.type === 'text');
  const whole = texts.map((block) => block.text ?? message.content).join('');
  // A message that was altered after it was made (merged, redacted) goes as plain text behind its reasoning.
  const faithful = texts.length > 0 && whole.trim() === message.content;
  const parts: AssistantPart[] = [];
  for (const block of mode === 'responses' ? oneItemEach(blocks) : blocks) {
    if (block.type === 'reasoning') {
      if (keepsReasoning) parts.push({ type: 'reasoning', text: block.text, providerOptions: block.options });
    } else if (faithful) {
      const text = block.text ?? message.content;
      parts.push({ type: 'text', text, ...(block.options && { providerOptions: block.options }) });
    }
  }
  if (!faithful && message.content !== '') parts.push({ type: 'text', text: message.content });
  return parts;
}

/**
 * Responses reasoning is replayed without its item id: nothing is stored at the vendor, so the id leads nowhere.
 * Summary parts of one item become one part, as only the id had held them together.
 */
function oneItemEach(blocks: readonly Block[]): Block[] {
  const out: Block[] = [];
  let lastItem: unknown;
  for (const block of blocks) {
    const { itemId, ...openai } = block.options?.['openai'] ?? {};
    const last = out.at(-1);
    if (
      block.type === 'reasoning' &&
      last?.type === 'reasoning' &&
      itemId !== undefined &&
      lastItem === itemId
    ) {
      const text = [last.text, block.text].filter((piece) => piece !== '').join('\n\n');
      const options = { openai: { ...last.options['openai'], ...openai } };
      out[out.length - 1] = { type: 'reasoning', text, options };
    } else out.push(block.options === undefined ? block : { ...block, options: { openai } });
    lastItem = itemId;
  }
  return out;
}

/** Providers that demand the echo refuse an empty string; text of another provider is not passed on. */
function echo(message: Assistant, own: boolean): string {
  return (own || message.toolCalls === undefined ? message.reasoning?.trim() : undefined) || ' ';
}

/** Parsed with sorted keys, so that equal calls are equal bytes for the provider's prefix cache. */
function canonicalArguments(args: string): unknown {
  try {
    const value: unknown = JSON.parse(args || '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? sorted(value) : {};
  } catch {
    return {};
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function withCacheMarks(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  return prompt.map((message, index) =>
    message.role === 'system' || index >= prompt.length - cachedTail
      ? { ...message, providerOptions: { ...message.providerOptions, ...ephemeral } }
      : message,
  );
}
