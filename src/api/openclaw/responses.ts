/** What a request to `/v1/responses` adds to a session that has its own history (openclaw-http §9.2). */
import { type Content, type ContentPart, type Message, textOf } from '../../core/message.ts';
import type { TurnRequest } from '../../turn/contract.ts';
import { badRequest } from '../errors.ts';
import { callLine, type Entry, framed, onlyImages } from './prompt.ts';

export type Added = Pick<TurnRequest, 'input' | 'results'> & { readonly history: 'stored' };

/** Throws 400 when there is nothing to answer. Results at the end go to the calls of the session's last turn. */
export function addedTo(messages: readonly Message[]): Added {
  const entries = messages.map(entryOf);
  const told = messages.filter((message, i) => entries[i]?.text !== '' || message.role === 'tool');
  const frame = framed(entries.filter(({ text, role }) => text !== '' || role === 'tool'));
  const current = frame && told[frame.current];
  if (frame === undefined || current === undefined) throw nothingAsked();
  const results = trailingResults(told.slice(0, frame.current + 1));
  if (results.length > 0) return { history: 'stored', input: '', results };
  const images = current.role === 'user' ? imagesOf(current.content) : [];
  const input: Content =
    images.length === 0 ? frame.message : [{ type: 'text', text: frame.message }, ...images];
  return { history: 'stored', input };
}

export function nothingAsked(): Error {
  return badRequest('Missing user message in `input`.', { param: 'input' });
}

function entryOf(message: Message): Entry {
  switch (message.role) {
    case 'user': {
      const text = textOf(message.content).trim();
      const said = text === '' && imagesOf(message.content).length > 0 ? onlyImages : text;
      return { role: 'user', sender: 'User', text: said };
    }
    case 'assistant': {
      const calls = (message.toolCalls ?? []).map(({ id, name, arguments: args }) =>
        callLine(id, name, args),
      );
      const text = [message.content.trim(), ...calls].filter((line) => line !== '').join('\n');
      return { role: 'assistant', sender: 'Assistant', text };
    }
    case 'tool':
      return { role: 'tool', sender: `Tool:${message.toolCallId}`, text: message.content };
    default:
      return message satisfies never;
  }
}

function trailingResults(messages: readonly Message[]) {
  const from = messages.findLastIndex(({ role }) => role !== 'tool') + 1;
  return messages.slice(from).flatMap((message) => (message.role === 'tool' ? [message] : []));
}

function imagesOf(content: Content): readonly ContentPart[] {
  return typeof content === 'string' ? [] : content.filter((part) => part.type === 'image_url');
}
