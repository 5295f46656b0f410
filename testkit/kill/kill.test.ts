import { describe, expect, it } from 'vitest';
import { faultPoints } from '../../src/core/fault.ts';
import { killLoop } from './run.ts';

/** Three rounds of every named fault point, with as many random moments between them. */
const directedEvery = 2;
const kills = directedEvery * 3 * faultPoints.length;

describe('kill -9', () => {
  it('at random moments and at every named fault point loses nothing, doubles nothing unmarked and repeats no command', {
    timeout: 400_000,
  }, async () => {
    const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
    const { accounts, by } = await killLoop({ kills, seed, directedEvery, programs: 1 });
    const { wrong, ...counts } = accounts;
    console.log(`seed ${seed}`, counts);
    expect(wrong).toEqual([]);
    expect(counts.sent).toBeGreaterThan(100);
    expect(counts.requests).toBeGreaterThan(100);
    expect(counts.commands).toBeGreaterThan(0);
    // What survives a kill was really killed.
    expect(counts.runs).toBeGreaterThan(10);
    expect(counts.resumed).toBeGreaterThan(0);
    expect(counts.background).toBeGreaterThan(10);
    expect(counts.cuts).toBeGreaterThan(0);
    expect(counts.filesGone).toBeGreaterThan(0);
    // Every fault really happened.
    for (const point of faultPoints) expect(by[point] ?? 0, point).toBeGreaterThan(0);
  });
});
