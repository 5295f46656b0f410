import { expect, test } from 'vitest';
import { outcomeOf } from './outcome.ts';
import { parseFrame } from './wire.ts';

const answer = (errcode: unknown, errmsg = 'said so') =>
  outcomeOf(parseFrame(JSON.stringify({ headers: { req_id: 'R' }, errcode, errmsg }))!, 'R');

test.each([
  [0, { kind: 'sent', id: 'R' }],
  [-1, { kind: 'unknown' }],
  [40003, { kind: 'rejected', code: 'gone' }],
  [40004, { kind: 'rejected', code: 'unsupported' }],
  [40007, { kind: 'rejected', code: 'other' }],
  [40008, { kind: 'rejected', code: 'unsupported' }],
  [40013, { kind: 'retry', scope: 'account' }],
  [40058, { kind: 'rejected', code: 'other' }],
  [45002, { kind: 'rejected', code: 'too-long' }],
  [45009, { kind: 'retry', scope: 'chat' }],
  [45033, { kind: 'retry', scope: 'chat' }],
  [48002, { kind: 'rejected', code: 'forbidden' }],
  [60020, { kind: 'rejected', code: 'forbidden' }],
  [93006, { kind: 'rejected', code: 'gone' }],
  [600039, { kind: 'rejected', code: 'unsupported' }],
  [846605, { kind: 'rejected', code: 'other' }],
  [846607, { kind: 'rejected', code: 'forbidden' }],
  [846608, { kind: 'rejected', code: 'other' }],
  [846609, { kind: 'retry', scope: 'account' }],
  [853000, { kind: 'retry', scope: 'account' }],
  [123456, { kind: 'rejected', code: 'other' }],
])('errcode %d has its outcome', (code, expected) => {
  expect(answer(code)).toMatchObject(expected);
});

test('a refusal is told in the words of the server with its code', () => {
  expect(answer(93006, 'invalid chatid')).toMatchObject({ why: 'invalid chatid (errcode=93006)' });
});

test('unknown codes whose text speaks of a rate are retried', () => {
  for (const said of ['api freq out of limit', 'rate limited', 'too many requests'])
    expect(answer(999_999, said)).toMatchObject({ kind: 'retry', scope: 'chat' });
  expect(answer(999_999, 'cannot generate')).toMatchObject({ kind: 'rejected' });
});

test('an answer without a code says neither yes nor no', () => {
  for (const code of [undefined, null, '0']) expect(answer(code)).toMatchObject({ kind: 'unknown' });
});
