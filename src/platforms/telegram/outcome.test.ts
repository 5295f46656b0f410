import { expect, test } from 'vitest';
import type { PartOp } from '../contract.ts';
import { readAnswer } from './call.ts';
import { outcomeOf } from './outcome.ts';
import { messageId, rendered, sendOf } from './testing.ts';

const edit: PartOp = { kind: 'edit', target: messageId(5), body: rendered('x') };
const remove: PartOp = { kind: 'delete', target: messageId(5) };

function outcome(op: PartOp, status: number, description: string, parameters?: object) {
  const body = JSON.stringify({
    ok: false,
    error_code: status,
    description,
    ...(parameters ? { parameters } : {}),
  });
  return outcomeOf(readAnswer(status, new Headers(), body), op);
}

test.each([
  [sendOf('x'), 400, "Bad Request: can't parse entities: Character '.' is reserved", 'bad-format'],
  [sendOf('x'), 400, 'Bad Request: message is too long', 'too-long'],
  [edit, 400, 'Bad Request: MESSAGE_TOO_LONG', 'too-long'],
  [sendOf('x'), 413, 'Request Entity Too Large', 'too-long'],
  [sendOf('x'), 400, 'Bad Request: chat not found', 'gone'],
  [sendOf('x'), 400, 'Bad Request: PEER_ID_INVALID', 'gone'],
  [sendOf('x'), 403, 'Forbidden: bot was blocked by the user', 'blocked'],
  [sendOf('x'), 403, 'Forbidden: bot was kicked from the supergroup chat', 'blocked'],
  [sendOf('x'), 403, 'Forbidden: user is deactivated', 'blocked'],
  [sendOf('x'), 400, 'Bad Request: not enough rights to send text messages to the chat', 'forbidden'],
  [sendOf('x'), 400, 'Bad Request: TOPIC_CLOSED', 'forbidden'],
  [sendOf('x'), 400, 'Bad Request: message thread not found', 'gone'],
  [sendOf('x'), 400, 'Bad Request: message text is empty', 'other'],
  [edit, 400, 'Bad Request: message to edit not found', 'gone'],
  [edit, 400, "Bad Request: message can't be edited", 'forbidden'],
  [remove, 400, "Bad Request: message can't be deleted for everyone", 'too-old'],
  [remove, 400, 'Bad Request: message to delete not found', 'gone'],
])('%o answered %i "%s" is rejected as %s', (op, status, description, code) => {
  expect(outcome(op, status, description)).toEqual({ kind: 'rejected', code, why: description });
});

test('an edit that changes nothing counts as sent, a send with such an answer does not', () => {
  const why = 'Bad Request: message is not modified: specified new message content is the same';
  expect(outcome(edit, 400, why)).toEqual({ kind: 'sent', id: '5' });
  expect(outcome(sendOf('x'), 400, why)).toMatchObject({ kind: 'rejected' });
});

test('429 waits as long as told; a wait longer than any chat has concerns the account', () => {
  const why = 'Too Many Requests: retry after 7';
  expect(outcome(edit, 429, why, { retry_after: 7 })).toEqual({
    kind: 'retry',
    scope: 'chat',
    afterMs: 7000,
    why,
  });
  expect(outcome(edit, 429, why, { retry_after: 7740 })).toMatchObject({
    scope: 'account',
    afterMs: 7_740_000,
  });
  expect(outcome(edit, 429, why)).toEqual({ kind: 'retry', scope: 'chat', why });
  const header = readAnswer(429, new Headers({ 'retry-after': '3' }), '<html>');
  expect(outcomeOf(header, edit)).toMatchObject({ kind: 'retry', afterMs: 3000 });
});

test('every HTTP status has an outcome, whatever comes with it', () => {
  const expected = (status: number) => {
    if (status < 300 || status === 408 || status >= 500) return 'unknown';
    if (status === 401 || status === 404 || status === 429) return 'retry';
    return 'rejected';
  };
  for (let status = 200; status < 600; status++)
    for (const body of ['', '<html>', '[]', 'null', '{"ok":"yes"}', undefined])
      expect([status, outcomeOf(readAnswer(status, new Headers(), body), sendOf('x')).kind]).toEqual([
        status,
        expected(status),
      ]);
});

test('a success that names no message is unknown', () => {
  expect(outcomeOf({ kind: 'ok', result: true }, sendOf('x'))).toMatchObject({ kind: 'unknown' });
});
