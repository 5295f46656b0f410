import { describe, expect, test } from 'vitest';
import { anyone, type Caller } from './auth/caller.ts';
import { ApiError } from './errors.ts';
import { clientChatId, derivedSessionId, laneOf, readSessionHeaders } from './session.ts';

const caller: Caller = { ...anyone, kind: 'key', namespace: 'one' };

describe('35. the derived session id', () => {
  const vectors: [string, Parameters<typeof derivedSessionId>[0], string][] = [
    ['without system text', { system: '', firstUser: 'hello' }, 'api-a1ad92f331dce2e0'],
    ['with system text', { system: 'You are a Python expert.', firstUser: 'hello' }, 'api-9be6437e2dfa3c4c'],
    ['with lines and umlauts', { system: 'a\nb', firstUser: 'Grüße' }, 'api-68a3cd87de0c08fa'],
    ['of a profile', { system: '', firstUser: 'hello', profile: 'alice' }, 'api-a5ec82d802e2d1f3'],
  ];
  test.each(vectors)('%s', (_, opener, id) => expect(derivedSessionId(opener)).toBe(id));

  test('keeps equal openers of two chats apart when the client names its chats', () => {
    const opener = { system: '', firstUser: 'hello' };
    const ids = ['1', '2', undefined].map((chat) => derivedSessionId({ ...opener, chat }));
    expect(new Set(ids).size).toBe(3);
    expect(clientChatId({ 'x-openwebui-chat-id': ' 1 ' }, { chat_id: '2' })).toBe('1');
    expect(clientChatId({}, { chat_id: '2' })).toBe('2');
    expect(clientChatId({}, { chat_id: 2 })).toBeUndefined();
    expect(clientChatId({}, null)).toBeUndefined();
  });

  test('of an opener with an image is stable', () => {
    const firstUser = [{ type: 'image_url' as const, image_url: { url: 'http://x' } }];
    expect(derivedSessionId({ system: '', firstUser })).toBe(derivedSessionId({ system: '', firstUser }));
  });
});

describe('session headers', () => {
  const accepted: [string, string, string][] = [
    ['is trimmed', '  telegram:dm:1  ', 'telegram:dm:1'],
    ['may come from another gateway', '20260101_101010_abc123', '20260101_101010_abc123'],
    ['is read as UTF-8', Buffer.from('größe', 'utf8').toString('latin1'), 'größe'],
    ['may have 256 characters', 'a'.repeat(256), 'a'.repeat(256)],
  ];
  test.each(accepted)('36. an id %s', (_, header, id) => {
    expect(readSessionHeaders({ 'x-hermes-session-id': header }, caller).sessionId).toBe(id);
    expect(readSessionHeaders({ 'x-hermes-session-key': header }, caller).memoryScope).toBe(id);
  });

  test('empty headers are absent, also without a key', () => {
    expect(readSessionHeaders({ 'x-hermes-session-id': ' ', 'x-hermes-session-key': '' }, anyone)).toEqual({
      sessionId: undefined,
      memoryScope: undefined,
    });
  });

  const refused: [string, string, string, number, string][] = [
    ['38. an over-long id', 'x-hermes-session-id', 'a'.repeat(257), 400, 'Session ID too long'],
    ['38. an id with a slash', 'x-hermes-session-id', 'a/b', 400, 'Invalid session ID'],
    ['38. an id with a backslash', 'x-hermes-session-id', 'a\\b', 400, 'Invalid session ID'],
    ['38. an id with two dots', 'x-hermes-session-id', '..', 400, 'Invalid session ID'],
    ['an id with a control character', 'x-hermes-session-id', 'a\u0000b', 400, 'Invalid session ID'],
    ['an id that is not UTF-8', 'x-hermes-session-id', '\u00ff', 400, 'Invalid session ID'],
    ['39. an over-long key', 'x-hermes-session-key', 'a'.repeat(257), 400, 'Session key too long'],
    ['39. a key with a line break', 'x-hermes-session-key', 'a\nb', 400, 'Invalid session key'],
  ];
  test.each(refused)('%s is refused', (_, name, value, status, message) => {
    expect(() => readSessionHeaders({ [name]: value }, caller)).toThrow(
      expect.objectContaining({ status, message }),
    );
  });

  test('37, 39. need a configured key', () => {
    const messages = ['x-hermes-session-id', 'x-hermes-session-key'].map((name) => {
      try {
        readSessionHeaders({ [name]: 'x' }, anyone);
      } catch (error) {
        return error instanceof ApiError ? [error.status, error.message] : error;
      }
      return undefined;
    });
    expect(messages).toEqual([
      [
        403,
        'Session continuation requires API key authentication. Configure API_SERVER_KEY to enable this feature.',
      ],
      [
        403,
        'X-Hermes-Session-Key requires API key authentication. Configure API_SERVER_KEY to enable this feature.',
      ],
    ]);
  });
});

test('continuations of one session share a lane per caller, other requests never share one', () => {
  const other: Caller = { ...caller, namespace: 'two' };
  expect(laneOf('s', caller, 'req_1')).toBe(laneOf('s', caller, 'req_2'));
  expect(laneOf('s', caller, 'req_1')).not.toBe(laneOf('s', other, 'req_1'));
  expect(laneOf(undefined, caller, 'req_1')).not.toBe(laneOf(undefined, caller, 'req_2'));
});
