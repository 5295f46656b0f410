import { expect, test } from 'vitest';
import { classify, type FailureClass, summary, table } from './classify.ts';
import type { ModelFailure } from './contract.ts';

const f = (status: number | undefined, message: string, more: Partial<ModelFailure> = {}): ModelFailure => ({
  ...(status !== undefined && { status }),
  message,
  ...more,
});

const cases: [ModelFailure, FailureClass][] = [
  [f(undefined, 'x', { aborted: true }), 'aborted'],
  [f(400, 'This request violates our usage policies'), 'content_policy_blocked'],
  [f(400, 'blocked', { code: 'content_filter' }), 'content_policy_blocked'],
  [f(400, 'Invalid `signature` in `thinking` block'), 'thinking_signature'],
  [f(400, 'Thought signature is not valid.'), 'thinking_signature'],
  [f(400, 'x', { code: 'invalid_encrypted_content' }), 'invalid_encrypted_content'],
  [
    f(404, 'Item not found. Items are not persisted when `store` is set to false.'),
    'invalid_encrypted_content',
  ],
  [f(429, 'Extra usage is required for long context requests'), 'long_context_tier'],
  [f(400, 'failed to parse grammar'), 'llama_cpp_grammar_pattern'],
  [f(undefined, 'x', { code: 'malformed_response' }), 'malformed_response'],
  [f(401, 'Incorrect API key provided'), 'auth'],
  [f(403, 'forbidden'), 'auth'],
  [f(400, 'API key not valid. Please pass a valid API key.'), 'auth'],
  [f(402, 'payment needed'), 'billing'],
  [f(403, 'Key limit exceeded'), 'billing'],
  [f(429, 'You exceeded your current quota'), 'billing'],
  [f(400, 'Your credit balance is too low'), 'billing'],
  [f(402, 'usage limit reached, try again later'), 'rate_limit'],
  [f(429, 'slow down'), 'rate_limit'],
  [f(400, 'rate limit for this model'), 'rate_limit'],
  [f(undefined, 'rate_limit_error'), 'rate_limit'],
  [f(404, 'No endpoints available matching your guardrail restrictions'), 'provider_policy_blocked'],
  [f(404, 'model not found'), 'model_not_found'],
  [f(400, 'gpt-9 does not exist'), 'model_not_found'],
  [f(413, 'too big'), 'payload_too_large'],
  [f(400, "Invalid schema for response_format 'answer'"), 'format_error'],
  [f(400, "This model's maximum context length is 32768 tokens"), 'context_overflow'],
  [f(400, 'prompt is too long: 210000 tokens'), 'context_overflow'],
  [f(undefined, 'context_length_exceeded'), 'context_overflow'],
  [f(400, 'image exceeds 5 MB maximum'), 'image_too_large'],
  [f(503, 'x'), 'overloaded'],
  [f(529, 'Overloaded'), 'overloaded'],
  [f(undefined, 'Overloaded'), 'overloaded'],
  [f(500, 'x'), 'server_error'],
  [f(502, 'Bad Gateway'), 'server_error'],
  [f(500, 'unknown parameter: foo'), 'format_error'],
  [f(422, 'bad field'), 'format_error'],
  [f(307, 'redirect'), 'format_error'],
  [f(408, 'x'), 'timeout'],
  [f(undefined, 'x', { transport: true }), 'timeout'],
  [f(undefined, 'x', { code: 'stream_cut' }), 'timeout'],
  [f(undefined, 'upstream connect error'), 'timeout'],
  [f(404, 'page not found'), 'unknown'],
  [f(undefined, 'whatever'), 'unknown'],
];

test.each(cases)('%o is %s', (failure, expected) => {
  expect(classify(failure).class).toBe(expected);
});

test('every row of the table is reached by some case', () => {
  const hit = new Set(cases.map(([failure]) => classify(failure)));
  expect(table.filter((row) => !hit.has(row))).toEqual([]);
});

test('only limits and billing keep the primary model out', () => {
  const cooled = new Set(table.filter((row) => row.coolDown).map((row) => row.class));
  expect([...cooled].sort()).toEqual(['billing', 'rate_limit']);
});

test('a summary is one short line with the status', () => {
  expect(summary(f(502, 'Bad\n Gateway'))).toBe('HTTP 502: Bad Gateway');
  expect(summary(f(undefined, 'x'.repeat(400)))).toHaveLength(301);
});
