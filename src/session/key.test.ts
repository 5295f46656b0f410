import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brand, type ChatId, type SenderId, type ThreadId } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { chatSessionKey, type KeyRules } from './key.ts';

type Event = Pick<Inbound, 'at' | 'scope' | 'from'>;

const event = (scope: Inbound['scope'], chat: string, sender?: string, thread?: string): Event => ({
  scope,
  at: { chat: brand<ChatId>(chat), ...(thread === undefined ? {} : { thread: brand<ThreadId>(thread) }) },
  from: {
    name: 'x',
    isBot: false,
    isSelf: false,
    ...(sender === undefined ? {} : { id: brand<SenderId>(sender) }),
  },
});

const usual: KeyRules = { groupPerUser: true, threadPerUser: false };

describe('session keys', () => {
  it.each([
    ['a direct chat', event('dm', '123', '123'), usual, 'agent:main:telegram:dm:123'],
    ['a topic of a direct chat', event('dm', '123', '123', '7'), usual, 'agent:main:telegram:dm:123:7'],
    ['a group, one key per member', event('group', '-5', '9'), usual, 'agent:main:telegram:group:-5:9'],
    [
      'a thread, shared by its members',
      event('group', '-5', '9', '7'),
      usual,
      'agent:main:telegram:group:-5:7',
    ],
    [
      'a thread with keys per member',
      event('group', '-5', '9', '7'),
      { groupPerUser: true, threadPerUser: true },
      'agent:main:telegram:group:-5:7:9',
    ],
    [
      'a shared group',
      event('group', '-5', '9'),
      { groupPerUser: false, threadPerUser: false },
      'agent:main:telegram:group:-5',
    ],
    ['a channel', event('channel', '-7', '9'), usual, 'agent:main:telegram:channel:-7:9'],
  ])('names %s as documented', (_, given, rules, expected) => {
    expect(chatSessionKey('telegram', given, rules)).toBe(expected);
  });

  it('never gives two people of direct chats or per-member groups one key', () => {
    const id = fc.stringMatching(/^-?[0-9]{1,12}$/);
    fc.assert(
      fc.property(fc.constantFrom('dm' as const, 'group' as const), id, id, id, (scope, chat, one, other) => {
        fc.pre(one !== other);
        const keyOf = (sender: string) =>
          chatSessionKey('telegram', event(scope, scope === 'dm' ? sender : chat, sender), usual);
        expect(keyOf(one)).not.toBe(keyOf(other));
      }),
    );
  });
});
