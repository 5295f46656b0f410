/**
 * Streams as vendors send them, read by our client and by the official `openai` client. Shapes: OpenAI "Streaming",
 * DeepSeek "Thinking Mode", OpenRouter "Streaming" and "Reasoning Tokens", Google "OpenAI compatibility".
 */
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { ModelEvent } from '../contract.ts';
import { chatModel } from './chat-wire.ts';
import { fetchSend } from './chat-wire-send.ts';
import { endpointOf } from './testing.ts';

interface Part {
  readonly delta?: object;
  readonly finish?: string;
  readonly usage?: object;
}

function chunk({ delta, finish, usage }: Part): string {
  const choices =
    delta === undefined ? [] : [{ index: 0, delta, logprobs: null, finish_reason: finish ?? null }];
  return JSON.stringify({
    id: 'chatcmpl-9',
    object: 'chat.completion.chunk',
    created: 1_767_600_000,
    model: 'm',
    choices,
    ...(usage && { usage }),
  });
}

const stream = (parts: readonly Part[], end = '\n') =>
  `${parts.map((part) => `data: ${chunk(part)}${end}${end}`).join('')}data: [DONE]${end}${end}`;
const start = { delta: { role: 'assistant', content: '' } };
const usage = {
  prompt_tokens: 1000,
  completion_tokens: 30,
  total_tokens: 1030,
  prompt_tokens_details: { cached_tokens: 800 },
  completion_tokens_details: { reasoning_tokens: 10 },
};
const call = (index: number, id: string | undefined, name: string | undefined, args: string) => ({
  delta: {
    tool_calls: [
      { index, ...(id && { id, type: 'function' }), function: { ...(name && { name }), arguments: args } },
    ],
  },
});

const fixtures: Readonly<Record<string, string>> = {
  'text with usage in a last chunk without choices': stream([
    start,
    { delta: { content: 'Grüße, ' } },
    { delta: { content: '世界 😀' } },
    { delta: {}, finish: 'stop' },
    { usage },
  ]),
  'two tool calls in pieces': stream([
    { delta: { role: 'assistant', content: null } },
    call(0, 'call_a', 'weather', ''),
    call(0, undefined, undefined, '{"city":'),
    call(0, undefined, undefined, '"Oslo"}'),
    call(1, 'call_b', 'time', ''),
    call(1, undefined, undefined, '{}'),
    { delta: {}, finish: 'tool_calls' },
    { usage },
  ]),
  'reasoning in a field of its own, then text': stream([
    { delta: { role: 'assistant', content: null, reasoning_content: '' } },
    { delta: { content: null, reasoning_content: 'Let me see. ' } },
    { delta: { content: 'Yes.', reasoning_content: null } },
    { delta: { content: '', reasoning_content: null }, finish: 'length', usage },
  ]),
  'comments between frames and CRLF line ends': `: OPENROUTER PROCESSING\r\n\r\n${stream(
    [start, { delta: { content: 'a' } }, { delta: { content: 'b' }, finish: 'stop' }, { usage }],
    '\r\n',
  )}`,
  'a refusal': stream([
    start,
    { delta: { refusal: 'I cannot ' } },
    { delta: { refusal: 'help with that.' } },
    { delta: {}, finish: 'stop' },
    { usage },
  ]),
};

const sse = { 'content-type': 'text/event-stream' };

async function ours(bytes: Uint8Array, cuts: readonly number[] = []): Promise<ModelEvent[]> {
  const ends = [...cuts, bytes.length].sort((a, b) => a - b);
  const body = ReadableStream.from(ends.map((end, n) => bytes.slice(ends[n - 1] ?? 0, end)));
  const send = fetchSend(async () => new Response(body, { headers: sse }));
  const asked = { system: '', messages: [{ role: 'user', content: 'q' }], tools: [], session: 's' } as const;
  const clock = virtualClock();
  const events: ModelEvent[] = [];
  for await (const event of chatModel(endpointOf(), clock, send).stream(
    asked,
    new AbortController().signal,
  )) {
    events.push(event);
  }
  return events;
}

function summed(events: readonly ModelEvent[]) {
  const last = events.at(-1);
  const used = last?.type === 'finish' ? last.usage : undefined;
  return {
    text: events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join(''),
    calls: events.flatMap((event) => (event.type === 'tool-call' ? [event.call] : [])),
    usage: used && {
      input: used.input,
      output: used.output,
      cached: used.cacheRead,
      reasoning: used.reasoning,
    },
  };
}

async function official(text: string) {
  const client = new OpenAI({
    apiKey: 'k',
    maxRetries: 0,
    fetch: async () => new Response(text, { headers: sse }),
  });
  const run = client.chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'q' }] });
  let used: OpenAI.CompletionUsage | undefined;
  for await (const part of run) used = part.usage ?? used;
  const message = (await run.finalMessage()) as OpenAI.ChatCompletionMessage;
  return {
    text: `${message.content ?? ''}${message.refusal ?? ''}`,
    calls: (message.tool_calls ?? []).map((made) => {
      if (made.type !== 'function') throw new Error('no function');
      return { id: made.id, name: made.function.name, arguments: made.function.arguments };
    }),
    usage: used && {
      input: used.prompt_tokens,
      output: used.completion_tokens,
      cached: used.prompt_tokens_details?.cached_tokens,
      reasoning: used.completion_tokens_details?.reasoning_tokens,
    },
  };
}

describe.each(Object.entries(fixtures))('%s', (_name, text) => {
  test('gives text, tool calls and usage as the official client reads them', async () => {
    const mine = await ours(Buffer.from(text));
    expect(mine.at(-1)?.type).toBe('finish');
    expect(summed(mine)).toEqual(await official(text));
  });

  test('gives the same events however the bytes are cut', async () => {
    const bytes = Buffer.from(text);
    const whole = await ours(bytes);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 20 }), async (cuts) => {
        expect(await ours(bytes, cuts)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
    expect(await ours(bytes, Array.from(bytes.keys()))).toEqual(whole);
  });
});
