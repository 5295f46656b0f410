/**
 * What may be stored of the messages of a turn: secrets are taken out of assistant texts and tool arguments
 * (agent-runtime §8). Within the turn the model goes on with its own words.
 */
import type { Message, ToolCall } from '../core/message.ts';

type Assistant = Extract<Message, { role: 'assistant' }>;
export type Redact = (text: string) => string;

/** Unchanged messages are the same objects. Opaque data that belongs to changed text goes: its signature is dead. */
export function storable(messages: readonly Message[], redact: Redact): readonly Message[] {
  return messages.map((message) => (message.role === 'assistant' ? assistant(message, redact) : message));
}

function assistant(message: Assistant, redact: Redact): Assistant {
  const content = redact(message.content);
  const reasoning = message.reasoning === undefined ? undefined : redact(message.reasoning);
  const toolCalls = message.toolCalls?.map((call) => storableCall(call, redact));
  const sameText = content === message.content && reasoning === message.reasoning;
  const same = sameText && (toolCalls ?? []).every((call, index) => call === message.toolCalls?.[index]);
  if (same) return message;
  const { meta, ...rest } = message;
  return {
    ...rest,
    content,
    ...(reasoning !== undefined && { reasoning }),
    ...(toolCalls && { toolCalls }),
    ...(sameText && meta && { meta }),
  };
}

function storableCall(call: ToolCall, redact: Redact): ToolCall {
  const text = storableArguments(call.arguments, redact);
  return text === call.arguments ? call : { id: call.id, name: call.name, arguments: text };
}

/** Value by value, so that what was JSON stays JSON. */
function storableArguments(text: string, redact: Redact): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return redact(text);
  }
  let changed = false;
  const clean = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => clean(each, key));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, clean(inner, name)]));
    }
    if (typeof value !== 'string') return value;
    const shown = namesSecret(key, redact) ? '***' : redact(value);
    changed ||= shown !== value;
    return shown;
  };
  const cleaned = clean(parsed, '');
  return changed ? JSON.stringify(cleaned) : text;
}

const probe = 'an-ordinary-value';

/** Whether the rules hide what stands under this name, whatever it is. */
function namesSecret(key: string, redact: Redact): boolean {
  const field = JSON.stringify({ [key]: probe });
  return key !== '' && redact(field) !== field;
}
