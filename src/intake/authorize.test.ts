import { describe, expect, it } from 'vitest';
import { brand, type ChatId, type SenderId } from '../core/ids.ts';
import { isAuthorized } from './authorize.ts';

const closed = { allowedUsers: [], allowAll: false, groupAllowedUsers: [], groupAllowedChats: [] };
const nobody = { allowedUsers: [], allowAll: false };
const dm = (sender?: string) => ({
  scope: 'dm' as const,
  at: { chat: brand<ChatId>('1') },
  from: { name: 'Ann', isBot: false, isSelf: false, ...(sender ? { id: brand<SenderId>(sender) } : {}) },
});
const group = (sender?: string, chat = '-5') => ({
  ...dm(sender),
  scope: 'group' as const,
  at: { chat: brand<ChatId>(chat) },
});

describe('authorisation', () => {
  it('denies everybody when nothing is configured', () => {
    expect(isAuthorized(dm('1'), closed, nobody)).toBe(false);
    expect(isAuthorized(group('1'), closed, nobody)).toBe(false);
  });

  it('lets listed ids in, by platform list, gateway list or wildcard', () => {
    expect(isAuthorized(dm('1'), { ...closed, allowedUsers: ['1'] }, nobody)).toBe(true);
    expect(isAuthorized(dm('2'), { ...closed, allowedUsers: ['1'] }, nobody)).toBe(false);
    expect(isAuthorized(dm('2'), closed, { allowedUsers: ['2'], allowAll: false })).toBe(true);
    expect(isAuthorized(dm('2'), { ...closed, allowedUsers: ['*'] }, nobody)).toBe(true);
    expect(isAuthorized(dm('49170@s.net'), { ...closed, allowedUsers: ['49170'] }, nobody)).toBe(true);
  });

  it('never lets a display name in', () => {
    expect(isAuthorized(dm('2'), { ...closed, allowedUsers: ['Ann'] }, nobody)).toBe(false);
    const small = (id: string) => id.toLowerCase();
    expect(isAuthorized(dm('ann'), { ...closed, allowedUsers: ['Ann'] }, nobody, small)).toBe(true);
    expect(isAuthorized(dm('ann'), closed, { allowedUsers: ['ANN'], allowAll: false }, small)).toBe(true);
    expect(isAuthorized(dm('bob'), { ...closed, allowedUsers: ['Ann'] }, nobody, small)).toBe(false);
  });

  it('lets group senders in for groups only', () => {
    const lists = { ...closed, groupAllowedUsers: ['7'] };
    expect(isAuthorized(group('7'), lists, nobody)).toBe(true);
    expect(isAuthorized(dm('7'), lists, nobody)).toBe(false);
  });

  it('lets every sender of a listed chat in, also one without an id, and reads old chat entries', () => {
    expect(isAuthorized(group(undefined), { ...closed, groupAllowedChats: ['-5'] }, nobody)).toBe(true);
    expect(isAuthorized(group(undefined), { ...closed, groupAllowedUsers: ['-5'] }, nobody)).toBe(true);
    expect(isAuthorized(group(undefined, '-6'), { ...closed, groupAllowedChats: ['-5'] }, nobody)).toBe(
      false,
    );
    expect(isAuthorized(dm(undefined), { ...closed, allowAll: true }, nobody)).toBe(false);
  });

  it('ignores the open-to-all switch of the gateway as soon as any list is set', () => {
    const open = { allowedUsers: [], allowAll: true };
    expect(isAuthorized(dm('3'), closed, open)).toBe(true);
    expect(isAuthorized(dm('3'), { ...closed, allowedUsers: ['1'] }, open)).toBe(false);
    expect(isAuthorized(dm('3'), { ...closed, groupAllowedChats: ['-5'] }, open)).toBe(false);
  });
});
