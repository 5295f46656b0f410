import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import type { Content, Message } from '../../core/message.ts';

/** The events a turn would have emitted, from the messages it left: for turns of an earlier process and repeats. */
export function replayOf(result: TurnResult): AgentEvent[] {
  const open = new Set((result.clientCalls ?? []).map((call) => call.id));
  const events: AgentEvent[] = [];
  const messages = result.messages.filter((message) => message.role !== 'user');
  messages.forEach((message, i) => {
    if (message.role === 'tool') {
      const { toolCallId: call, name, content } = message;
      events.push({ type: 'tool.completed', call, name, ms: 0, isError: false, result: content });
      return;
    }
    if (message.reasoning) events.push({ type: 'reasoning.delta', text: message.reasoning });
    // The text of the last message is the answer, which every turn ends with.
    if (i < messages.length - 1 || message.toolCalls !== undefined) {
      events.push({ type: 'text.delta', text: message.content }, { type: 'segment.end' });
    }
    for (const { id: call, name, arguments: args } of message.toolCalls ?? []) {
      if (open.has(call)) continue;
      events.push({ type: 'tool.started', call, name, emoji: '', preview: '', arguments: args });
    }
  });
  return events;
}

interface Seen {
  /** Text that was shown. */
  readonly text: string;
  readonly ids: ReadonlyMap<string, string>;
  /** The request may repeat an earlier one, whose turn it then got again. */
  readonly isRepeat: boolean;
}

/**
 * The conversation after a turn: what the next response of the chain starts from (api-server §7.4). `ids` renames open
 * calls of the caller's tools to what the caller knows them by.
 */
export function historyAfter(
  prior: readonly Message[],
  input: Content,
  result: TurnResult,
  seen: Seen,
): Message[] {
  const whole = result.messages.length > 0 ? result.messages : [{ role: 'user' as const, content: input }];
  const own = whole.filter((message) => !isBlank(message));
  const messages = [...(seen.isRepeat ? withoutTail(prior, own) : before(prior, own)), ...own];
  if (result.clientCalls !== undefined) return renamed(messages, seen.ids);
  if (result.status === 'completed' && result.messages.length > 0) return messages;
  const said = result.text || seen.text || result.error?.message || '';
  const last = messages.at(-1);
  const isThere = last?.role === 'assistant' && last.content === said;
  return said === '' || isThere ? messages : [...messages, { role: 'assistant', content: said }];
}

/** A follow-up that only brings tool results has no words of its own. */
const isBlank = (message: Message) => message.role === 'user' && message.content.length === 0;

/** A repeated request finds its own first turn at the end of its conversation. */
function withoutTail(prior: readonly Message[], own: readonly Message[]): readonly Message[] {
  const tail = prior.slice(-own.length);
  return JSON.stringify(tail) === JSON.stringify(own) ? prior.slice(0, -own.length) : prior;
}

/** A turn that goes on from tool results counts them among its own messages. */
function before(prior: readonly Message[], own: readonly Message[]): readonly Message[] {
  if (own[0]?.role !== 'tool') return prior;
  return prior.slice(0, prior.findLastIndex((message) => message.role !== 'tool') + 1);
}

function renamed(messages: readonly Message[], ids: ReadonlyMap<string, string>): Message[] {
  const at = messages.findLastIndex((message) => message.role === 'assistant');
  return messages.map((message, i) => {
    if (i !== at || message.role !== 'assistant' || message.toolCalls === undefined) return message;
    const toolCalls = message.toolCalls.map((call) => ({ ...call, id: ids.get(call.id) ?? call.id }));
    return { ...message, toolCalls };
  });
}
