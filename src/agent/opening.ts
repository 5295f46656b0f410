/** What a turn starts from: something new from the user, or the results of calls that the last turn left to its caller. */
import { type Content, type ContentPart, type Message, textOf } from '../core/message.ts';
import type { AgentRun } from './contract.ts';
import { toModel } from './wording.ts';

export interface Opening {
  readonly history: readonly Message[];
  /** The first messages this turn adds to the transcript. */
  readonly given: readonly Message[];
}

/** Results at the end of the history are new when nothing else is; a call without one is told that the caller gave none. */
export function openingOf({ input, history }: Pick<AgentRun, 'input' | 'history'>): Opening {
  const last = history.findLastIndex((message) => message.role !== 'tool');
  if (!isEmpty(input) || last === history.length - 1) {
    return { history, given: [{ role: 'user', content: input }] };
  }
  const asked = history[last];
  const results = history.slice(last + 1);
  const calls = asked?.role === 'assistant' ? (asked.toolCalls ?? []) : [];
  const answered = new Set(results.map((message) => message.role === 'tool' && message.toolCallId));
  const missing = calls.flatMap(({ id, name }): Message[] =>
    answered.has(id) ? [] : [{ role: 'tool', toolCallId: id, name, content: toModel.noResult }],
  );
  return { history: history.slice(0, last + 1), given: [...results, ...missing] };
}

/**
 * The added messages as the model sees them: with the attachments in what the user said, or after the results that the
 * turn goes on from. `given` is the number of messages the turn began with.
 */
export function withAttachments(
  added: readonly Message[],
  given: number,
  attachments: readonly ContentPart[] = [],
): readonly Message[] {
  if (attachments.length === 0) return added;
  const first = added.slice(0, given);
  const rest = added.slice(given);
  const last = first.at(-1);
  if (last?.role !== 'user') return [...first, { role: 'user', content: attachments }, ...rest];
  return [...first.slice(0, -1), { ...last, content: [...partsOf(last.content), ...attachments] }, ...rest];
}

function partsOf(content: Content): readonly ContentPart[] {
  if (typeof content !== 'string') return content;
  return content === '' ? [] : [{ type: 'text', text: content }];
}

function isEmpty(input: Content): boolean {
  if (typeof input !== 'string' && input.some((part) => part.type === 'image_url')) return false;
  return textOf(input).trim() === '';
}
