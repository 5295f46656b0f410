import { createHash } from 'node:crypto';
import type { TurnResult } from '../../core/agent-event.ts';
import type { Clock } from '../../core/clock.ts';
import type { Message, ToolCall } from '../../core/message.ts';

/**
 * What an answer with open calls does not show its client: the steps of the server's own tools before and beside the
 * calls, and the vendor's opaque data. The client sends its own picture of the answer back with the results; here the
 * whole one takes its place. Only an optimisation: a forgotten answer goes on from what the client sent.
 */
export interface HiddenSteps {
  /** `scope` keeps callers apart; `messages` is the conversation exactly as the client sent it. */
  keep(scope: string, messages: readonly Message[], result: TurnResult): void;
  restore(scope: string, messages: readonly Message[]): readonly Message[];
}

interface Limits {
  readonly entries: number;
  /** Characters of one answer and of all of them, as JSON. */
  readonly each: number;
  readonly total: number;
  readonly ttlMs: number;
}

const usual: Limits = { entries: 1_000, each: 1_000_000, total: 32_000_000, ttlMs: 3_600_000 };

interface Entry {
  readonly json: string;
  readonly keptAt: number;
}

export function hiddenSteps(clock: Clock, limits: Limits = usual): HiddenSteps {
  const entries = new Map<string, Entry>();
  let total = 0;
  const drop = (key: string) => {
    total -= entries.get(key)?.json.length ?? 0;
    entries.delete(key);
  };

  return {
    keep(scope, messages, { clientCalls = [], messages: added }) {
      const first = added.findIndex((message) => message.role === 'assistant');
      if (clientCalls.length === 0 || first < 0) return;
      const json = JSON.stringify(added.slice(first));
      if (json.length > limits.each) return;
      const key = callsKey(messages.reduce(next, digest(scope)), clientCalls);
      drop(key);
      entries.set(key, { json, keptAt: clock.monotonic() });
      total += json.length;
      for (const oldest of entries.keys()) {
        if (entries.size <= limits.entries && total <= limits.total) break;
        drop(oldest);
      }
    },

    restore(scope, messages) {
      const hasCalls = messages.some((message) => message.role === 'assistant' && message.toolCalls);
      if (entries.size === 0 || !hasCalls) return messages;
      let place = digest(scope);
      return messages.flatMap((message): readonly Message[] => {
        const before = place;
        place = next(place, message);
        if (message.role !== 'assistant' || message.toolCalls === undefined) return [message];
        const key = callsKey(before, message.toolCalls);
        const found = entries.get(key);
        if (found === undefined) return [message];
        if (clock.monotonic() - found.keptAt < limits.ttlMs) return JSON.parse(found.json) as Message[];
        drop(key);
        return [message];
      });
    },
  };
}

const digest = (...parts: readonly unknown[]) =>
  createHash('sha256').update(JSON.stringify(parts), 'utf8').digest('base64');

/** Place of what follows `message`: the same only behind the same conversation. */
function next(place: string, message: Message): string {
  switch (message.role) {
    case 'tool':
      return digest(place, message.toolCallId, message.content);
    case 'assistant':
      return digest(place, message.content, (message.toolCalls ?? []).map(plain));
    case 'user':
      return digest(place, message.content);
    default:
      return message satisfies never;
  }
}

const callsKey = (place: string, calls: readonly ToolCall[]) => digest('calls', place, calls.map(plain));

const plain = ({ id, name, arguments: args }: ToolCall) => [id, name, args];
