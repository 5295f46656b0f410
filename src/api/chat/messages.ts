import { type Content, type Message, type ToolCall, textOf } from '../../core/message.ts';
import { flattenText, isVisible, normalizeContent } from '../content.ts';
import { badRequest } from '../errors.ts';
import { type Brought, nothingBrought } from '../media/brought.ts';
import type { ChatMessage } from './schema.ts';

export type ToolResult = Extract<Message, { role: 'tool' }>;

export interface Conversation {
  /** All system and developer messages, joined; '' when there are none. */
  readonly system: string;
  /** Everything before the input. */
  readonly history: readonly Message[];
  /** The last message: what the turn answers. '' when the request ends with `results`. */
  readonly input: Content;
  /** Results of the caller's tools at the end; part of `history`. */
  readonly results: readonly ToolResult[];
  /** Place of a result whose call is not in the request; only a stored session can know it. */
  readonly stray?: string;
  /** Images and files of all messages. */
  readonly brought: Brought;
  /** Normalised content of the first user message, '' without one. */
  readonly firstUser: Content;
}

/** Splits a request's messages into what a turn needs (api-server §6.1). Throws the 400s of §3.2 and §6.1. */
export function readMessages(messages: readonly ChatMessage[]): Conversation {
  const system: string[] = [];
  const spoken: Spoken[] = [];
  const toolNames = new Map<string, string>();
  const brought = nothingBrought();

  messages.forEach((message, i) => {
    const at = `messages[${i}]`;
    const say = (message: Message, content: Content) => spoken.push({ message, content, at });
    switch (message.role) {
      case 'system':
      case 'developer': {
        const text = flattenText(message.content);
        if (text !== '') system.push(text);
        return;
      }
      case 'user': {
        const content = normalizeContent(message.content, `${at}.content`, brought);
        const name = message.name ?? undefined;
        say({ role: 'user', content, ...(name === undefined ? {} : { name }) }, content);
        return;
      }
      case 'assistant': {
        const content = normalizeContent(message.content, `${at}.content`);
        const toolCalls = toolCallsOf(message);
        for (const call of toolCalls) toolNames.set(call.id, call.name);
        const text = assistantText(content);
        say({ role: 'assistant', content: text, ...(toolCalls.length === 0 ? {} : { toolCalls }) }, content);
        return;
      }
      case 'tool':
      case 'function': {
        const toolCallId = message.role === 'tool' ? message.tool_call_id : legacyCallId(message.name);
        if (toolCallId === undefined || toolCallId === null || toolCallId === '') {
          const field = message.role === 'tool' ? 'tool_call_id' : 'name';
          throw badRequest(`A ${message.role} message must have '${field}'.`, { param: `${at}.${field}` });
        }
        const name = message.name ?? toolNames.get(toolCallId) ?? 'unknown';
        const content = flattenText(message.content);
        say({ role: 'tool', toolCallId, name, content }, '');
        return;
      }
      default:
        throw badRequest(`Unknown message role '${message.role.slice(0, 64)}'.`, { param: `${at}.role` });
    }
  });

  const firstUser = spoken.find(({ message }) => message.role === 'user')?.content ?? '';
  const shared = { system: system.join('\n'), firstUser, brought };
  const ending = trailingResults(spoken);
  if (ending.results.length > 0) {
    return { ...shared, ...ending, history: spoken.map(({ message }) => message), input: '' };
  }
  const last = spoken.pop();
  if (last === undefined || !isVisible(last.content)) {
    throw badRequest('No user message found in messages', { param: 'messages' });
  }
  if (last.message.role === 'user') brought.newest = `${last.at}.content`;
  return { ...shared, history: spoken.map(({ message }) => message), input: last.content, results: [] };
}

interface Spoken {
  readonly message: Message;
  readonly content: Content;
  readonly at: string;
}

/** The results a request ends with, and the place of the first one that answers no call of the message before them. */
function trailingResults(spoken: readonly Spoken[]): Pick<Conversation, 'results' | 'stray'> {
  const asked = spoken.findLastIndex(({ message }) => message.role !== 'tool');
  const asker = spoken[asked]?.message;
  const calls = new Set(asker?.role === 'assistant' ? asker.toolCalls?.map(({ id }) => id) : []);
  const ending = spoken.slice(asked + 1);
  const stray = ending.find(({ message }) => message.role === 'tool' && !calls.has(message.toolCallId));
  return {
    results: ending.flatMap(({ message }) => (message.role === 'tool' ? [message] : [])),
    ...(stray === undefined ? {} : { stray: `${stray.at}.tool_call_id` }),
  };
}

/** The function-calling form before tool calls had ids; a name answers its latest call. */
const legacyCallId = (name: string | null | undefined) =>
  name === undefined || name === null || name === '' ? undefined : `function_${name}`;

function toolCallsOf(message: ChatMessage): ToolCall[] {
  const calls = (message.tool_calls ?? []).map(({ id, function: called }) => ({ id, ...called }));
  const legacy = message.function_call;
  const legacyId = legacyCallId(legacy?.name);
  if (legacy && legacyId !== undefined) calls.push({ id: legacyId, ...legacy });
  return calls;
}

/** An assistant message is text; an image in it stays visible to the model as a Markdown link. */
function assistantText(content: Content): string {
  if (typeof content === 'string') return content;
  return textOf(
    content.map((part) => {
      if (part.type === 'text') return part;
      const { url } = part.image_url;
      return { type: 'text', text: url.startsWith('data:') ? '[image]' : `![image](${url})` };
    }),
  );
}
