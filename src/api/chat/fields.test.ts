import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TurnRequest } from '../../turn/contract.ts';
import { listenFake } from '../testing/open.ts';
import { chatFields } from './fields.ts';
import { chatRequest } from './schema.ts';

/** Fields of the official client's request type, as its declaration lists them. */
function officialFields(): string[] {
  const at = '../../../node_modules/openai/resources/chat/completions/completions.d.ts';
  const text = readFileSync(new URL(at, import.meta.url), 'utf8');
  const [, declared = ''] =
    /export interface ChatCompletionCreateParamsBase \{\n([\s\S]*?)\n\}/.exec(text) ?? [];
  return [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
}

interface Probe {
  readonly send: Readonly<Record<string, unknown>>;
  readonly honoured?: (turn: TurnRequest, answer: Record<string, unknown>) => unknown;
  /** Exactly what `X-Hermes-Ignored` says. */
  readonly ignored?: string;
  /** The refused field. */
  readonly refused?: string;
}

const dice = { name: 'dice', parameters: { type: 'object' } };
const tools = [{ type: 'function', function: dice }];
const sampled = (part: object) => (turn: TurnRequest) => expect(turn.sampling).toMatchObject(part);
const chosen = (choice: object) => (turn: TurnRequest) => expect(turn.toolChoice).toEqual(choice);

const probes: Readonly<Record<string, readonly Probe[]>> = {
  messages: [
    {
      send: {
        messages: [
          { role: 'developer', content: 'Be brief.' },
          { role: 'user', content: 'q' },
        ],
      },
      honoured: (turn) => expect(turn).toMatchObject({ input: 'q', ephemeralSystem: 'Be brief.' }),
    },
  ],
  model: [{ send: { model: 'gpt-5' }, honoured: (_, answer) => expect(answer['model']).toBe('gpt-5') }],
  stream: [
    { send: { stream: false }, honoured: (_, answer) => expect(answer['object']).toBe('chat.completion') },
  ],
  stream_options: [
    { send: { stream_options: { include_usage: true } }, honoured: () => {} },
    {
      send: { stream_options: { include_obfuscation: true } },
      ignored: 'stream_options.include_obfuscation',
    },
  ],
  temperature: [{ send: { temperature: 0.5 }, honoured: sampled({ temperature: 0.5 }) }],
  top_p: [{ send: { top_p: 0.5 }, honoured: sampled({ topP: 0.5 }) }],
  max_tokens: [{ send: { max_tokens: 7 }, honoured: sampled({ maxTokens: 7 }) }],
  max_completion_tokens: [
    { send: { max_completion_tokens: 7, max_tokens: 9 }, honoured: sampled({ maxTokens: 7 }) },
  ],
  stop: [
    { send: { stop: 'END' }, honoured: sampled({ stop: ['END'] }) },
    { send: { stop: ['a', 'b'] }, honoured: sampled({ stop: ['a', 'b'] }) },
  ],
  seed: [{ send: { seed: 7 }, honoured: sampled({ seed: 7 }) }],
  presence_penalty: [{ send: { presence_penalty: 1 }, honoured: sampled({ presencePenalty: 1 }) }],
  frequency_penalty: [{ send: { frequency_penalty: 1 }, honoured: sampled({ frequencyPenalty: 1 }) }],
  reasoning_effort: [
    {
      send: { reasoning_effort: 'low' },
      honoured: (turn) => expect(turn.model).toMatchObject({ reasoningEffort: 'low' }),
    },
  ],
  response_format: [
    {
      send: { response_format: { type: 'json_object' } },
      honoured: (turn) => expect(turn.responseFormat).toEqual({ type: 'json_object' }),
    },
    { send: { response_format: { type: 'xml' } }, refused: 'response_format' },
  ],
  tools: [
    { send: { tools }, honoured: (turn) => expect(turn.clientTools).toMatchObject([{ name: 'dice' }]) },
    { send: { tools: [{ type: 'custom', custom: { name: 'x' } }] }, refused: 'tools' },
  ],
  tool_choice: [
    { send: { tools, tool_choice: 'required' }, honoured: chosen({ type: 'required' }) },
    {
      send: { tools, tool_choice: { type: 'function', function: { name: 'dice' } } },
      honoured: chosen({ type: 'tool', name: 'dice' }),
    },
    {
      send: {
        tools,
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'dice' } }] },
        },
      },
      honoured: chosen({ type: 'allowed', names: ['dice'], required: true }),
    },
    { send: { tool_choice: 'required' }, refused: 'tool_choice' },
  ],
  parallel_tool_calls: [
    { send: { parallel_tool_calls: false }, honoured: sampled({ parallelToolCalls: false }) },
  ],
  functions: [
    {
      send: { functions: [dice] },
      honoured: (turn) => expect(turn.clientTools).toMatchObject([{ name: 'dice' }]),
    },
  ],
  function_call: [
    {
      send: { functions: [dice], function_call: { name: 'dice' } },
      honoured: chosen({ type: 'tool', name: 'dice' }),
    },
  ],
  n: [
    { send: { n: 1 }, honoured: () => {} },
    { send: { n: 2 }, refused: 'n' },
  ],
  modalities: [
    { send: { modalities: ['text'] }, honoured: () => {} },
    { send: { modalities: ['text', 'audio'] }, refused: 'modalities' },
  ],
  audio: [{ send: { audio: { voice: 'alloy', format: 'mp3' } }, ignored: 'audio' }],
  logprobs: [
    { send: { logprobs: false }, honoured: () => {} },
    { send: { logprobs: true }, ignored: 'logprobs' },
  ],
  top_logprobs: [
    { send: { top_logprobs: 0 }, honoured: () => {} },
    { send: { top_logprobs: 2 }, ignored: 'top_logprobs' },
  ],
  logit_bias: [{ send: { logit_bias: { '50256': -100 } }, ignored: 'logit_bias' }],
  prediction: [{ send: { prediction: { type: 'content', content: 'x' } }, ignored: 'prediction' }],
  web_search_options: [{ send: { web_search_options: {} }, ignored: 'web_search_options' }],
  store: [
    { send: { store: false }, honoured: () => {} },
    { send: { store: true }, ignored: 'store' },
  ],
  service_tier: [
    { send: { service_tier: 'auto' }, honoured: () => {} },
    { send: { service_tier: 'flex' }, ignored: 'service_tier' },
  ],
  verbosity: [
    { send: { verbosity: 'medium' }, honoured: () => {} },
    { send: { verbosity: 'low' }, ignored: 'verbosity' },
  ],
  user: [{ send: { user: 'ann' }, ignored: 'user' }],
  metadata: [{ send: { metadata: { chat_id: 'c' } }, honoured: () => {} }],
  moderation: [{ send: { moderation: {} }, ignored: 'moderation' }],
  safety_identifier: [{ send: { safety_identifier: 's' }, ignored: 'safety_identifier' }],
  prompt_cache_key: [{ send: { prompt_cache_key: 's' }, ignored: 'prompt_cache_key' }],
  prompt_cache_options: [{ send: { prompt_cache_options: {} }, ignored: 'prompt_cache_options' }],
  prompt_cache_retention: [{ send: { prompt_cache_retention: '24h' }, ignored: 'prompt_cache_retention' }],
  provider: [
    {
      send: { provider: 'openai', model: 'gpt-5' },
      honoured: (turn) => expect(turn.model).toMatchObject({ provider: 'openai', model: 'gpt-5' }),
    },
  ],
  model_options: [
    {
      send: { model_options: { reasoning_effort: 'low' } },
      honoured: (turn) => expect(turn.model).toMatchObject({ reasoningEffort: 'low' }),
    },
  ],
};

it('a text that is cut is named', async () => {
  await using server = await listenFake();
  const long = 'x'.repeat(65_537);
  const messages = [
    { role: 'user', content: 'x'.repeat(65_536) },
    { role: 'assistant', content: [{ type: 'text', text: long }] },
    { role: 'user', content: long },
  ];
  const response = await server.post({ messages });
  expect(response.headers.get('x-hermes-ignored')).toBe(
    'messages[1].content (cut), messages[2].content (cut)',
  );
  expect(server.turns.last.input).toHaveLength(65_536);
});

describe('every field of a chat completion request', () => {
  it('of the official client has a ruling, and every ruling is tried', () => {
    const official = officialFields();
    expect(official.length).toBeGreaterThan(25);
    expect(official.filter((name) => !Object.hasOwn(chatFields, name))).toEqual([]);
    expect(Object.keys(probes).toSorted()).toEqual(Object.keys(chatFields).toSorted());
    const read = Object.keys(chatRequest.shape);
    expect(read.filter((name) => !Object.hasOwn(chatFields, name))).toEqual([]);
    const effective = Object.entries(chatFields).filter(([, { ruling }]) => ruling !== 'reported');
    expect(effective.map(([name]) => name).toSorted()).toEqual(read.toSorted());
  });

  it.each(Object.entries(probes).flatMap(([name, all]) => all.map((probe) => [name, probe] as const)))(
    '%s: %j',
    async (_, { send, honoured, ignored, refused }) => {
      await using server = await listenFake({ api: { directModelRequests: true } });
      const response = await server.post({ messages: [{ role: 'user', content: 'x' }], ...send });
      const answer = (await response.json()) as { error?: { param: string } };
      if (refused !== undefined) {
        expect(response.status).toBe(400);
        expect(answer.error?.param.split(/[.[]/)[0]).toBe(refused);
        expect(server.turns.turns).toEqual([]);
        return;
      }
      expect(response.status, JSON.stringify(answer)).toBe(200);
      honoured?.(server.turns.last, answer as Record<string, unknown>);
      expect(response.headers.get('x-hermes-ignored')).toBe(ignored ?? null);
    },
  );
});
