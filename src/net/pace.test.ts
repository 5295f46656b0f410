import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limit } from '../core/manifest.ts';
import { type Call, Pacer } from './pace.ts';

class Time {
  now = 1_000;
  monotonic() {
    return this.now;
  }
}

const limit = (
  scope: Limit['scope'],
  count: number,
  perMs: number,
  calls: Limit['calls'] = 'all',
): Limit => ({
  scope,
  count,
  perMs,
  calls,
  source: 'documented',
});

/** The most calls in any window of `perMs`. */
function densest(times: readonly number[], perMs: number): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at <= from + perMs).length));
}

const limits = fc.array(
  fc.record({
    scope: fc.constantFrom<Limit['scope']>('account', 'chat', 'group'),
    calls: fc.constantFrom<Limit['calls']>('all', 'send'),
    count: fc.integer({ min: 1, max: 6 }),
    perMs: fc.integer({ min: 1, max: 3_000 }),
    source: fc.constant('documented' as const),
  }),
  { maxLength: 4 },
);
const steps = fc.array(
  fc.record({
    chat: fc.constantFrom('a', 'b', 'c', 'group'),
    call: fc.constantFrom<Call>('send', 'edit', 'hint'),
    idle: fc.integer({ min: 0, max: 400 }),
    patient: fc.boolean(),
  }),
  { maxLength: 120 },
);

describe('a pacer', () => {
  it('never lets more calls through than any limit allows in any window, also when it forgets chats', () => {
    fc.assert(
      fc.property(limits, steps, fc.integer({ min: 1, max: 4 }), (declared, asked, maxChats) => {
        const time = new Time();
        const pacer = new Pacer(declared, time, { maxChats });
        const made: { at: number; chat: string; call: Call }[] = [];
        for (const { chat, call, idle, patient } of asked) {
          time.now += idle;
          let wait = pacer.reserve(chat, call, chat === 'group');
          if (wait > 0 && patient) {
            time.now += wait;
            wait = pacer.reserve(chat, call, chat === 'group');
            // Nobody else asked meanwhile, so waiting as told must be enough, but for making room.
            if (maxChats === 4) expect(wait).toBe(0);
          }
          if (wait === 0) made.push({ at: time.now, chat, call });
        }
        for (const { scope, calls, count, perMs } of declared) {
          const counted = made.filter(({ call }) => calls === 'all' || call === 'send');
          const groups =
            scope === 'account'
              ? [counted]
              : (scope === 'group' ? ['group'] : ['a', 'b', 'c', 'group']).map((chat) =>
                  counted.filter((each) => each.chat === chat),
                );
          for (const group of groups)
            expect(
              densest(
                group.map(({ at }) => at),
                perMs,
              ),
            ).toBeLessThanOrEqual(count);
        }
        expect(pacer.size.chats).toBeLessThanOrEqual(maxChats);
      }),
    );
  });

  it('lets a burst up to the limit through at once', () => {
    const pacer = new Pacer([limit('account', 30, 1_000)], new Time());
    expect(Array.from({ length: 31 }, () => pacer.reserve('a', 'send'))).toEqual([
      ...Array(30).fill(0),
      1_001,
    ]);
  });

  it('does not slow one chat because of another', () => {
    const pacer = new Pacer([limit('chat', 1, 1_000)], new Time());
    expect(pacer.reserve('a', 'send')).toBe(0);
    expect(pacer.reserve('a', 'send')).toBe(1_001);
    expect(pacer.reserve('b', 'send')).toBe(0);
  });

  it('leaves half of every limit to what is not a hint', () => {
    const time = new Time();
    const pacer = new Pacer([limit('account', 4, 1_000)], time);
    const hints = [1, 2, 3].map((chat) => pacer.reserve(String(chat), 'hint'));
    expect(hints).toEqual([0, 0, 1_001]);
    expect([pacer.reserve('a', 'send'), pacer.reserve('b', 'send')]).toEqual([0, 0]);
    expect(pacer.reserve('c', 'send')).toBe(1_001);
  });

  it('tells the wait of the whole account from that of one chat', () => {
    const pacer = new Pacer([limit('account', 2, 500), limit('chat', 1, 1_000)], new Time());
    pacer.reserve('a', 'send');
    expect([pacer.reserve('a', 'send'), pacer.accountWait('send')]).toEqual([1_001, 0]);
    pacer.reserve('b', 'send');
    expect([pacer.reserve('c', 'send'), pacer.accountWait('send')]).toEqual([501, 501]);
  });

  it('counts sends only where the limit says so, and groups only in groups', () => {
    const time = new Time();
    const pacer = new Pacer([limit('group', 1, 60_000, 'send')], time);
    expect([pacer.reserve('g', 'hint', true), pacer.reserve('g', 'send', true)]).toEqual([0, 0]);
    expect(pacer.reserve('g', 'hint', true)).toBe(0);
    expect(pacer.reserve('g', 'send', true)).toBe(60_001);
    expect([pacer.reserve('dm', 'send'), pacer.reserve('dm', 'send')]).toEqual([0, 0]);
  });

  it('keeps quiet for as long as the platform asked, in the scope it asked for', () => {
    const time = new Time();
    const pacer = new Pacer([], time);
    pacer.hold('chat', 'a', 5_000);
    pacer.hold('chat', 'a', 1_000);
    expect([pacer.reserve('a', 'send'), pacer.reserve('b', 'send')]).toEqual([5_000, 0]);
    time.now += 2_000;
    pacer.hold('account', 'a', 500);
    expect([pacer.reserve('a', 'send'), pacer.reserve('b', 'send')]).toEqual([3_000, 500]);
    time.now += 3_000;
    expect([pacer.reserve('a', 'send'), pacer.reserve('b', 'send')]).toEqual([0, 0]);
  });

  it('remembers a bounded number of chats and holds', () => {
    const time = new Time();
    const pacer = new Pacer([limit('chat', 1, 1_000)], time, { maxChats: 10 });
    for (let chat = 0; chat < 100; chat++) pacer.hold('chat', `held ${chat}`, 1_000);
    for (let chat = 0; chat < 10; chat++) expect(pacer.reserve(`${chat}`, 'send')).toBe(0);
    expect(pacer.size).toEqual({ chats: 10, holds: 10 });
    expect(pacer.reserve('one more', 'send')).toBe(1_001);
    time.now += 1_001;
    expect(pacer.reserve('one more', 'send')).toBe(0);
    expect(pacer.size.chats).toBe(10);
  });
});
