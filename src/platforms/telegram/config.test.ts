import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fileUrl, methodUrl, telegramConfig } from './config.ts';
import manifest from './manifest.ts';

const token = '8000001:fake-token-for-tests-0123456789abcd';
const parse = (values: object) => telegramConfig.schema.parse({ token, ...values });
const problems = (values: object) =>
  telegramConfig.schema
    .safeParse(values)
    .error?.issues.map((issue) => [issue.path.join('.'), issue.message]) ?? [];

test('a token alone is enough and gives the documented defaults', () => {
  expect(parse({})).toEqual({
    token,
    allowed_chats: [],
    allowed_topics: [],
    ignored_threads: [],
    require_mention: false,
    free_response_chats: [],
    mention_patterns: [],
    exclusive_bot_mentions: true,
    guest_mode: false,
    observe_unmentioned_group_messages: false,
    reply_to_mode: 'first',
    text_batch_delay_seconds: 0.3,
    text_batch_split_delay_seconds: 1,
    media_batch_delay_seconds: 0.8,
    disable_link_previews: false,
    webhook_port: 8443,
  });
});

test('every environment variable names a key of the schema', () => {
  const given = Object.fromEntries(Object.values(telegramConfig.env).map((key) => [key, undefined]));
  const known = parse({ webhook_url: 'https://e.org/hook', webhook_secret: 'abc', base_url: 'http://h/bot' });
  expect(Object.keys(given).filter((key) => !(key in known))).toEqual([]);
  expect(manifest.secrets.filter((key) => !(key in known))).toEqual([]);
});

test.each([
  [{ require_mention: 'On' }, 'require_mention', true],
  [{ require_mention: 1 }, 'require_mention', true],
  [{ exclusive_bot_mentions: 'maybe' }, 'exclusive_bot_mentions', true],
  [{ exclusive_bot_mentions: 'off' }, 'exclusive_bot_mentions', false],
  [{ reply_to_mode: false }, 'reply_to_mode', 'off'],
  [{ reply_to_mode: 'ALL' }, 'reply_to_mode', 'all'],
  [{ reply_to_mode: 'sometimes' }, 'reply_to_mode', 'first'],
  [{ allowed_chats: -1001 }, 'allowed_chats', ['-1001']],
  [{ allowed_chats: ' -1, ,-2 ' }, 'allowed_chats', ['-1', '-2']],
  [{ allowed_chats: [-1, '-2'] }, 'allowed_chats', ['-1', '-2']],
  [{ mention_patterns: '["a,b", "c"]' }, 'mention_patterns', ['a,b', 'c']],
  [{ mention_patterns: 'a,b\nc' }, 'mention_patterns', ['a,b', 'c']],
  [{ mention_patterns: '[ab]c,d' }, 'mention_patterns', ['[ab]c', 'd']],
  [{ ingest_unmentioned_group_messages: true }, 'observe_unmentioned_group_messages', true],
  [{ extra: { guest_mode: true } }, 'guest_mode', true],
  [{ guest_mode: false, extra: { guest_mode: true } }, 'guest_mode', true],
  [{ webhook_url: '' }, 'webhook_url', undefined],
] as const)('%o gives %s', (values, key, expected) => {
  expect(parse(values)[key]).toEqual(expected);
});

describe('what cannot work is refused with a path and a sentence', () => {
  test.each([[{}], [{ token: 'changeme' }], [{ token: '123:short' }], [{ token: `x${token}` }]])(
    'token %o',
    (values) => {
      expect(problems(values)).toEqual([['token', expect.stringMatching(/BotFather/)]]);
    },
  );

  test('a webhook without a secret names the variable, the advisory and the command', () => {
    const [[path, message] = []] = problems({ token, webhook_url: 'https://e.org/hook' });
    expect(path).toBe('webhook_secret');
    for (const part of ['TELEGRAM_WEBHOOK_SECRET', 'GHSA-3vpc-7q5r-276h', 'openssl rand -hex 32'])
      expect(message).toContain(part);
  });

  test('a secret outside the alphabet and a bad address', () => {
    expect(problems({ token, webhook_url: 'https://e.org', webhook_secret: 'a b' })[0]?.[0]).toBe(
      'webhook_secret',
    );
    expect(problems({ token, base_url: 'ftp://e.org/bot' })[0]?.[0]).toBe('base_url');
  });

  test('no problem repeats the token', () => {
    expect(JSON.stringify(problems({ token: 'secret-value' }))).not.toContain('secret-value');
  });
});

test('the account is the bot id, the machine-wide identity is the token', () => {
  const config = parse({});
  expect(telegramConfig.account(config)).toBe('8000001');
  expect(telegramConfig.identity?.(config)).toEqual({
    scope: 'telegram-bot-token',
    value: token,
    description: 'Telegram bot token',
  });
});

test('addresses follow the base URL', () => {
  expect(methodUrl(parse({}), 'getMe')).toBe(`https://api.telegram.org/bot${token}/getMe`);
  expect(fileUrl(parse({}), 'a/b c.jpg')).toBe(`https://api.telegram.org/file/bot${token}/a/b%20c.jpg`);
  const own = parse({ base_url: 'http://127.0.0.1:8081/bot' });
  expect(methodUrl(own, 'getMe')).toBe(`http://127.0.0.1:8081/bot${token}/getMe`);
  expect(fileUrl(own, 'x')).toBe(`http://127.0.0.1:8081/file/bot${token}/x`);
  expect(telegramConfig.origins?.(own)).toEqual(['127.0.0.1:8081']);
  expect(fileUrl(parse({ base_file_url: 'http://f/' }), 'x')).toBe(`http://f/${token}/x`);
});

test('the listener is asked for only with a webhook', () => {
  expect(telegramConfig.listener?.(parse({}))).toBeUndefined();
  const hook = { webhook_secret: 'abc', webhook_port: '9000' };
  expect(telegramConfig.listener?.(parse({ ...hook, webhook_url: 'https://e.org/a/b' }))).toEqual({
    host: '0.0.0.0',
    port: 9000,
    path: '/a/b',
  });
  expect(telegramConfig.listener?.(parse({ ...hook, webhook_url: 'https://e.org' }))?.path).toBe('/telegram');
});

test('every setting is described', () => {
  const { properties = {} } = z.toJSONSchema(telegramConfig.schema, { io: 'input', unrepresentable: 'any' });
  const plain = Object.entries(properties).filter(
    ([, value]) => typeof value !== 'object' || !value.description,
  );
  expect(Object.keys(properties)).toContain('token');
  expect(plain.map(([name]) => name)).toEqual([]);
});

describe('batch windows', () => {
  const windows = (values: object) =>
    telegramConfig.batch?.(
      telegramConfig.schema.parse({ token: '8000001:fake-token-for-tests-0123456789abcd', ...values }),
    );

  test('are the documented ones by default', () => {
    expect(windows({})).toMatchObject({ textMs: 300, splitMs: 1000, splitAt: 4000, mediaMs: 800 });
  });

  test('are kept within their bounds, and the split window never ends before the ordinary one', () => {
    expect(windows({ text_batch_delay_seconds: '0.01' })).toMatchObject({ textMs: 80 });
    expect(windows({ text_batch_delay_seconds: 9, text_batch_split_delay_seconds: '0.5' })).toMatchObject({
      textMs: 2000,
      splitMs: 2000,
    });
    expect(windows({ text_batch_delay_seconds: 'soon' })).toMatchObject({ textMs: 300 });
  });
});
