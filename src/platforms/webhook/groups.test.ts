import { describe, expect, it } from 'vitest';
import { signers } from './fake.ts';
import { Groups } from './groups.ts';
import { handClock, read, request, secret, setUp } from './testing.ts';

const route = {
  prompt: 'PR {n}: {state}',
  coalesce: { key: 'n', window_seconds: 30, max_wait_seconds: 100 },
};

describe('events of a route that coalesces', () => {
  it('with the same key share a conversation that waits for a quiet window, the newest knows of the others', async () => {
    const { post, intake, clock } = setUp({ r: route });
    expect((await post('r', { n: 7, state: 'opened' })).body).toMatchObject({
      status: 'coalesced',
      route: 'r',
      event: 'push',
      delivery_id: expect.any(String),
    });
    clock.time += 20_000;
    expect((await post('r', { n: 7, state: 'closed' })).status).toBe(202);
    const [first, second] = intake.events;
    expect(first).toMatchObject({ at: { chat: `webhook:${first?.key}` }, coalesce: { waitMs: 30_000 } });
    expect(second).toMatchObject({ at: first?.at, coalesce: { waitMs: 30_000 } });
    expect(second?.key).not.toBe(first?.key);
    expect(first?.text).not.toContain('superseded');
    expect(second?.text).toContain('1 earlier event(s) of the same kind were superseded');
  });

  it('wait no longer than the longest wait from the first on', async () => {
    const { post, intake, clock } = setUp({ r: route });
    const waits: unknown[] = [];
    for (let n = 0; n < 4; n += 1) {
      await post('r', { n: 7, state: n });
      waits.push(intake.events.at(-1)?.coalesce?.waitMs);
      clock.time += 25_000;
    }
    expect(waits).toEqual([30_000, 30_000, 30_000, 25_000]);
    await post('r', { n: 7, state: 'later' });
    expect(intake.events.at(-1)?.coalesce?.waitMs).toBe(30_000);
    expect(intake.events.at(-1)?.at.chat).not.toBe(intake.events[0]?.at.chat);
    expect(intake.events.at(-1)?.text).not.toContain('superseded');
  });

  it('of another key, of another route, or after the window are another group', async () => {
    const { post, intake, clock } = setUp({ r: route, other: route });
    await post('r', { n: 7 });
    await post('r', { n: 8 });
    await post('other', { n: 7 });
    clock.time += 30_000;
    await post('r', { n: 7, again: true });
    expect(new Set(intake.events.map(({ at }) => at.chat)).size).toBe(4);
  });

  it('without a value for the key wait for nobody', async () => {
    const { post, intake } = setUp({ r: { ...route, coalesce: { key: '{repo.name}#{n}' } } });
    expect((await post('r', { n: 7 })).body).toMatchObject({ status: 'accepted' });
    expect(intake.events[0]).not.toHaveProperty('coalesce');
    expect((await post('r', { n: 7, repo: { name: 'a' } })).body).toMatchObject({ status: 'coalesced' });
  });

  it('that come again or could not be stored do not count as superseded', async () => {
    const { adapter, post, intake } = setUp({ r: route });
    await post('r', { n: 7 });
    expect((await post('r', { n: 7 })).body).toMatchObject({ status: 'duplicate' });
    const body = JSON.stringify({ n: 7, state: 'lost' });
    const full = { ...intake, accept: () => Promise.reject(new Error('disk full')) };
    const lost = adapter.webhook!(request('/webhooks/r', body, signers.github(body, secret)), full);
    await expect(lost).rejects.toThrow('disk full');
    expect(
      read(await adapter.webhook!(request('/webhooks/r', body, signers.github(body, secret)), intake)),
    ).toMatchObject({ status: 202 });
    expect(intake.events.at(-1)?.text).toContain('1 earlier event(s)');
  });
});

it('groups are forgotten when their time is over, however many there are', () => {
  const clock = handClock();
  const groups = new Groups(clock);
  const quick = { key: 'n', windowMs: 1000, maxWaitMs: 1000 };
  for (let n = 0; n < 10_050; n += 1) groups.join('r', String(n), `d${n}`, quick);
  expect(groups.size).toBeLessThanOrEqual(10_000);
  clock.time += 1000;
  groups.join('r', 'new', 'd', quick);
  expect(groups.size).toBe(1);
});
