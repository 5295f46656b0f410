import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { AuthRateLimit } from '../../config/settings.ts';
import { failedAuthLimiter, type Limiter } from './limiter.ts';

const defaults: AuthRateLimit = {
  maxAttempts: 3,
  windowMs: 60_000,
  lockoutMs: 300_000,
  exemptLoopback: true,
};

function open(settings: Partial<AuthRateLimit> = {}, capacity?: number) {
  const clock = virtualClock();
  const limiter = failedAuthLimiter({ ...defaults, ...settings }, clock, capacity);
  return { clock, limiter };
}

const secret = 'shared-secret';
const ip = '1.2.3.4';

function fail(limiter: Limiter, times: number, address: string | undefined = ip): boolean[] {
  return Array.from({ length: times }, () => limiter.failed(secret, address));
}

describe('failures of one address', () => {
  it('lock it out with the one that reaches the limit, for the whole time', async () => {
    const { clock, limiter } = open();
    expect(fail(limiter, 2)).toEqual([false, false]);
    expect(limiter.waitMs(secret, ip)).toBe(0);
    expect(fail(limiter, 1)).toEqual([true]);
    expect(limiter.waitMs(secret, ip)).toBe(300_000);
    await clock.advance(299_999);
    expect(limiter.waitMs(secret, ip)).toBe(1);
    await clock.advance(1);
    expect(limiter.waitMs(secret, ip)).toBe(0);
  });

  it('during a lockout do not lengthen it, and afterwards the count starts at zero', async () => {
    const { clock, limiter } = open();
    fail(limiter, 3);
    await clock.advance(100_000);
    expect(fail(limiter, 5)).toEqual([false, false, false, false, false]);
    expect(limiter.waitMs(secret, ip)).toBe(200_000);
    await clock.advance(200_000);
    expect(fail(limiter, 2)).toEqual([false, false]);
    expect(limiter.waitMs(secret, ip)).toBe(0);
  });

  it('count only inside a sliding window', async () => {
    const { clock, limiter } = open();
    fail(limiter, 1);
    await clock.advance(40_000);
    fail(limiter, 1);
    await clock.advance(20_000);
    expect(fail(limiter, 1)).toEqual([false]);
    await clock.advance(39_999);
    expect(fail(limiter, 1)).toEqual([true]);
  });

  it('are forgotten with a success', () => {
    const { limiter } = open();
    fail(limiter, 2);
    limiter.succeeded(secret, ip);
    expect(fail(limiter, 2)).toEqual([false, false]);
  });

  it('mean nothing for another address or another class', () => {
    const { limiter } = open();
    fail(limiter, 3);
    expect(limiter.waitMs(secret, '1.2.3.5')).toBe(0);
    expect(limiter.waitMs('browser-socket', ip)).toBe(0);
    limiter.succeeded('browser-socket', ip);
    expect(limiter.waitMs(secret, ip)).toBe(300_000);
  });

  it('are those of every spelling of the address', () => {
    const { limiter } = open();
    fail(limiter, 2, '::ffff:1.2.3.4');
    expect(fail(limiter, 1, '1.2.3.4')).toEqual([true]);
    expect(limiter.waitMs(secret, '::ffff:102:304')).toBe(300_000);
  });

  it('of an unknown address count together', () => {
    const { limiter } = open();
    limiter.failed(secret, undefined);
    limiter.failed(secret, undefined);
    expect(limiter.failed(secret, undefined)).toBe(true);
  });
});

describe('this machine', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('is never limited as %s', (address) => {
    const { limiter } = open();
    expect(fail(limiter, 20, address)).not.toContain(true);
    expect(limiter.waitMs(secret, address)).toBe(0);
  });

  it('is limited without the exemption, and pages in its browsers always are', () => {
    const { limiter } = open({ exemptLoopback: false, maxAttempts: 1 });
    expect(limiter.failed(secret, '127.0.0.1')).toBe(true);
    const other = open({ maxAttempts: 1 }).limiter;
    expect(other.failed('browser-socket', '127.0.0.1')).toBe(true);
    expect(other.waitMs('browser-socket', '127.0.0.1')).toBe(300_000);
  });
});

describe('the table', () => {
  const address = (n: number) => `20.0.${n >> 8}.${n & 255}`;

  it('forgets the oldest entry that is not locked out', () => {
    const { limiter } = open({}, 4);
    fail(limiter, 3, address(0));
    for (let n = 1; n <= 4; n += 1) fail(limiter, 2, address(n));
    // 1 made room for 4; 0 is locked and stays.
    expect(limiter.waitMs(secret, address(0))).toBe(300_000);
    expect(limiter.failed(secret, address(2))).toBe(true);
    expect(limiter.failed(secret, address(1))).toBe(false);
  });

  it('full of lockouts lets go of the first one', () => {
    const { limiter } = open({ maxAttempts: 1 }, 3);
    for (let n = 0; n < 4; n += 1) fail(limiter, 1, address(n));
    expect([0, 1, 2, 3].map((n) => limiter.waitMs(secret, address(n)) > 0)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('an attack from very many addresses is held in bounded memory and time', () => {
    const { limiter } = open({}, 100);
    for (let n = 0; n < 20_000; n += 1) limiter.failed(secret, address(n));
    expect(limiter.waitMs(secret, address(19_999))).toBe(0);
  });
});

type Step =
  | { readonly do: 'fail' | 'succeed'; readonly at: number }
  | { readonly do: 'wait'; readonly ms: number };

it('agrees with a plain model of the rules for any history', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constantFrom('fail' as const, 'succeed' as const), at: fc.nat(2) }),
    fc.record({ do: fc.constant('fail' as const), at: fc.nat(2) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(120_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, limiter } = open();
      let now = 0;
      const model = [0, 1, 2].map(() => ({ failures: [] as number[], until: 0 }));
      for (const each of steps) {
        if (each.do === 'wait') {
          await clock.advance(each.ms);
          now += each.ms;
          continue;
        }
        const who = model[each.at]!;
        const locked = who.until > now;
        expect(limiter.waitMs(secret, `9.9.9.${each.at}`)).toBe(locked ? who.until - now : 0);
        // Nothing is compared while an address is locked out, so there are only failures that came in before.
        if (each.do === 'succeed' && locked) continue;
        if (each.do === 'succeed') {
          limiter.succeeded(secret, `9.9.9.${each.at}`);
          who.failures = [];
          continue;
        }
        limiter.failed(secret, `9.9.9.${each.at}`);
        if (locked) continue;
        who.failures = [...who.failures.filter((time) => now - time < defaults.windowMs), now];
        if (who.failures.length >= defaults.maxAttempts) {
          who.until = now + defaults.lockoutMs;
          who.failures = [];
        }
      }
    }),
  );
});
