/** What a caller brings back for the calls that the last turn of a stored conversation left to it. */
import type { Content, Message } from '../core/message.ts';

export type GivenResult = Extract<Message, { role: 'tool' }>;

export interface Continued {
  readonly history: readonly Message[];
  readonly input: Content;
}

/**
 * Results that answer open calls, with nothing new said, continue the turn that made the calls. In every other case
 * they come as words before the input: a model takes results only directly behind their calls.
 */
export function continued(
  stored: readonly Message[],
  brought: readonly GivenResult[],
  input: Content,
): Continued {
  const names = openCalls(stored);
  const results = brought
    .filter((result) => !isKnown(stored, result))
    .map((result) => ({ ...result, toolCallId: idOf(result, names) }));
  const fit = results.length > 0 && results.every(({ toolCallId }) => names.has(toolCallId));
  if (fit && input === '') {
    const named = results.map((result) => ({ ...result, name: names.get(result.toolCallId) ?? result.name }));
    return { history: [...stored, ...named], input: '' };
  }
  return { history: stored, input: results.length === 0 ? input : withWords(results, names, input) };
}

/** The older form of functions knows no ids: there the name of the only open call of that name tells. */
function idOf({ toolCallId, name }: GivenResult, open: ReadonlyMap<string, string>): string {
  if (open.has(toolCallId)) return toolCallId;
  const [call, ...others] = [...open].filter(([, each]) => each === name);
  return call === undefined || others.length > 0 ? toolCallId : call[0];
}

/** A client that repeats its messages brings again what is there. */
function isKnown(stored: readonly Message[], { toolCallId, content }: GivenResult): boolean {
  return stored.some(
    (message) => message.role === 'tool' && message.toolCallId === toolCallId && message.content === content,
  );
}

/** Names of the calls that nobody has answered yet, by their ids. */
function openCalls(stored: readonly Message[]): ReadonlyMap<string, string> {
  const at = stored.findLastIndex((message) => message.role !== 'tool');
  const asker = stored[at];
  const calls = asker?.role === 'assistant' ? (asker.toolCalls ?? []) : [];
  const open = new Map(calls.map(({ id, name }) => [id, name]));
  for (const message of stored.slice(at + 1)) if (message.role === 'tool') open.delete(message.toolCallId);
  return open;
}

function withWords(
  results: readonly GivenResult[],
  names: ReadonlyMap<string, string>,
  input: Content,
): Content {
  const told = results.map(
    ({ toolCallId: id, name, content }) => `${names.get(id) ?? name} (${id}): ${content}`,
  );
  const words = ['Results of the tool calls you asked for:', ...told].join('\n\n');
  if (typeof input !== 'string') return [{ type: 'text', text: words }, ...input];
  return input === '' ? words : `${words}\n\n${input}`;
}
