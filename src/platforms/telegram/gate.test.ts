import { describe, expect, test } from 'vitest';
import type { LogLevel } from '../../core/log.ts';
import { gate, gateRules, mentions, triggerRanges } from './gate.ts';
import { configFor } from './testing.ts';
import type { WireEntity, WireMessage } from './wire.ts';

const me = { id: '8000001', username: 'My_Hermes_Bot' };
const nowhere = { url: 'http://127.0.0.1:1', token: '8000001:fake-token-for-tests-0123456789abcd' };

function message(text: string, more: Partial<WireMessage> = {}): WireMessage {
  const entities: WireEntity[] = [...text.matchAll(/(?<!\w)@\w+/g)].map((match) => ({
    type: 'mention',
    offset: match.index,
    length: match[0].length,
  }));
  return {
    id: '1',
    chat: { id: '-100', type: 'supergroup', isForum: false },
    text,
    entities,
    body: {},
    ...more,
  };
}

const rules = (values: object = {}) => gateRules(configFor(nowhere, values), () => {});
const decide = (given: WireMessage, values?: object) => {
  const verdict = gate(given, me, rules(values));
  return verdict.process ? 'process' : verdict.why;
};
const replyToMe = { replyTo: { id: '5', from: { id: me.id, isBot: true, name: 'Hermes' } } };

describe('the steps in their order', () => {
  test('without settings every group message is for us', () => {
    expect(decide(message('hi'))).toBe('process');
  });

  test('topics not allowed are dropped even when we are mentioned; no topic counts as General', () => {
    const values = { allowed_topics: '7' };
    expect(decide(message('@my_hermes_bot', { thread: '8' }), values)).toBe('topic-not-allowed');
    expect(decide(message('hi', { thread: '7' }), values)).toBe('process');
    expect(decide(message('hi'), values)).toBe('topic-not-allowed');
    expect(decide(message('hi'), { allowed_topics: '1' })).toBe('process');
  });

  test('ignored threads are dropped; entries that are no number are said and skipped', () => {
    expect(decide(message('hi', { thread: '7' }), { ignored_threads: [7] })).toBe('thread-ignored');
    const said: [LogLevel, string][] = [];
    gateRules(configFor(nowhere, { ignored_threads: 'seven,8' }), (level, event) =>
      said.push([level, event]),
    );
    expect(said).toEqual([['warn', 'telegram.bad_thread_id']]);
  });

  test('a message that names another bot is not for us, not even as a reply to us', () => {
    expect(decide(message('@other_bot go', replyToMe))).toBe('other-bot-named');
    expect(decide(message('@other_bot and @my_hermes_bot go'))).toBe('process');
    expect(decide(message('@other_bot go', replyToMe), { exclusive_bot_mentions: 'off' })).toBe('process');
    expect(decide(message('@someone go'))).toBe('process');
    const command = { type: 'bot_command', offset: 0, length: 15 };
    expect(decide(message('/stop@other_bot', { entities: [command] }))).toBe('other-bot-named');
  });

  test('the plain text is searched for other bots only when there are no entities', () => {
    expect(decide(message('ask @other_bot', { entities: [] }))).toBe('other-bot-named');
    expect(decide(message('mail x@other_bot or `@other_bot', { entities: [] }))).toBe('process');
    const unrelated = [{ type: 'bold', offset: 0, length: 3 }];
    expect(decide(message('ask @other_bot', { entities: unrelated }))).toBe('process');
  });

  test('other chats are dropped unless a guest mentions us; a reply is not enough', () => {
    const values = { allowed_chats: '-200' };
    expect(decide(message('@my_hermes_bot'), values)).toBe('chat-not-allowed');
    expect(decide(message('@my_hermes_bot'), { ...values, guest_mode: true })).toBe('process');
    expect(decide(message('hi', replyToMe), { ...values, guest_mode: true })).toBe('chat-not-allowed');
  });

  test.each([
    ['a free chat', message('hi'), { free_response_chats: -100 }, 'process'],
    ['a reply to us', message('hi', replyToMe), {}, 'process'],
    ['a mention', message('hi @MY_hermes_bot'), {}, 'process'],
    ['a pattern', message('HERMES, hi'), { mention_patterns: '["^hermes\\\\b"]' }, 'process'],
    ['nothing of that', message('hi'), { mention_patterns: 'other' }, 'not-mentioned'],
  ])('with require_mention, %s decides', (_name, given, values, expected) => {
    expect(decide(given, { require_mention: 'yes', ...values })).toBe(expected);
  });

  test('only what the last step drops may be observed', () => {
    const values = { require_mention: true, observe_unmentioned_group_messages: true };
    expect(gate(message('hi'), me, rules(values))).toMatchObject({ observe: true });
    expect(gate(message('@other_bot'), me, rules(values))).toMatchObject({ observe: false });
  });

  test('a pattern that is no regular expression is said and skipped, the others hold', () => {
    const said: string[] = [];
    const made = gateRules(configFor(nowhere, { mention_patterns: ['(', 'ok'] }), (_level, event) =>
      said.push(event),
    );
    expect(said).toEqual(['telegram.bad_mention_pattern']);
    expect(made.mentionPatterns).toHaveLength(1);
  });
});

describe('a mention', () => {
  test('is what an entity says, never a substring', () => {
    expect(mentions(message('foo@my_hermes_bot.example'), me)).toBe(false);
    expect(
      mentions(message('see @my_hermes_bot', { entities: [{ type: 'code', offset: 4, length: 14 }] }), me),
    ).toBe(false);
    const link = { type: 'text_mention', offset: 0, length: 2, user: { id: me.id, isBot: true, name: 'H' } };
    expect(mentions(message('hi', { entities: [link] }), me)).toBe(true);
    const command = { type: 'bot_command', offset: 0, length: 18 };
    expect(mentions(message('/new@my_hermes_bot', { entities: [command] }), me)).toBe(true);
  });

  test('is removed with its separators, only the first one, and never to nothing', () => {
    const ranges = (text: string) => triggerRanges(message(text), me);
    expect(ranges('@my_hermes_bot: - do it')).toEqual([{ from: 0, to: 18 }]);
    expect(ranges('a @my_hermes_bot b @my_hermes_bot')).toEqual([{ from: 2, to: 17 }]);
    expect(ranges(' @my_hermes_bot, ')).toEqual([]);
  });
});
