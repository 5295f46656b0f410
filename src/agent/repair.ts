/**
 * The alternation rules of a conversation (agent-runtime §1.3): repaired before every call, never refused. Pure; the
 * stored transcript is not touched.
 */
import type { Content, ContentPart, Message, ToolCall } from '../core/message.ts';

type Assistant = Extract<Message, { role: 'assistant' }>;
type ToolResult = Extract<Message, { role: 'tool' }>;

/** Stands in for a result that is missing. */
export const missingResult = '{"error":"No result was recorded for this tool call."}';
/** Strict providers refuse empty results. */
const emptyResult = '(no output)';

/**
 * Never two user or two assistant messages in a row; every tool call has exactly one result, directly after its
 * message and in call order; results without a call are gone; text is trimmed and well-formed UTF-16.
 */
export function repair(messages: readonly Message[]): Message[] {
  const results = new Map<string, ToolResult>();
  const out: Message[] = [];
  // Walking backwards gives every call the result that follows it, even where an id was used twice.
  for (const message of messages.toReversed()) {
    switch (message.role) {
      case 'tool':
        results.set(message.toolCallId, message);
        break;
      case 'user':
        out.push(...cleanUser(message));
        break;
      case 'assistant': {
        const cleaned = cleanAssistant(message);
        if (cleaned === undefined) break;
        const calls = cleaned.toolCalls ?? [];
        for (const call of calls.toReversed()) out.push(resultOf(call, results));
        results.clear();
        out.push(cleaned);
        break;
      }
      default:
        message satisfies never;
    }
  }
  return merged(out.toReversed());
}

/** Every provider-opaque field removed, e.g. after the provider refused a signature. */
export function withoutOpaque(messages: readonly Message[]): Message[] {
  return messages.map((message) => {
    if (message.role !== 'assistant') return message;
    const { meta: _meta, toolCalls, ...rest } = message;
    return {
      ...rest,
      ...(toolCalls && {
        toolCalls: toolCalls.map(({ id, name, arguments: args }) => ({ id, name, arguments: args })),
      }),
    };
  });
}

function cleanUser(message: Extract<Message, { role: 'user' }>): Message[] {
  const content = cleanContent(message.content);
  return content.length === 0 ? [] : [{ ...message, content }];
}

function cleanContent(content: Content): Content {
  if (typeof content === 'string') return tidy(content);
  return content.flatMap((part): ContentPart[] => {
    if (part.type !== 'text') return [part];
    const text = tidy(part.text);
    return text === '' ? [] : [{ type: 'text', text }];
  });
}

function cleanAssistant(message: Assistant): Assistant | undefined {
  const content = tidy(message.content);
  const calls = distinct(message.toolCalls ?? []);
  if (content === '' && calls.length === 0) return undefined;
  const { toolCalls: _calls, ...rest } = message;
  return { ...rest, content, ...(calls.length > 0 && { toolCalls: calls }) };
}

function distinct(calls: readonly ToolCall[]): readonly ToolCall[] {
  const seen = new Set<string>();
  return calls.filter((call) => !seen.has(call.id) && seen.add(call.id));
}

function resultOf(call: ToolCall, results: ReadonlyMap<string, ToolResult>): ToolResult {
  const found = results.get(call.id);
  const content = found === undefined ? missingResult : tidy(found.content) || emptyResult;
  return { role: 'tool', toolCallId: call.id, name: call.name, content };
}

function merged(messages: readonly Message[]): Message[] {
  const out: Message[] = [];
  for (const message of messages) {
    const last = out.at(-1);
    if (last?.role === 'user' && message.role === 'user') {
      out[out.length - 1] = { ...last, content: joined(last.content, message.content) };
    } else if (last?.role === 'assistant' && message.role === 'assistant') {
      out[out.length - 1] = joinedAssistant(last, message);
    } else out.push(message);
  }
  return out;
}

function joined(a: Content, b: Content): Content {
  if (typeof a === 'string' && typeof b === 'string') return `${a}\n\n${b}`;
  const parts = (content: Content): readonly ContentPart[] =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return [...parts(a), ...parts(b)];
}

/** Opaque data describes one unaltered answer, so it does not survive a merge. */
function joinedAssistant(a: Assistant, b: Assistant): Assistant {
  return {
    role: 'assistant',
    content: [a.content, b.content].filter((text) => text !== '').join('\n\n'),
    ...(b.reasoning !== undefined && { reasoning: b.reasoning }),
    ...(b.toolCalls && { toolCalls: b.toolCalls }),
  };
}

function tidy(text: string): string {
  return text.trim().toWellFormed();
}
