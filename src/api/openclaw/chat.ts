/** A chat request of a caller that speaks to an agent (openclaw-http §8.1–8.3, §8.6). */
import type { Content, ContentPart } from '../../core/message.ts';
import type { JsonObject } from '../body.ts';
import type { Conversation, ToolResult } from '../chat/messages.ts';
import { type ChatTurn, readChatRequest } from '../chat/request.ts';
import { normalizeContent } from '../content.ts';
import { ApiError, badRequest } from '../errors.ts';
import { type Brought, nothingBrought } from '../media/brought.ts';
import { callLine, type Entry, framed, onlyImages } from './prompt.ts';

/** The limits of §8.1 with their sentences. */
const ranges: Readonly<Record<string, readonly [low: number, high: number, sentence: string]>> = {
  temperature: [0, 2, '`temperature` must be between 0 and 2.'],
  top_p: [0, 1, '`top_p` must be between 0 and 1.'],
  frequency_penalty: [-2, 2, '`frequency_penalty` must be between -2.0 and 2.0.'],
  presence_penalty: [-2, 2, '`presence_penalty` must be between -2.0 and 2.0.'],
};

/**
 * Takes a body apart; throws 400 with the documented sentences. `isKeyed`: the session has a history of its own, so
 * that results of the caller's tools find the calls they answer there.
 */
export function readAgentChat(body: JsonObject, isKeyed: boolean): ChatTurn {
  checkRanges(body);
  // Everything but the messages is read as for every other caller.
  const { messages, ...rest } = body;
  const turn = readChatRequest({ ...rest, messages: [{ role: 'user', content: '-' }] });
  // Here it names the session.
  const ignored = turn.ignored.filter((name) => name !== 'user');
  return { ...turn, ignored, conversation: conversationOf(messages, isKeyed) };
}

function checkRanges(body: JsonObject): void {
  for (const [name, [low, high, sentence]] of Object.entries(ranges)) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || value < low || value > high) throw badRequest(sentence, { param: name });
  }
  const { stop } = body;
  if (Array.isArray(stop) && stop.length > 4) {
    throw badRequest('Invalid stop: stop supports at most 4 sequences', { param: 'stop' });
  }
  for (const name of ['max_completion_tokens', 'max_tokens']) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (!Number.isSafeInteger(value) || Number(value) <= 0) {
      throw badRequest(`${name} must be a positive safe integer`, { param: name });
    }
  }
}

type Raw = Readonly<Record<string, unknown>>;

interface Said extends Entry {
  readonly raw: Raw;
  readonly at: string;
}

const isObject = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function conversationOf(messages: unknown, isKeyed: boolean): Conversation {
  const system: string[] = [];
  const said: Said[] = [];
  for (const [index, raw] of (Array.isArray(messages) ? messages : []).entries()) {
    if (!isObject(raw) || typeof raw.role !== 'string') continue;
    const role = raw.role.trim();
    if (role === 'system' || role === 'developer') system.push(textOf(raw.content));
    else said.push(...entryOf(raw, role, `messages[${index}].content`));
  }
  const shown = said
    .filter(isTold)
    .map((each) => (each.role === 'user' && each.text === '' ? { ...each, text: onlyImages } : each));
  const frame = framed(shown);
  const brought = nothingBrought();
  const current = frame === undefined ? undefined : shown[frame.current];
  if (frame === undefined || current === undefined) {
    throw badRequest('Missing user message in `messages`.', { param: 'messages' });
  }
  const head = { system: system.filter((text) => text !== '').join('\n\n'), firstUser: frame.message };
  const results = isKeyed ? trailingResults(shown.slice(0, frame.current + 1)) : [];
  if (results.length > 0) return { ...head, brought, history: results, input: '', results };
  const images = current.role === 'user' ? imagesOf(current, brought) : [];
  const input: Content =
    images.length === 0 ? frame.message : [{ type: 'text', text: frame.message }, ...images];
  return { ...head, brought, history: [], input, results: [] };
}

/** Roles nobody knows are left out. */
function entryOf(raw: Raw, role: string, at: string): readonly Said[] {
  const text = textOf(raw.content);
  switch (role) {
    case 'user':
      return [{ role, sender: 'User', text, raw, at }];
    case 'assistant': {
      const calls = (Array.isArray(raw.tool_calls) ? raw.tool_calls : []).flatMap(asLine);
      return [{ role, sender: 'Assistant', text: [text, ...calls].filter(Boolean).join('\n'), raw, at }];
    }
    case 'tool':
    case 'function': {
      const name = stringIn(raw, 'tool_call_id') ?? stringIn(raw, 'name');
      return [{ role: 'tool', sender: name === undefined ? 'Tool' : `Tool:${name}`, text, raw, at }];
    }
    default:
      return [];
  }
}

/** A message without a word is left out, unless it is a result or the newest one and brings images. */
function isTold({ role, text, sender, raw }: Said, index: number, all: readonly Said[]): boolean {
  if (text !== '') return true;
  if (role === 'tool') return sender !== 'Tool';
  const isNewest = all.findLastIndex((each) => each.role !== 'assistant') === index;
  return role === 'user' && isNewest && hasImages(raw.content);
}

function asLine(call: unknown): readonly string[] {
  if (!isObject(call) || !isObject(call.function)) return [];
  const name = stringIn(call.function, 'name');
  if (name === undefined) return [];
  return [callLine(stringIn(call, 'id') ?? '', name, stringIn(call.function, 'arguments') ?? '{}')];
}

function trailingResults(said: readonly Said[]): readonly ToolResult[] {
  const ending = said.slice(said.findLastIndex(({ role }) => role !== 'tool') + 1);
  const results = ending.flatMap(({ raw, text }): readonly ToolResult[] => {
    const toolCallId = stringIn(raw, 'tool_call_id');
    return toolCallId === undefined
      ? []
      : [{ role: 'tool', toolCallId, name: stringIn(raw, 'name') ?? 'unknown', content: text }];
  });
  return results.length === ending.length ? results : [];
}

function stringIn(value: Raw, name: string): string | undefined {
  const text = value[name];
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}

/** A string, or the texts of an array, one line each (§8.2 item 2). Nothing is cut: the body has its limit. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content.trim();
  if (!Array.isArray(content)) return '';
  return content.flatMap(textOfPart).join('\n').trim();
}

function textOfPart(part: unknown): readonly string[] {
  if (!isObject(part)) return [];
  if (typeof part.input_text === 'string') return [part.input_text];
  const isText = part.type === 'text' || part.type === 'input_text' || part.type === 'output_text';
  return isText && typeof part.text === 'string' ? [part.text] : [];
}

const carriesMedia: ReadonlySet<unknown> = new Set(['image_url', 'input_image', 'file', 'input_file']);
const isMedia = (part: unknown) => isObject(part) && carriesMedia.has(part.type);
const hasImages = (content: unknown) => Array.isArray(content) && content.some(isMedia);

/** Images of the newest message; its files go to `brought`, as everywhere. */
function imagesOf({ raw, at }: Said, brought: Brought): readonly ContentPart[] {
  if (!Array.isArray(raw.content) || !hasImages(raw.content)) return [];
  brought.newest = at;
  // A plain string is an address, too.
  const parts = raw.content.filter(isMedia).map((part) => part as Raw);
  try {
    const content = normalizeContent(parts, at, brought);
    return typeof content === 'string' ? [] : content.filter((part) => part.type === 'image_url');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw badRequest('Invalid image_url content in `messages`.', { param: at });
  }
}
