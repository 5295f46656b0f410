import { describe, expect, it } from 'vitest';
import { brand, type ChatId, type SenderId } from '../core/ids.ts';
import type { ChatEnvelope } from '../intake/envelope.ts';
import { contextPrompt } from './context.ts';

const envelope = (more: Partial<ChatEnvelope['event']>, shared = false): ChatEnvelope => ({
  type: 'chat',
  platform: 'telegram',
  shared,
  event: {
    at: { chat: brand<ChatId>('7') },
    kind: 'message',
    scope: 'dm',
    from: { id: brand<SenderId>('7'), name: 'Ann', isBot: false, isSelf: false },
    text: 'hi',
    ...more,
  },
});
const facts = { title: 'Telegram', connected: ['Telegram'] };

describe('the context prompt', () => {
  it('says where a direct chat happens and with whom', () => {
    const prompt = contextPrompt(envelope({}), { ...facts, promptHint: 'Short answers.' });
    expect(prompt).toBe(
      '## Current Session Context\n**Source:** Telegram (direct chat)\n**User:** Ann\n**Platform notes:** Short answers.\n**Connected Platforms:** local (files on this machine), Telegram: Connected ✓',
    );
  });

  it('names nobody in a shared conversation and is the same for every sender', () => {
    const group = (name: string) =>
      contextPrompt(
        envelope({ scope: 'group', chatName: 'Ops', from: { name, isBot: false, isSelf: false } }, true),
        facts,
      );
    expect(group('Ann')).toBe(group('Bob'));
    expect(group('Ann')).toContain('**Source:** Telegram (group Ops)');
    expect(group('Ann')).not.toContain('Ann');
  });
});
