import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { brand, type SessionKey } from './ids.ts';
import { type LaneState, Lanes } from './lanes.ts';

const key = (name: string) => brand<SessionKey>(name);
const settle = () => new Promise((resolve) => setImmediate(resolve));

function lanes(
  limit: number,
  work: (key: SessionKey) => Promise<LaneState>,
  busy: (key: SessionKey) => void = () => {},
) {
  return new Lanes({ clock: systemClock, limit, work, busy, failed: () => {} });
}

describe('lanes', () => {
  it('that are held wait, and start when they are let go', async () => {
    const done: string[] = [];
    const all = lanes(10, async (key) => {
      done.push(key);
      return 'idle';
    });
    all.hold(true);
    all.wake(key('a'));
    all.wake(key('b'));
    await settle();
    expect([done, all.waiting, all.working]).toEqual([[], 2, 0]);
    all.hold(false);
    await settle();
    expect(done).toEqual(['a', 'b']);
  });

  it('run one job per key at a time and look again when woken meanwhile', async () => {
    let now = 0;
    let most = 0;
    let jobs = 0;
    const all = lanes(10, async () => {
      now += 1;
      most = Math.max(most, now);
      await settle();
      now -= 1;
      jobs += 1;
      return 'idle';
    });
    all.wake(key('a'));
    all.wake(key('a'));
    all.wake(key('a'));
    for (let turn = 0; turn < 10; turn += 1) await settle();
    expect({ most, jobs }).toEqual({ most: 1, jobs: 2 });
  });

  it('run different keys side by side up to the limit', async () => {
    let now = 0;
    let most = 0;
    const all = lanes(3, async () => {
      now += 1;
      most = Math.max(most, now);
      await settle();
      now -= 1;
      return 'idle';
    });
    for (let index = 0; index < 20; index += 1) all.wake(key(`k${index}`));
    for (let turn = 0; turn < 40; turn += 1) await settle();
    expect({ most, now, waiting: all.waiting }).toEqual({ most: 3, now: 0, waiting: 0 });
  });

  it('tell about work that arrives while the lane is busy', async () => {
    const heard: string[] = [];
    let release = () => {};
    const all = lanes(
      1,
      () =>
        new Promise((resolve) => {
          release = () => resolve('idle');
        }),
      (name) => heard.push(name),
    );
    all.wake(key('a'));
    all.wake(key('a'));
    expect(heard).toEqual(['a']);
    release();
  });

  it('wait as long as the job asks and can be woken earlier', async () => {
    let jobs = 0;
    const all = lanes(1, async () => {
      jobs += 1;
      return jobs === 1 ? { waitMs: 60_000 } : 'idle';
    });
    all.wake(key('a'));
    await settle();
    all.wake(key('a'));
    await settle();
    expect(jobs).toBe(2);
  });

  it('stop after the running jobs and start nothing new', async () => {
    let release = () => {};
    let jobs = 0;
    const all = lanes(
      1,
      () =>
        new Promise((resolve) => {
          jobs += 1;
          release = () => resolve('again');
        }),
    );
    all.wake(key('a'));
    all.wake(key('b'));
    const stopped = all.stop();
    release();
    await stopped;
    all.wake(key('c'));
    await settle();
    expect(jobs).toBe(1);
  });
});
