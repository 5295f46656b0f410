import { describe, expect, test } from 'vitest';
import type { ApiError } from '../errors.ts';
import { fingerprintOfRun, readIdempotencyKey, readRunRequest } from './request.ts';

function refusal(run: () => unknown): readonly [number, string, string | null] {
  try {
    run();
  } catch (error) {
    const { status, body } = error as ApiError;
    return [status, body.error.message, body.error.code];
  }
  throw new Error('nothing was refused');
}

describe('input', () => {
  test('88. of an array the last element is the message, the others become history', () => {
    expect(readRunRequest({ input: 'hi' })).toMatchObject({ input: 'hi', earlier: [], history: undefined });
    const parts = [
      { type: 'text', text: 'two' },
      { type: 'image_url', image_url: { url: 'https://x.test/y.png' } },
      { type: 'text', text: 'words' },
    ];
    expect(
      readRunRequest({
        input: [
          { role: 'user', content: parts },
          { role: 'assistant', content: 'yes' },
          { role: 'user', content: '' },
          'plain',
          { role: 'user', content: 'and now' },
        ],
      }),
    ).toMatchObject({
      input: 'and now',
      earlier: [
        { role: 'user', content: 'two words' },
        { role: 'assistant', content: 'yes' },
        { role: 'user', content: 'plain' },
      ],
    });
  });

  test('explicit history has text only', () => {
    const { history } = readRunRequest({
      input: 'x',
      conversation_history: [
        { role: 'user', content: [{ type: 'text', text: 'a' }, 'b'] },
        { role: 'assistant', content: 'c' },
      ],
    });
    expect(history).toEqual([
      { role: 'user', content: 'a\nb' },
      { role: 'assistant', content: 'c' },
    ]);
    expect(readRunRequest({ input: 'x', conversation_history: [] }).history).toBeUndefined();
  });

  test.each([undefined, null, '', 0, false, []])('57. %j is no input', (input) => {
    expect(refusal(() => readRunRequest({ input }))).toEqual([400, "Missing 'input' field", null]);
  });

  test.each([[' '], [[{ role: 'user' }]], [[{ role: 'user', content: '' }]], [{}]])(
    '%j says nothing',
    (input) => {
      expect(refusal(() => readRunRequest({ input }))[1]).toBe('No user message found in input');
    },
  );

  test.each(['a/b', '..', 'a\u0000', 'x'.repeat(257)])('no session is called %j', (session_id) => {
    expect(refusal(() => readRunRequest({ input: 'x', session_id }))[1]).toMatch(/^(Invalid s|S)ession ID/);
  });
});

describe('99. the idempotency key', () => {
  test('is 1 to 255 visible ASCII characters', () => {
    expect(readIdempotencyKey({})).toBeUndefined();
    expect(readIdempotencyKey({ 'idempotency-key': 'a~!' })).toBe('a~!');
    for (const key of ['', ' ', 'a b', 'ä', 'x'.repeat(256)]) {
      expect(refusal(() => readIdempotencyKey({ 'idempotency-key': key }))).toEqual([
        400,
        'Idempotency-Key must be 1-255 visible ASCII characters',
        'invalid_idempotency_key',
      ]);
    }
  });

  test('belongs to what was said, in whatever order', () => {
    const one = fingerprintOfRun({ input: 'x', model_options: { a: 1, b: [{ c: 1, d: 2 }] } }, undefined);
    expect(fingerprintOfRun({ model_options: { b: [{ d: 2, c: 1 }], a: 1 }, input: 'x' }, undefined)).toBe(
      one,
    );
    expect(
      fingerprintOfRun({ input: 'x', model_options: { a: 1, b: [{ c: 1, d: 3 }] } }, undefined),
    ).not.toBe(one);
    expect(fingerprintOfRun({ input: 'x', model_options: { a: 1, b: [{ c: 1, d: 2 }] } }, 'ann')).not.toBe(
      one,
    );
    expect(fingerprintOfRun({ input: ['a', 'b'] }, undefined)).not.toBe(
      fingerprintOfRun({ input: [['a', 'b']] }, undefined),
    );
    expect(fingerprintOfRun({ input: {} }, undefined)).not.toBe(fingerprintOfRun({ input: [] }, undefined));
  });
});
