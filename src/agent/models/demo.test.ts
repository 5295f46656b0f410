import { expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { Message } from '../../core/message.ts';
import type { ModelCall, ModelEvent, ToolSchema } from '../contract.ts';
import { demoModel } from './demo.ts';

const schema = (name: string): ToolSchema => ({ name, description: '', parameters: { type: 'object' } });
const all = ['todo', 'terminal', 'read_file', 'search_files'].map(schema);

async function ask(
  messages: readonly Message[] | string,
  tools: readonly ToolSchema[] = all,
): Promise<ModelEvent[]> {
  const list: readonly Message[] =
    typeof messages === 'string' ? [{ role: 'user', content: messages }] : messages;
  const call: ModelCall = { system: '', messages: list, tools, session: 's' };
  const events: ModelEvent[] = [];
  for await (const event of demoModel(virtualClock()).stream(call, new AbortController().signal))
    events.push(event);
  return events;
}
const text = (events: readonly ModelEvent[]) =>
  events.flatMap((e) => (e.type === 'text' ? [e.text] : [])).join('');
const toolOf = (events: readonly ModelEvent[]) =>
  events.flatMap((event) => (event.type === 'tool-call' ? [event.call.name] : []))[0];

test.each([
  ['make a plan', 'todo'],
  ['list files here', 'search_files'],
  ['read ./README.md', 'read_file'],
  ['show me an approval', 'terminal'],
  ['tell me a long story', undefined],
])('"%s" plays its scene with the tool %s', async (prompt, tool) => {
  const events = await ask(prompt);
  expect(toolOf(events)).toBe(tool);
  expect(events.at(-1)).toMatchObject({ type: 'finish', reason: tool ? 'tool-calls' : 'stop' });
});

test('a tool the turn may not use is never called', async () => {
  const events = await ask('show me an approval', []);
  expect(toolOf(events)).toBeUndefined();
  expect(text(events)).toContain('demo model');
});

test('it says what it is, and how to get a real model', async () => {
  for (const prompt of ['hello', 'what is the capital of France?']) {
    expect(text(await ask(prompt))).toMatch(/built-in demo model.*hermes config set/);
  }
});

test('"say" repeats the words exactly, word by word', async () => {
  const events = await ask('say: one  two\nthree');
  expect(text(events)).toBe('one  two\nthree');
  expect(events.filter((event) => event.type === 'text')).toHaveLength(3);
});

test('after a tool it reports the result and ends', async () => {
  const events = await ask([
    { role: 'user', content: 'make a plan' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'demo_1', name: 'todo', arguments: '{}' }] },
    { role: 'tool', toolCallId: 'demo_1', name: 'todo', content: '{"todos":[]}' },
  ]);
  expect(text(events)).toContain('My list:');
  expect(toolOf(events)).toBeUndefined();
});

test('the same conversation gives the same answer', async () => {
  expect(await ask('make a plan')).toEqual(await ask('make a plan'));
});

test('with a delay each word waits by the clock, and an abort ends it', async () => {
  const clock = virtualClock();
  const abort = new AbortController();
  const events: ModelEvent[] = [];
  const call: ModelCall = {
    system: '',
    messages: [{ role: 'user', content: 'say a b c' }],
    tools: [],
    session: 's',
  };
  const done = (async () => {
    for await (const event of demoModel(clock, { msPerWord: 100 }).stream(call, abort.signal))
      events.push(event);
  })();
  await clock.advance(250);
  expect(text(events)).toBe('a b');
  abort.abort();
  await done;
  expect(events.at(-1)).toMatchObject({ type: 'error', failure: { aborted: true } });
});
