import { describe, expect, it } from 'vitest';
import { brand, type MessageId } from '../core/ids.ts';
import type { Outcome } from '../core/outcome.ts';
import { deliveryWindowMs, judge, type PartFacts, type Policy } from './settle.ts';

const body = { text: '*a*', mode: 'MarkdownV2', plain: 'a' };
const part: PartFacts = { attempt: 1, op: { kind: 'send', body }, createdAt: 0, mark: null, crashed: false };
const none: Policy = { idempotency: { kind: 'none' }, onUnknown: 'repeat' };
const unknown: Outcome = { kind: 'unknown', why: 'reset' };
const retry: Outcome = { kind: 'retry', scope: 'part', why: 'refused' };

describe('the verdict about a part', () => {
  it('is sent with the platform id', () => {
    const outcome: Outcome = { kind: 'sent', id: brand<MessageId>('9') };
    expect(judge(outcome, part, none, 1, 0)).toEqual({ kind: 'sent', message: '9', mark: null });
  });

  it('obeys the delay the platform asked for, in its scope', () => {
    const outcome: Outcome = { kind: 'retry', afterMs: 7_000, scope: 'chat', why: '429' };
    expect(judge(outcome, part, none, 1, 0)).toMatchObject({
      kind: 'again',
      afterMs: 7_000,
      hold: 'chat',
      mark: null,
    });
  });

  it('backs off with full jitter and a cap when the platform names no delay', () => {
    for (const attempt of [1, 2, 5, 50]) {
      const ceiling = Math.min(60_000, 1_000 * 2 ** (attempt - 1));
      for (const random of [0, 0.5, 0.999]) {
        const verdict = judge(retry, { ...part, attempt }, none, 1, random);
        expect(verdict).toMatchObject({ kind: 'again' });
        if (verdict.kind === 'again') expect(verdict.afterMs).toBeGreaterThan(0);
        if (verdict.kind === 'again') expect(verdict.afterMs).toBeLessThanOrEqual(ceiling);
      }
    }
  });

  it('gives a certainly unsent part up when its window ends', () => {
    expect(judge(retry, part, none, deliveryWindowMs + 1, 0)).toMatchObject({ kind: 'dead', mark: null });
  });

  it('repeats an unknown outcome without a key marked, and gives up after three attempts', () => {
    expect(judge(unknown, part, none, 1, 0)).toMatchObject({ kind: 'again', mark: 'maybe_doubled' });
    expect(judge(unknown, { ...part, attempt: 3, mark: 'maybe_doubled' }, none, 1, 0)).toMatchObject({
      kind: 'dead',
      mark: 'maybe_lost',
    });
  });

  it('does not count attempts that our own end cut off', () => {
    const cut = { ...part, attempt: 9, mark: 'maybe_doubled' as const, crashed: true };
    expect(judge(unknown, cut, none, 1, 0)).toMatchObject({ kind: 'again', mark: 'maybe_doubled' });
  });

  it('holds an unknown outcome where the account says so', () => {
    expect(judge(unknown, part, { ...none, onUnknown: 'hold' }, 1, 0)).toMatchObject({
      kind: 'dead',
      mark: 'maybe_lost',
    });
  });

  it('repeats with the same key, unmarked, where the platform has one', () => {
    const keyed: Policy = { ...none, idempotency: { kind: 'key', windowMs: 1 } };
    expect(judge(unknown, part, keyed, 1, 0)).toMatchObject({ kind: 'again', mark: null });
  });

  it('asks where the platform can look a message up', () => {
    expect(judge(unknown, part, { ...none, idempotency: { kind: 'lookup' } }, 1, 0)).toMatchObject({
      kind: 'look',
    });
  });

  it('sends the plain text once when the format is refused', () => {
    const refused: Outcome = { kind: 'rejected', code: 'bad-format', why: "can't parse entities" };
    const verdict = judge(refused, part, none, 1, 0);
    expect(verdict).toMatchObject({ kind: 'again', afterMs: 0, op: { body: { text: 'a', plain: 'a' } } });
    const plain: PartFacts = { ...part, op: { kind: 'send', body: { text: 'a', plain: 'a' } } };
    expect(judge(refused, plain, none, 1, 0)).toMatchObject({ kind: 'dead' });
  });

  it('ends a part the platform refuses for good', () => {
    const outcome: Outcome = { kind: 'rejected', code: 'blocked', why: 'bot was blocked' };
    expect(judge(outcome, part, none, 1, 0)).toEqual({
      kind: 'dead',
      why: 'blocked: bot was blocked',
      mark: null,
    });
  });
});
