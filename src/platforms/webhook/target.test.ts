import { describe, expect, it } from 'vitest';
import { issueOf, targetOf } from './target.ts';

const to = (deliver: string, deliverExtra: Readonly<Record<string, unknown>> = {}, payload: unknown = {}) =>
  targetOf({ deliver, deliverExtra }, { payload, event: 'push' });

describe('an answer goes', () => {
  it('to the log unless something else is named', () => {
    for (const deliver of ['', 'log', 'local', 'origin']) expect(to(deliver)).toEqual({ kind: 'log' });
  });

  it('to the home channel of a platform, or to the chat and topic that are named', () => {
    expect(to('telegram')).toEqual({ kind: 'to', target: { platform: 'telegram' } });
    expect(to('telegram', { chat_id: '-1001', message_thread_id: '42' })).toEqual({
      kind: 'to',
      target: { platform: 'telegram', chat: '-1001', thread: '42' },
    });
    expect(to('slack', { chat_id: '{channel}', thread_id: 7 }, { channel: 'C1' })).toEqual({
      kind: 'to',
      target: { platform: 'slack', chat: 'C1', thread: '7' },
    });
    expect(to('telegram', { chat_id: ' ' })).toEqual({ kind: 'to', target: { platform: 'telegram' } });
  });

  it('to a chat named behind the platform, whose id may hold colons', () => {
    expect(to('telegram:-1001:42')).toEqual({
      kind: 'to',
      target: { platform: 'telegram', chat: '-1001', thread: '42' },
    });
    expect(to('matrix:!room:server.org')).toEqual({
      kind: 'to',
      target: { platform: 'matrix', chat: '!room:server.org' },
    });
  });

  it('to no name that is none', () => {
    for (const deliver of ['Telegram!', '../x', 'tele gram'])
      expect(to(deliver)).toEqual({ kind: 'bad', why: `Unknown deliver type: ${deliver}` });
  });

  it('to an issue or pull request of GitHub, if that has the right form', () => {
    const extra = { repo: '{repository.full_name}', pr_number: '{number}' };
    const payload = { repository: { full_name: 'octo/re.po-1' }, number: 12 };
    const target = to('github_comment', extra, payload);
    expect(target).toEqual({ kind: 'to', target: { platform: 'webhook', chat: 'github:octo/re.po-1#12' } });
    expect(issueOf('github:octo/re.po-1#12')).toEqual({ repo: 'octo/re.po-1', number: '12' });
    expect(to('github_comment')).toEqual({ kind: 'bad', why: 'Missing repo or pr_number' });
    for (const number of ['0', '-1', '1.5', '1; rm', '{number}', '1e3', '٣', '9'.repeat(20)])
      expect(to('github_comment', { repo: 'a/b', pr_number: number }), number).toMatchObject({
        why: 'Invalid pr_number',
      });
    for (const repo of ['a/b/c', 'a', '/b', 'a/', 'a b/c', '--repo/x;', '-a/b', 'a/b#1'])
      expect(to('github_comment', { repo, pr_number: 1 }), repo).toMatchObject({
        why: 'Invalid repo format',
      });
  });
});

it('chats of other forms are no issues', () => {
  for (const chat of [
    'webhook:r:d',
    'github:',
    'github:a/b',
    'github:a/b#0',
    'github:a/b/c#1',
    'github:a/b#1#x y',
  ])
    expect(issueOf(chat), chat).toBeUndefined();
});
