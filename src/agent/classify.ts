/**
 * What a failed model call means and what to do about it (agent-runtime §4.1), as data. Rows are tried in order; the
 * first that matches wins.
 */
import type { ModelFailure } from './contract.ts';
import { cutCode, cutInToolCall, malformedCode } from './models/failure.ts';

export type FailureClass =
  | 'aborted'
  | 'content_policy_blocked'
  | 'thinking_signature'
  | 'invalid_encrypted_content'
  | 'long_context_tier'
  | 'llama_cpp_grammar_pattern'
  | 'malformed_response'
  | 'auth'
  | 'billing'
  | 'rate_limit'
  | 'provider_policy_blocked'
  | 'model_not_found'
  | 'payload_too_large'
  | 'context_overflow'
  | 'image_too_large'
  | 'overloaded'
  | 'server_error'
  | 'format_error'
  | 'timeout'
  | 'unknown';

/** A change to the request that may be tried once per turn before the failure counts. */
export type OneShotFix = 'drop-opaque' | 'strip-patterns' | 'drop-images' | 'format-by-words';

export interface Verdict {
  readonly class: FailureClass;
  readonly retry: boolean;
  /** `now`: before any wait. `after`: when the attempts are used up. `never`: it would not help. */
  readonly fallback: 'now' | 'after' | 'never';
  readonly fix?: OneShotFix;
  /** Keeps the primary model out for a while, for the following turns too. */
  readonly coolDown?: true;
}

interface Row extends Verdict {
  /** HTTP statuses; absent = any, also none. */
  readonly status?: readonly number[];
  readonly range?: readonly [number, number];
  /** One of these in the text. */
  readonly any?: readonly string[];
  /** And one of these. */
  readonly and?: readonly string[];
  /** Provider or transport codes. */
  readonly code?: readonly string[];
  readonly transport?: true;
}

const credits = [
  'insufficient_quota',
  'insufficient credits',
  'insufficient balance',
  'credit balance',
  'credits have been exhausted',
  'out of credits',
  'billing hard limit',
  'payment required',
  'exceeded your current quota',
];
const limits = ['rate limit', 'rate_limit', 'too many requests', 'usage limit', 'throttl', 'quota exceeded'];
const transient = ['try again', 'resets at', 'retry', 'wait', 'window'];
const overflows = [
  'context length',
  'context_length_exceeded',
  'maximum context',
  'context window',
  'prompt is too long',
  'token limit',
  'max_model_len',
  'input is too long',
  'exceeds the maximum number of tokens',
  '超过最大长度',
];
const noModel = [
  'invalid model',
  'model not found',
  'model_not_found',
  'does not exist',
  'unknown model',
  'not a valid model',
  'is not found for api version',
];
const lost = [
  'connection lost',
  'connection reset',
  'connection closed',
  'connection terminated',
  'network error',
  'network connection',
  'terminated',
  'peer closed',
  'broken pipe',
  'upstream connect error',
  'timed out',
  'timeout',
  'cannot connect',
  'socket hang up',
];

const now = { retry: false, fallback: 'now' } as const;
const again = { retry: true, fallback: 'after' } as const;

export const table: readonly Row[] = [
  {
    class: 'content_policy_blocked',
    ...now,
    any: [
      'content_filter',
      'content filter',
      'violates our usage policies',
      'your request was flagged by',
      'responsibleaipolicyviolation',
    ],
  },
  {
    class: 'thinking_signature',
    ...again,
    status: [400],
    any: ['signature'],
    and: ['thinking', 'thought'],
    fix: 'drop-opaque',
  },
  {
    class: 'invalid_encrypted_content',
    retry: true,
    fallback: 'never',
    status: [400, 404],
    any: ['invalid_encrypted_content', 'encrypted content', 'items are not persisted'],
    fix: 'drop-opaque',
  },
  { class: 'long_context_tier', ...now, status: [429], any: ['extra usage'], and: ['long context'] },
  {
    class: 'llama_cpp_grammar_pattern',
    ...again,
    status: [400],
    any: ['grammar', 'json-schema-to-grammar'],
    fix: 'strip-patterns',
  },
  { class: 'malformed_response', ...again, code: [malformedCode] },
  {
    class: 'billing',
    ...now,
    coolDown: true,
    status: [403],
    any: ['key limit exceeded', 'spending limit', ...credits],
  },
  // Google answers 400 to a wrong key.
  { class: 'auth', ...now, status: [400], any: ['api key not valid', 'api_key_invalid', 'invalid api key'] },
  { class: 'auth', ...now, status: [401, 403] },
  {
    class: 'rate_limit',
    ...again,
    fallback: 'now',
    coolDown: true,
    status: [402],
    any: limits,
    and: transient,
  },
  { class: 'billing', ...now, coolDown: true, status: [402] },
  { class: 'billing', ...now, coolDown: true, status: [400, 404, 429], any: credits },
  { class: 'rate_limit', ...again, fallback: 'now', coolDown: true, status: [429] },
  { class: 'payload_too_large', retry: false, fallback: 'never', status: [413] },
  {
    class: 'image_too_large',
    ...again,
    status: [400],
    any: ['image exceeds', 'image dimensions exceed', 'max allowed size: 8000', 'could not process image'],
    fix: 'drop-images',
  },
  {
    class: 'format_error',
    ...now,
    status: [400, 422],
    any: [
      'response_format',
      'response format',
      'json_schema',
      'response mime type',
      'output_config',
      'text.format',
    ],
    fix: 'format-by-words',
  },
  { class: 'context_overflow', retry: false, fallback: 'never', status: [400, 422], any: overflows },
  {
    class: 'provider_policy_blocked',
    retry: false,
    fallback: 'never',
    status: [400, 404],
    any: ['no endpoints available matching your guardrail', 'data policy'],
  },
  { class: 'model_not_found', ...now, status: [400, 404], any: noModel },
  { class: 'rate_limit', ...again, fallback: 'now', coolDown: true, status: [400], any: limits },
  { class: 'overloaded', ...again, status: [503, 529] },
  {
    class: 'format_error',
    ...now,
    range: [500, 599],
    any: ['invalid_request_error', 'unknown parameter', 'unsupported parameter'],
  },
  { class: 'server_error', ...again, range: [500, 599] },
  { class: 'unknown', ...again, status: [404] },
  { class: 'timeout', ...again, status: [408, 499] },
  { class: 'format_error', ...now, range: [300, 499] },
  // No HTTP status: an error event of the provider, or the connection itself.
  { class: 'context_overflow', retry: false, fallback: 'never', any: overflows },
  { class: 'overloaded', ...again, any: ['overloaded'] },
  { class: 'rate_limit', ...again, fallback: 'now', coolDown: true, any: limits },
  { class: 'timeout', ...again, code: [cutCode, cutInToolCall] },
  { class: 'timeout', ...again, transport: true },
  { class: 'timeout', ...again, any: lost },
];

const aborted: Verdict = { class: 'aborted', retry: false, fallback: 'never' };
const unknown: Verdict = { class: 'unknown', ...again };

export function classify(failure: ModelFailure): Verdict {
  if (failure.aborted) return aborted;
  const text = `${failure.message} ${failure.code ?? ''}`.toLowerCase();
  return table.find((row) => matches(row, failure, text)) ?? unknown;
}

function matches(row: Row, { status, code, transport }: ModelFailure, text: string): boolean {
  if (row.status !== undefined && (status === undefined || !row.status.includes(status))) return false;
  if (row.range !== undefined && (status === undefined || status < row.range[0] || status > row.range[1]))
    return false;
  if (row.code !== undefined && (code === undefined || !row.code.includes(code))) return false;
  if (row.transport !== undefined && transport !== true) return false;
  const has = (phrases: readonly string[]) => phrases.some((phrase) => text.includes(phrase));
  return (row.any === undefined || has(row.any)) && (row.and === undefined || has(row.and));
}

/** Longest error text that people see. */
const longestSummary = 300;

/** One line for people; the failure already carries no secrets. */
export function summary({ status, message }: ModelFailure): string {
  const flat = message.replace(/\s+/g, ' ').trim();
  const cut = flat.length > longestSummary ? `${flat.slice(0, longestSummary)}…` : flat;
  return status === undefined ? cut : `HTTP ${status}: ${cut}`;
}
