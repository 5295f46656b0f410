import { describe, expect, it } from 'vitest';
import { en } from './en.ts';
import { say } from './say.ts';

describe('say', () => {
  it('fills in every name of a text', () => {
    expect(say('busy.queue', { detail: ' (1 min elapsed)' })).toBe(
      "⏳ Queued for the next turn (1 min elapsed). I'll respond once the current task finishes.",
    );
  });

  it('does not read names out of the values it fills in', () => {
    expect(say('turn.partial', { reason: '{reason} {x}' })).toBe(
      '⚠️ Processing stopped: {reason} {x}. Try again.',
    );
  });

  it('keeps the documented texts exact', () => {
    expect(say('gateway.restarted')).toBe('♻ Gateway restarted successfully. Your session continues.');
    expect(say('sessions.limit', { active: 3, most: 3 })).toBe(
      'Hermes is at the active session limit (3/3). Try again when another session finishes.',
    );
    expect(say('turn.failed', { detail: 'no' })).toBe(
      'The request failed: no\nTry again or use /reset to start a fresh session.',
    );
  });

  it('has no text with an unbalanced brace', () => {
    for (const text of Object.values(en)) expect(text.replace(/\{\w+\}/g, '')).not.toMatch(/[{}]/);
  });
});
