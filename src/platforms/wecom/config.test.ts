import { describe, expect, test } from 'vitest';
import { wecomConfig } from './config.ts';

const needed = { bot_id: 'BOT123', secret: 'fake-secret' };
const parse = (values: object) => wecomConfig.schema.parse({ ...needed, ...values });
const problems = (values: object) =>
  wecomConfig.schema.safeParse(values).error?.issues.map(({ path, message }) => [path.join('.'), message]);

describe('the settings', () => {
  test('need id and secret, and say so in the documented words', () => {
    const sentence = 'WeCom startup failed: WECOM_BOT_ID and WECOM_SECRET are required';
    expect(problems({})).toEqual([
      ['bot_id', sentence],
      ['secret', sentence],
    ]);
    expect(problems({ bot_id: '', secret: 's' })).toEqual([['bot_id', sentence]]);
  });

  test('may stand in both spellings, the documented one wins', () => {
    const config = parse({
      groupAllowFrom: 'a, b',
      websocketUrl: 'wss://own.example',
      dm_policy: ' Allowlist ',
      allowFrom: ['x'],
      allow_from: ['y'],
    });
    expect(config).toMatchObject({
      dm_policy: 'allowlist',
      allow_from: ['y'],
      group_allow_from: ['a', 'b'],
      websocket_url: 'wss://own.example',
    });
  });

  test('have the documented defaults', () => {
    expect(parse({})).toMatchObject({
      websocket_url: 'wss://openws.work.weixin.qq.com',
      dm_policy: 'open',
      group_policy: 'open',
      group_allow_from: [],
      groups: {},
    });
    expect(parse({}).allow_from).toBeUndefined();
  });

  test('with an unknown policy are refused, never taken as open', () => {
    expect(problems({ ...needed, dm_policy: 'everyone' })?.[0]?.[0]).toBe('dm_policy');
    expect(problems({ ...needed, group_policy: 7 })?.[0]?.[0]).toBe('group_policy');
  });

  test('send the secret over an encrypted connection only, except to this machine', () => {
    expect(problems({ ...needed, websocket_url: 'ws://lan.example' })?.[0]?.[1]).toMatch(
      /must start with wss/,
    );
    expect(problems({ ...needed, websocket_url: 'https://x.example' })?.[0]?.[0]).toBe('websocket_url');
    expect(parse({ websocket_url: 'ws://127.0.0.1:1' }).websocket_url).toBe('ws://127.0.0.1:1');
  });

  test('open exactly the hosts they name', () => {
    expect(wecomConfig.origins?.(parse({}))).toEqual([]);
    const own = parse({ websocket_url: 'wss://own.example:8443/x', media_hosts: 'cos.example' });
    expect(wecomConfig.origins?.(own)).toEqual(['wss://own.example:8443', 'cos.example']);
  });

  test('lock the bot id', () => {
    expect(wecomConfig.account(parse({}))).toBe('BOT123');
    expect(wecomConfig.identity?.(parse({}))).toMatchObject({ value: 'BOT123' });
  });

  test('wait 0.6 s for more text and 2 s behind a cut piece; zero or less switches waiting off', () => {
    expect(wecomConfig.batch?.(parse({}))).toEqual({ textMs: 600, splitMs: 2000, splitAt: 3900, mediaMs: 0 });
    const off = wecomConfig.batch?.(parse({ text_batch_delay_seconds: '-1' }));
    expect(off).toMatchObject({ textMs: 0, splitMs: 0 });
  });
});
