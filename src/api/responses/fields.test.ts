import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TurnRequest } from '../../turn/contract.ts';
import { unmetFields } from '../fields.ts';
import { responsesFields } from './fields.ts';
import { responsesRequest } from './schema.ts';
import { serve } from './testing.ts';
import { type Json, published } from './testing-schema.ts';

const standard = Object.keys(published.components.schemas['CreateResponseBody']!.properties!);
const compact = Object.keys(published.components.schemas['CompactResponseMethodPublicBody']!.properties!);

/** Fields of the official client's request type, as its declaration lists them. */
function officialFields(): string[] {
  const file = new URL('../../../node_modules/openai/resources/responses/responses.d.ts', import.meta.url);
  const text = readFileSync(file, 'utf8');
  const [, declared = ''] = /export interface ResponseCreateParamsBase \{\n([\s\S]*?)\n\}/.exec(text) ?? [];
  return [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
}

interface Seen {
  readonly turn: TurnRequest;
  readonly answer: Json;
}

/** What is sent, what must be seen of it, and what must be said when its effect is missing. */
interface Probe {
  readonly send: Json;
  readonly honoured?: (seen: Seen) => unknown;
  readonly ignored?: string;
}

const tool = { type: 'function', name: 'get_time', description: null, parameters: null, strict: null };
const echoed =
  (name: string, value: unknown) =>
  ({ answer }: Seen) =>
    expect(answer[name]).toEqual(value);
const sampled =
  (part: object) =>
  ({ turn }: Seen) =>
    expect(turn.sampling).toMatchObject(part);

const probes: Readonly<Record<string, readonly Probe[]>> = {
  model: [{ send: { model: 'gpt-5' }, honoured: echoed('model', 'gpt-5') }],
  input: [{ send: { input: 'what?' }, honoured: ({ turn }) => expect(turn.input).toBe('what?') }],
  // Known by its refusal: see the tests of chains.
  previous_response_id: [
    { send: { previous_response_id: null }, honoured: echoed('previous_response_id', null) },
  ],
  include: [
    { send: { include: ['reasoning.encrypted_content', 'hermes:tool_calls'] }, honoured: () => {} },
    { send: { include: ['message.output_text.logprobs'] }, ignored: 'include[0]' },
    { send: { include: ['reasoning.encrypted_content', 'file_search_call.results'] }, ignored: 'include[1]' },
  ],
  tools: [
    { send: { tools: [tool] }, honoured: echoed('tools', [tool]) },
    { send: { tools: [tool, { type: 'web_search' }] }, ignored: 'tools[1]' },
  ],
  tool_choice: [
    {
      send: { tools: [tool], tool_choice: 'required' },
      honoured: ({ turn }) => expect(turn.toolChoice).toEqual({ type: 'required' }),
    },
  ],
  metadata: [{ send: { metadata: { a: 'b' } }, honoured: echoed('metadata', { a: 'b' }) }],
  text: [
    {
      send: { text: { format: { type: 'json_object' } } },
      honoured: ({ turn }) => expect(turn.responseFormat).toEqual({ type: 'json_object' }),
    },
    { send: { text: { verbosity: 'medium' } }, honoured: () => {} },
    { send: { text: { verbosity: 'low' } }, ignored: 'text.verbosity' },
  ],
  temperature: [{ send: { temperature: 0.5 }, honoured: sampled({ temperature: 0.5 }) }],
  top_p: [{ send: { top_p: 0.5 }, honoured: sampled({ topP: 0.5 }) }],
  presence_penalty: [{ send: { presence_penalty: 1 }, honoured: sampled({ presencePenalty: 1 }) }],
  frequency_penalty: [{ send: { frequency_penalty: 1 }, honoured: sampled({ frequencyPenalty: 1 }) }],
  parallel_tool_calls: [
    { send: { parallel_tool_calls: false }, honoured: sampled({ parallelToolCalls: false }) },
  ],
  stream: [{ send: { stream: false }, honoured: ({ answer }) => expect(answer['object']).toBe('response') }],
  stream_options: [
    { send: { stream_options: { include_obfuscation: false } }, honoured: () => {} },
    {
      send: { stream_options: { include_obfuscation: true } },
      ignored: 'stream_options.include_obfuscation',
    },
  ],
  background: [
    { send: { background: true }, honoured: ({ turn }) => expect(turn.consumer).toBe('chat') },
    { send: { background: false }, honoured: ({ turn }) => expect(turn.consumer).toBe('live') },
  ],
  max_output_tokens: [{ send: { max_output_tokens: 16 }, honoured: sampled({ maxTokens: 16 }) }],
  max_tool_calls: [
    { send: { max_tool_calls: 2 }, honoured: ({ turn }) => expect(turn.maxToolCalls).toBe(2) },
  ],
  reasoning: [
    {
      send: { reasoning: { effort: 'high', summary: 'auto' } },
      honoured({ turn, answer }) {
        expect(turn.model).toMatchObject({ reasoningEffort: 'high' });
        expect(answer['reasoning']).toEqual({ effort: 'high', summary: 'auto' });
      },
    },
  ],
  safety_identifier: [{ send: { safety_identifier: 'abc' }, honoured: echoed('safety_identifier', 'abc') }],
  prompt_cache_key: [{ send: { prompt_cache_key: 'abc' }, honoured: echoed('prompt_cache_key', 'abc') }],
  truncation: [
    { send: { truncation: 'auto' }, honoured: echoed('truncation', 'auto') },
    { send: { truncation: 'disabled' }, honoured: echoed('truncation', 'disabled') },
    { send: { truncation: 'sometimes' }, ignored: 'truncation' },
  ],
  instructions: [
    {
      send: { instructions: 'Be brief.' },
      honoured: ({ turn }) => expect(turn.ephemeralSystem).toBe('Be brief.'),
    },
  ],
  store: [{ send: { store: false }, honoured: echoed('store', false) }],
  service_tier: [
    { send: { service_tier: 'auto' }, honoured: echoed('service_tier', 'default') },
    { send: { service_tier: 'priority' }, ignored: 'service_tier' },
  ],
  top_logprobs: [
    { send: { top_logprobs: 0 }, honoured: echoed('top_logprobs', 0) },
    { send: { top_logprobs: 3 }, honoured: echoed('top_logprobs', 3), ignored: 'top_logprobs' },
  ],
  conversation: [{ send: { conversation: 'talk' }, honoured: echoed('conversation', { id: 'talk' }) }],
  conversation_history: [
    {
      send: { conversation_history: [{ role: 'user', content: 'before' }] },
      honoured: ({ turn }) => expect(turn.history).toEqual([{ role: 'user', content: 'before' }]),
    },
  ],
  user: [{ send: { user: 'ann' }, honoured: echoed('user', 'ann') }],
  provider: [
    {
      send: { provider: 'openai', model: 'gpt-5' },
      honoured: ({ turn }) => expect(turn.model).toMatchObject({ provider: 'openai', model: 'gpt-5' }),
    },
  ],
  model_options: [
    {
      send: { model_options: { reasoning_effort: 'low' } },
      honoured: ({ turn }) => expect(turn.model).toMatchObject({ reasoningEffort: 'low' }),
    },
  ],
};

describe('every field of a request', () => {
  it('of the published standard has a ruling, and every ruling is tried', () => {
    expect(standard.filter((name) => !Object.hasOwn(responsesFields, name))).toEqual([]);
    expect(Object.keys(probes).toSorted()).toEqual(Object.keys(responsesFields).toSorted());
    expect(Object.keys(responsesFields).toSorted()).toEqual(Object.keys(responsesRequest.shape).toSorted());
  });

  it('of the official client has a ruling or is reported by its name', () => {
    const official = officialFields();
    expect(official.length).toBeGreaterThan(25);
    const unknown = official.filter((name) => !Object.hasOwn(responsesFields, name));
    expect(unmetFields(Object.fromEntries(unknown.map((name) => [name, {}])), responsesFields)).toEqual(
      unknown,
    );
  });

  it.each(Object.entries(probes).flatMap(([name, all]) => all.map((probe) => [name, probe] as const)))(
    '%s: %j',
    async (_, { send, honoured, ignored }) => {
      await using server = await serve({ api: { directModelRequests: true } });
      const response = await server.post({ input: 'x', ...send });
      const answer = (await response.json()) as Json;
      expect(response.status, JSON.stringify(answer)).toBe(200);
      const header = response.headers.get('x-hermes-ignored') ?? '';
      honoured?.({ turn: server.turns.last, answer });
      expect(header).toBe(ignored ?? '');
    },
  );

  it.each([
    ['metadata', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }],
    ['metadata', { metadata: { ['k'.repeat(65)]: 'v' } }],
    ['metadata', { metadata: { k: 'v'.repeat(513) } }],
    ['temperature', { temperature: 3 }],
    ['top_p', { top_p: 2 }],
    ['top_logprobs', { top_logprobs: 21 }],
    ['max_output_tokens', { max_output_tokens: 0 }],
    ['max_tool_calls', { max_tool_calls: 0 }],
    ['safety_identifier', { safety_identifier: 's'.repeat(65) }],
    ['prompt_cache_key', { prompt_cache_key: 's'.repeat(65) }],
    ['text', { text: { verbosity: 'loud' } }],
    ['conversation', { conversation: 'a', previous_response_id: 'resp_1' }],
    ['background', { background: true, store: false }],
  ])('%s is refused where it cannot be meant: %j', async (name, send) => {
    await using server = await serve();
    const response = await server.post({ input: 'x', ...send });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { param: string } };
    expect(error.param.split(/[.[]/)[0]).toBe(name);
    expect(server.turns.turns).toEqual([]);
  });

  it.each(Object.keys(published.components.schemas['CreateResponseBody']!.properties!))(
    '%s may be null, which is the same as absent',
    async (name) => {
      await using server = await serve();
      const response = await server.post({ input: 'x', [name]: null });
      expect(response.status).toBe(name === 'input' ? 400 : 200);
      expect(response.headers.get('x-hermes-ignored')).toBeNull();
      await response.text();
    },
  );
});

it('every field of a compaction is taken', async () => {
  await using server = await serve();
  const value: Json = { model: 'm', input: 'a', instructions: 'b', prompt_cache_key: 'c' };
  expect([...Object.keys(value), 'previous_response_id'].toSorted()).toEqual(compact.toSorted());
  const { id } = await server.ask({ input: 'x' });
  await server.ask({ ...value, previous_response_id: id }, '/compact');
  expect(server.turns.last).toMatchObject({ ephemeralSystem: 'b', tools: [] });
});
