import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ToolPolicy } from '../../config/settings.ts';
import { isOwnerOnly, matcher, narrowed, unknownNames } from './policy.ts';

const tools = [
  'terminal',
  'process',
  'read_file',
  'write_file',
  'patch',
  'search_files',
  'todo',
  'cronjob',
  'ha_get_state',
  'ha_call_service',
  'sessions_list',
];

const rule = (more: Partial<ToolPolicy>): ToolPolicy => ({
  profile: undefined,
  alsoAllow: [],
  allow: [],
  deny: [],
  toolsets: undefined,
  ...more,
});

const left = (...rules: Partial<ToolPolicy>[]) => [...narrowed(tools, rules.map(rule))];

describe('rules about tools', () => {
  test('without any every tool is left', () => {
    expect(left()).toEqual(tools);
    expect(left({})).toEqual(tools);
  });

  test('understand names of other gateways, groups and patterns', () => {
    expect(left({ allow: ['exec', 'Read'] })).toEqual(['terminal', 'read_file']);
    expect(left({ allow: ['group:fs'] })).toEqual(['read_file', 'write_file', 'patch', 'search_files']);
    expect(left({ allow: ['ha_*'], deny: ['ha_call*'] })).toEqual(['ha_get_state']);
    expect(left({ deny: ['apply_patch', 'group:runtime', 'cron'] })).toEqual([
      'read_file',
      'write_file',
      'search_files',
      'todo',
      'ha_get_state',
      'ha_call_service',
      'sessions_list',
    ]);
  });

  test('a later rule never gives back what an earlier one took', () => {
    expect(left({ deny: ['terminal'] }, { allow: ['terminal', 'todo'] })).toEqual(['todo']);
    expect(left({ profile: 'minimal', alsoAllow: ['todo'] }, { allow: ['*'] })).toEqual(['todo']);
  });

  test('deny beats allow in the same rule', () => {
    expect(left({ allow: ['todo', 'process'], deny: ['todo'] })).toEqual(['process']);
  });

  test('a profile is a limit, and full is none', () => {
    expect(left({ profile: 'full' })).toEqual(tools);
    expect(left({ profile: 'messaging' })).toEqual(['sessions_list']);
  });

  test('toolsets limit, too', () => {
    expect(left({ toolsets: ['terminal'] })).toEqual(['terminal', 'process']);
    expect(left({ toolsets: [] })).toEqual([]);
  });

  test('any rules leave a part of what there was, in its order', () => {
    const words = fc.array(
      fc.oneof(fc.constantFrom(...tools, 'exec', 'group:fs', '*', 'read*'), fc.string()),
    );
    const rules = fc.record({
      profile: fc.constantFrom(undefined, 'minimal', 'messaging', 'coding', 'full'),
      alsoAllow: words,
      allow: words,
      deny: words,
      toolsets: fc.option(words, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 4 }), fc.subarray(tools), (list, names) => {
        const result = [...narrowed(names, list)];
        expect(names.filter((name) => result.includes(name))).toEqual(result);
        for (const { deny } of list) expect(result.filter(matcher(deny))).toEqual([]);
      }),
    );
  });

  test('a name that means nothing is found', () => {
    expect(unknownNames([rule({ deny: ['exce', 'exec', 'ha_*'], allow: ['group:nope'] })], tools)).toEqual([
      'group:nope',
      'exce',
    ]);
  });

  test('owner-only are the documented tools and those that say so', () => {
    expect(tools.filter((name) => isOwnerOnly({ name }))).toEqual(['cronjob']);
    expect(isOwnerOnly({ name: 'pay', risk: 'owner' })).toBe(true);
  });
});
