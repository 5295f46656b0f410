/**
 * Reads a stream as a strict client does (Open Responses §6, §8): every event must fit the state that the events before
 * it have made, and what was accumulated must be what the last event shows. Tests only.
 */
import { expect } from 'vitest';
import { isTerminal, type Json } from './testing-schema.ts';

interface Open {
  readonly item: Json;
  /** Text of the open part, or arguments, as far as deltas have told. */
  text: string | undefined;
  done: boolean;
}

/** Throws at the first event that does not fit. Returns the terminal response. */
export function readGrammar(events: readonly object[]): Json {
  const list = events as readonly Json[];
  expect(list.map(({ sequence_number }) => sequence_number)).toEqual(list.map((_, i) => i));
  expect(list.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
  expect(list.filter(isTerminal)).toHaveLength(1);
  const last = list.at(-1)!;
  expect(isTerminal(last)).toBe(true);
  const errors = list.filter(({ type }) => type === 'error');
  // A socket has none: there the failed response alone tells.
  if (last['type'] !== 'response.failed') expect(errors).toEqual([]);
  expect(errors.map(({ sequence_number }) => sequence_number)).toEqual(errors.map(() => list.length - 2));
  const body = list.slice(2, errors.length > 0 ? -2 : -1);
  const items: Open[] = [];
  for (const event of body) step(items, event);
  const response = last['response'] as Json;
  expect(items.every(({ done }) => done)).toBe(true);
  expect(response['output']).toEqual(items.map(({ item }) => item));
  expect(last['type']).toBe(eventOf(String(response['status'])));
  judgeStates(response);
  return response;
}

const eventOf = (status: string) => `response.${status === 'cancelled' ? 'incomplete' : status}`;

/** Nothing runs in an ended response, and only its last item can have been cut, if the response was. */
export function judgeStates(response: Json): void {
  const output = response['output'] as Json[];
  const wasCut = response['status'] === 'incomplete' || response['status'] === 'cancelled';
  output.forEach((item, i) => {
    expect(item['status']).not.toBe('in_progress');
    if (item['status'] === 'incomplete') expect([wasCut, i]).toEqual([true, output.length - 1]);
  });
  const ids = output.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(response['completed_at'] === null).toBe(response['status'] !== 'completed');
  expect(response['error'] === null).toBe(response['status'] !== 'failed');
  expect(response['usage']).not.toBeNull();
}

function step(items: Open[], event: Json): void {
  const type = String(event['type']);
  if (type === 'response.output_item.added') {
    expect(event['output_index']).toBe(items.length);
    items.push({ item: structuredClone(event['item'] as Json), text: undefined, done: false });
    return;
  }
  const open = items[event['output_index'] as number]!;
  expect(open.done, `${type} after its item was done`).toBe(false);
  if (type === 'response.output_item.done') {
    finish(open, event['item'] as Json);
    return;
  }
  expect(event['item_id']).toBe(open.item['id']);
  switch (type) {
    case 'response.content_part.added':
      expect([open.item['type'], event['content_index'], open.text]).toEqual(['message', 0, undefined]);
      expect((event['part'] as Json)['text']).toBe('');
      open.text = '';
      return;
    case 'response.reasoning_summary_part.added':
      expect([open.item['type'], event['summary_index'], open.text]).toEqual(['reasoning', 0, undefined]);
      open.text = '';
      return;
    case 'response.output_text.delta':
    case 'response.reasoning_summary_text.delta':
      expect(open.text, `${type} without a part`).toBeDefined();
      expect(event['delta']).not.toBe('');
      open.text += String(event['delta']);
      return;
    case 'response.function_call_arguments.delta':
      open.text = `${open.text ?? open.item['arguments']}${event['delta']}`;
      return;
    case 'response.function_call_arguments.done':
      expect(event['arguments']).toBe(open.text ?? open.item['arguments']);
      open.item['arguments'] = event['arguments'];
      return;
    case 'response.output_text.done':
    case 'response.reasoning_summary_text.done':
      expect(event['text']).toBe(open.text);
      return;
    case 'response.content_part.done':
      open.item['content'] = [event['part']];
      expect((event['part'] as Json)['text']).toBe(open.text);
      return;
    case 'response.reasoning_summary_part.done':
      open.item['summary'] = [event['part']];
      expect((event['part'] as Json)['text']).toBe(open.text);
      return;
    default:
      throw new Error(`${type} is no part of a stream`);
  }
}

/** Facts an item may only have at its end. */
const late = new Set(['status', 'phase', 'output', 'error', 'duration_ms', 'encrypted_content']);

function finish(open: Open, item: Json): void {
  const facts = (all: Json) => Object.fromEntries(Object.entries(all).filter(([name]) => !late.has(name)));
  expect(facts(item)).toEqual(facts(open.item));
  Object.assign(open.item, item);
  open.done = true;
}
