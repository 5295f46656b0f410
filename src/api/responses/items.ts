import { type Content, type ContentPart, type Message, type ToolCall, textOf } from '../../core/message.ts';
import { cutAt, flattenText, isCut, isVisible, normalizeContent } from '../content.ts';
import { badRequest } from '../errors.ts';
import { type Brought, listedItem, onlyFiles } from '../media/brought.ts';
import { isReference, type References } from './references.ts';
import { type Thoughts, withThoughts } from './thoughts.ts';

export type Item = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string };

export interface ReadInput {
  /** System and developer messages, joined; '' without one. */
  readonly system: string;
  readonly messages: readonly Message[];
  /** The items as they are listed later: each with a type and an id. */
  readonly items: readonly Item[];
  /** Places of items that say nothing to this server: references to what is gone, thoughts and items of others. */
  readonly ignored: readonly string[];
}

interface Reader {
  /** Text of a compaction item; throws 400 when we did not make it. */
  compacted(encrypted: string, param: string): string;
  /** What we sealed into a reasoning item; undefined when we did not make it. */
  thoughts(encrypted: string): Thoughts | undefined;
  /** The stored items behind the id of a reference; undefined when there are none. */
  referenced: References;
  /** A new item id. */
  id(prefix: string): string;
}

type Raw = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const summaryHead = '[Summary of the conversation so far]\n';

/** What a compaction item has become. */
export const isSummary = ({ role, content }: Message) =>
  role === 'user' && typeof content === 'string' && content.startsWith(summaryHead);

const prefixes: Readonly<Record<string, string>> = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  reasoning: 'rs',
  compaction: 'cmp',
};

/** Reads `input` as messages (api-server §7.1, Open Responses §4). Throws 400 with the offending `param`. */
export function readInput(input: unknown, reader: Reader, brought?: Brought): ReadInput {
  if (input === undefined || input === null) throw badRequest("Missing 'input' field", { param: 'input' });
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw badRequest("'input' must be a string or array", { param: 'input' });
  }
  const list: readonly unknown[] = typeof input === 'string' ? [input] : input;
  const target: Target = {
    system: [],
    messages: [],
    ignored: [],
    images: [],
    thoughts: undefined,
    reader,
    brought,
  };
  const items = list.map((raw, i): Item => {
    const at = `input[${i}]`;
    const item: Raw | undefined = typeof raw === 'string' ? { role: 'user', content: raw } : asObject(raw);
    if (item === undefined) throw badRequest(`${at} must be a string or an object`, { param: at });
    const type = typeOf(item);
    addItem(type, item, at, target);
    if (isCut(item.content)) target.ignored.push(cutAt(`${at}.content`));
    const id = typeof item.id === 'string' && item.id !== '' ? item.id : reader.id(prefixes[type] ?? 'item');
    const content =
      type === 'message' && typeof item.content === 'string'
        ? {
            content: [{ type: item.role === 'assistant' ? 'output_text' : 'input_text', text: item.content }],
          }
        : {};
    return listedItem({ ...item, ...content, type, id });
  });
  showImages(target);
  const { system, messages, ignored } = target;
  if (brought !== undefined && messages.at(-1)?.role === 'user')
    brought.newest = `input[${list.length - 1}].content`;
  return { system: system.join('\n'), messages, items, ignored };
}

const asObject = (value: unknown) => (isObject(value) ? value : undefined);

function typeOf(item: Raw): string {
  if (typeof item.type === 'string') return item.type;
  return isReference(item) ? 'item_reference' : 'message';
}

interface Target {
  readonly system: string[];
  readonly messages: Message[];
  readonly ignored: string[];
  /** Of the tool results just before. */
  readonly images: ContentPart[];
  /** Belong to the assistant message that follows. */
  thoughts: Thoughts | undefined;
  readonly reader: Reader;
  readonly brought: Brought | undefined;
}

/** Models take text as a tool's result, so its images follow as a message of their own, behind the last result. */
function showImages({ messages, images }: Target): void {
  if (images.length === 0) return;
  const text = 'Images of the tool results above, in their order:';
  messages.push({ role: 'user', content: [{ type: 'text', text }, ...images.splice(0)] });
}

const results: ReadonlySet<string> = new Set(['function_call_output', 'item_reference', 'reasoning']);

function addItem(type: string, item: Raw, at: string, target: Target): void {
  const { messages, reader } = target;
  if (!results.has(type)) showImages(target);
  switch (type) {
    case 'message':
      addMessage(item, at, target);
      return;
    case 'function_call':
      addCall(messages, callOf(item, at));
      addThoughts(target);
      return;
    case 'function_call_output': {
      const call = required(item, 'call_id', at);
      addResult(messages, call, outputText(item.output, `${at}.output`, target));
      return;
    }
    // What the server's own tools left in an earlier output.
    case 'hermes:tool_call':
      addCall(messages, callOf(item, at));
      addResult(messages, required(item, 'call_id', at), outputText(item.output, `${at}.output`, target));
      return;
    case 'mcp_call': {
      const id = required(item, 'id', at);
      addCall(messages, callOf({ ...item, call_id: id }, at));
      addResult(messages, id, outputText(item.output ?? item.error, `${at}.output`, target));
      return;
    }
    case 'compaction': {
      const text = reader.compacted(required(item, 'encrypted_content', at), `${at}.encrypted_content`);
      messages.push({ role: 'user', content: `${summaryHead}${text}` });
      return;
    }
    case 'item_reference': {
      const named = reader.referenced(required(item, 'id', at));
      for (const one of named ?? []) addItem(typeOf(one), one, at, target);
      if (named === undefined) target.ignored.push(at);
      return;
    }
    // Thoughts go back to the provider that had them, when we sealed them; nobody else can use them.
    case 'reasoning': {
      const sealed = item.encrypted_content;
      const thoughts = typeof sealed === 'string' ? reader.thoughts(sealed) : undefined;
      if (thoughts === undefined) target.ignored.push(at);
      else target.thoughts = { ...target.thoughts, ...thoughts };
      return;
    }
    default:
      // Items of other implementors are theirs to read.
      if (type.includes(':')) {
        target.ignored.push(at);
        return;
      }
      throw badRequest(`Unsupported input item type '${type.slice(0, 64)}'.`, { param: `${at}.type` });
  }
}

function addMessage(item: Raw, at: string, target: Target): void {
  const { system, messages, brought } = target;
  const role = item.role ?? 'user';
  switch (role) {
    case 'system':
    case 'developer': {
      const text = flattenText(item.content);
      if (text !== '') system.push(text);
      return;
    }
    case 'user':
      messages.push({ role: 'user', content: normalizeContent(item.content, `${at}.content`, brought) });
      return;
    case 'assistant':
      messages.push({ role: 'assistant', content: textOf(normalizeContent(item.content, `${at}.content`)) });
      addThoughts(target);
      return;
    default:
      throw badRequest(`Unknown message role '${String(role).slice(0, 64)}'.`, { param: `${at}.role` });
  }
}

function required(item: Raw, field: string, at: string): string {
  const value = item[field];
  if (typeof value === 'string' && value !== '') return value;
  throw badRequest(`${at} must have '${field}'.`, { param: `${at}.${field}` });
}

function callOf(item: Raw, at: string): ToolCall {
  const args = item.arguments;
  return {
    id: required(item, 'call_id', at),
    name: required(item, 'name', at),
    arguments: typeof args === 'string' && args.trim() !== '' ? args : '{}',
  };
}

/** Calls directly after one another, or after the text they came with, are one message. */
function addCall(messages: Message[], call: ToolCall): void {
  const last = messages.at(-1);
  if (last?.role === 'assistant') {
    messages[messages.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
  } else messages.push({ role: 'assistant', content: '', toolCalls: [call] });
}

/** The last message gets the thoughts that stood before it; calls that follow one another share them. */
function addThoughts(target: Target): void {
  const { messages, thoughts } = target;
  const last = messages.at(-1);
  if (thoughts === undefined || last?.role !== 'assistant') return;
  messages[messages.length - 1] = withThoughts(last, thoughts);
}

function addResult(messages: Message[], toolCallId: string, content: string): void {
  messages.push({ role: 'tool', toolCallId, name: '', content });
}

function outputText(output: unknown, param: string, { brought, images }: Target): string {
  if (output === undefined || output === null) return '';
  if (typeof output === 'string') return output;
  const content = normalizeContent(output, param, brought);
  if (content === onlyFiles) return '[file]';
  if (typeof content === 'string') return content;
  images.push(...content.filter((part) => part.type === 'image_url'));
  return textOf(content.map((part) => (part.type === 'text' ? part : { type: 'text', text: '[image]' })));
}

/** Reads `conversation_history`; undefined when absent or empty (api-server §7.1). */
export function readHistory(value: unknown, brought?: Brought): readonly Message[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) {
    throw badRequest("'conversation_history' must be an array of message objects", {
      param: 'conversation_history',
    });
  }
  const messages = value.map((entry: unknown, i): Message => {
    const at = `conversation_history[${i}]`;
    const item = asObject(entry);
    if (item === undefined || typeof item.role !== 'string' || !('content' in item)) {
      throw badRequest(`${at} must have 'role' and 'content' fields`, { param: at });
    }
    return historyMessage(item.role, item, at, brought);
  });
  return messages.length === 0 ? undefined : messages;
}

/** Also the messages of tools, as Chat Completions has them. */
function historyMessage(role: string, item: Raw, at: string, brought: Brought | undefined): Message {
  const content = () => normalizeContent(item.content, `${at}.content`, brought);
  switch (role) {
    case 'user':
      return { role, content: content() };
    // Instructions inside a history keep their place; the model is told what they are.
    case 'system':
    case 'developer':
      return { role: 'user', content: `[Instructions]\n${flattenText(item.content)}` };
    case 'assistant': {
      const calls = Array.isArray(item.tool_calls) ? item.tool_calls : [];
      const toolCalls = calls.map((call: unknown, i) => historyCall(call, `${at}.tool_calls[${i}]`));
      return { role, content: textOf(content()), ...(toolCalls.length === 0 ? {} : { toolCalls }) };
    }
    case 'tool': {
      const name = typeof item.name === 'string' ? item.name : '';
      return {
        role,
        toolCallId: required(item, 'tool_call_id', at),
        name,
        content: flattenText(item.content),
      };
    }
    default:
      throw badRequest(`Unknown message role '${role.slice(0, 64)}'.`, { param: `${at}.role` });
  }
}

function historyCall(call: unknown, at: string): ToolCall {
  const fields = asObject(call) ?? {};
  return callOf({ ...asObject(fields.function), call_id: fields.id }, at);
}

export interface Conversation {
  readonly history: readonly Message[];
  /** What the turn answers; '' when it goes on from tool results. */
  readonly input: Content;
}

/**
 * Joins what the server knows with what was sent. Sent items that repeat the stored conversation are not added twice
 * (api-server §16.20). With a chain every tool result must answer a call (Open Responses §10.9); without one, a result
 * whose call nobody knows is kept with a call made up for it, because models take results of calls only.
 */
export function joinConversation(
  stored: readonly Message[],
  sent: readonly Message[],
  isChained: boolean,
): Conversation {
  const repeats = sent.length > stored.length && stored.every((message, i) => isSame(message, sent[i]));
  const joined = withCalls(repeats ? sent : [...stored, ...sent], isChained);
  const last = joined.at(-1);
  if (last?.role === 'tool') return { history: joined, input: '' };
  if (last === undefined || sent.length === 0 || !isVisible(last.content)) {
    throw badRequest('No user message found in input', { param: 'input' });
  }
  return { history: joined.slice(0, -1), input: last.content };
}

function isSame(a: Message, b: Message | undefined): boolean {
  if (b === undefined || a.role !== b.role) return false;
  if (JSON.stringify(a.content) !== JSON.stringify(b.content)) return false;
  const ids = (message: Message) =>
    message.role === 'tool'
      ? message.toolCallId
      : message.role === 'assistant'
        ? (message.toolCalls ?? []).map((call) => call.id).join()
        : '';
  return ids(a) === ids(b);
}

function withCalls(messages: readonly Message[], isChained: boolean): Message[] {
  const names = new Map<string, string>();
  const out: Message[] = [];
  for (const message of messages) {
    if (message.role === 'assistant') {
      for (const call of message.toolCalls ?? []) names.set(call.id, call.name);
    }
    if (message.role !== 'tool') {
      out.push(message);
      continue;
    }
    const { toolCallId: id } = message;
    const name = names.get(id);
    if (name === undefined && isChained) {
      throw badRequest(`No tool call found for function call output with call_id ${id.slice(0, 64)}.`, {
        param: 'input',
      });
    }
    if (name === undefined) addCall(out, { id, name: 'unknown', arguments: '{}' });
    out.push({ ...message, name: name ?? 'unknown' });
  }
  return out;
}
