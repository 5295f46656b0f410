import { describe, expect, test } from 'vitest';
import { wecomConfig } from './config.ts';
import { normalId, policyOf } from './policy.ts';

const policy = (values: object = {}) =>
  policyOf(wecomConfig.schema.parse({ bot_id: 'B', secret: 'fake-secret', ...values }));

test('entries lose their prefixes and their case', () => {
  for (const entry of ['WeCom:User:Zhang', ' user:zhang', 'wecom: group:ZHANG ', 'zhang'])
    expect(normalId(entry)).toBe('zhang');
});

describe('direct messages', () => {
  test.each([
    ['open', true],
    ['pairing', true],
    ['disabled', false],
    ['allowlist', false],
  ])('under %s a stranger passes: %s', (dm_policy, passes) => {
    expect(policy({ dm_policy }).direct('stranger')).toBe(passes);
  });

  test('under allowlist those on the list pass, in any spelling, or all with *', () => {
    const listed = policy({ dm_policy: 'allowlist', allow_from: ['wecom:User:ZhangSan'] });
    expect([listed.direct('zhangsan'), listed.direct('lisi')]).toEqual([true, false]);
    expect(policy({ dm_policy: 'allowlist', allow_from: '*' }).direct('lisi')).toBe(true);
  });

  test('without a list of its own the list of WECOM_ALLOWED_USERS counts; an empty list stays empty', () => {
    const values = { dm_policy: 'allowlist', allowed_users: 'lisi, wangwu' };
    expect(policy(values).direct('lisi')).toBe(true);
    expect(policy({ ...values, allow_from: [] }).direct('lisi')).toBe(false);
  });
});

describe('groups', () => {
  test.each([
    ['open', true],
    ['disabled', false],
    ['allowlist', false],
    ['pairing', false],
  ])('under %s an unlisted group passes: %s', (group_policy, passes) => {
    expect(policy({ group_policy }).group('wr1', 'u')).toBe(passes);
  });

  test('an entry with prefix and other case lets the group pass', () => {
    const listed = policy({ group_policy: 'allowlist', group_allow_from: ['WeCom:Group:WrGROUP'] });
    expect([listed.group('wrgroup', 'u'), listed.group('wrother', 'u')]).toEqual([true, false]);
  });

  test('the list of a group, else that of *, names who may talk to the bot there', () => {
    const lists = policy({
      groups: {
        wrA: { allow_from: ['alice', 'bob'] },
        'group:WRB': { allow_from: 'charlie' },
        wrC: {},
        '*': { allowFrom: ['admin'] },
      },
    });
    const asked = [
      ['wrA', 'Alice'],
      ['wrA', 'admin'],
      ['wrb', 'charlie'],
      ['wrb', 'alice'],
      ['wrC', 'anybody'],
      ['wrD', 'admin'],
      ['wrD', 'alice'],
    ] as const;
    expect(asked.map(([chat, user]) => lists.group(chat, user))).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  test('the list of members opens no group that the policy shuts', () => {
    const shut = policy({ group_policy: 'allowlist', groups: { wrA: { allow_from: ['alice'] } } });
    expect(shut.group('wrA', 'alice')).toBe(false);
  });
});
