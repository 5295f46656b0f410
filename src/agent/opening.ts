/** What a turn starts from: something new from the user, or the results of calls that the last turn left to its caller. */
import { type Content, type Message, textOf } from '../core/message.ts';
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

function isEmpty(input: Content): boolean {
  if (typeof input !== 'string' && input.some((part) => part.type === 'image_url')) return false;
  return textOf(input).trim() === '';
}
