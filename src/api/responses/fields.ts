import { type FieldRules, members, unlessOneOf } from '../fields.ts';

/** Values of `include` that do something. */
const includes: ReadonlySet<unknown> = new Set(['reasoning.encrypted_content', 'hermes:tool_calls']);

/** Body of `POST /v1/responses`: every field of the Open Responses standard, and ours. */
export const responsesFields: FieldRules = {
  model: { ruling: 'honoured', note: 'Unknown names mean the configured model.' },
  input: { ruling: 'honoured', note: 'A string or items; see the guide.' },
  previous_response_id: { ruling: 'honoured', note: 'Continues a stored response; unknown ids are refused.' },
  include: {
    ruling: 'honoured',
    note: '`reasoning.encrypted_content` and `hermes:tool_calls`; other values are reported: models give no log probabilities.',
    unmet: (value) =>
      Array.isArray(value) ? value.flatMap((each, i) => (includes.has(each) ? [] : [`[${i}]`])) : [],
  },
  tools: {
    ruling: 'honoured',
    note: 'Functions the caller runs, flat or nested. Hosted tools of other vendors are reported by their place.',
  },
  tool_choice: { ruling: 'honoured', note: '`auto`, `none`, `required`, a function, or `allowed_tools`.' },
  metadata: { ruling: 'kept', note: 'At most 16 pairs, keys up to 64 and values up to 512 characters.' },
  text: {
    ruling: 'passed on',
    note: '`format` (checked again when it is `strict`). `verbosity` is repeated and reported.',
    unmet: members({ verbosity: unlessOneOf('medium') }),
  },
  temperature: { ruling: 'passed on', note: '0 to 2.' },
  top_p: { ruling: 'passed on', note: '0 to 1.' },
  presence_penalty: { ruling: 'passed on', note: '' },
  frequency_penalty: { ruling: 'passed on', note: '' },
  parallel_tool_calls: { ruling: 'honoured', note: '`false`: at most one call per answer of the model.' },
  stream: { ruling: 'honoured', note: 'Server-sent events. Not over WebSocket, which always streams.' },
  stream_options: {
    ruling: 'reported',
    note: '`include_obfuscation: true` is reported: events are never padded.',
    unmet: members({ include_obfuscation: unlessOneOf(false) }),
  },
  background: {
    ruling: 'honoured',
    note: 'Goes on without its caller and survives a restart; needs `store`.',
  },
  max_output_tokens: { ruling: 'passed on', note: '1 or more.' },
  max_tool_calls: {
    ruling: 'honoured',
    note: 'Calls of any tool count; further ones are ignored, and the model answers without tools.',
  },
  reasoning: {
    ruling: 'passed on',
    note: '`effort`. `summary` is repeated; whether reasoning is shown is a setting of the gateway.',
  },
  safety_identifier: { ruling: 'kept', note: 'At most 64 characters.' },
  prompt_cache_key: {
    ruling: 'kept',
    note: 'At most 64 characters. Prompt caches are keyed by the conversation.',
  },
  truncation: {
    ruling: 'honoured',
    note: '`auto` keeps the newest 100 messages; `disabled` fails when the context is too long.',
    unmet: unlessOneOf('auto', 'disabled'),
  },
  instructions: { ruling: 'honoured', note: 'Carried on in a chain until others are given.' },
  store: { ruling: 'honoured', note: '`false`: nothing is kept; only the same WebSocket can continue it.' },
  service_tier: {
    ruling: 'reported',
    note: 'There are no tiers; the response says `default`. `auto` and `default` ask for nothing else.',
    unmet: unlessOneOf('auto', 'default'),
  },
  top_logprobs: {
    ruling: 'reported',
    note: 'Repeated; models give no log probabilities.',
    unmet: unlessOneOf(0),
  },
  /* ---- not in the standard ---- */
  conversation: { ruling: 'honoured', note: 'A name or `{id}`; an unknown one begins a conversation.' },
  conversation_history: { ruling: 'honoured', note: 'Messages used instead of a chain.' },
  user: {
    ruling: 'honoured',
    note: 'Repeated; with an agent target it names the conversation that goes on.',
  },
  provider: {
    ruling: 'honoured',
    note: 'With it `model` is taken as it stands, where the gateway allows that.',
  },
  model_options: { ruling: 'passed on', note: '`reasoning_effort`, or `reasoning: {enabled, effort}`.' },
};
