import { describe, expect, test } from 'vitest';
import type { Goal, Metric } from './goal.ts';
import { figure, judge, type Row, table } from './report.ts';

const metric: Metric = {
  id: 'p50',
  name: 'turn p50',
  unit: 'ms',
  better: 'lower',
  judged: 'over pass-through',
  gate: 5,
  moonshot: 2,
};
const goal: Goal = {
  id: 'P6',
  title: 't',
  load: 'l',
  unequal: 'u',
  source: 's',
  seconds: 1,
  metrics: [metric],
};
const row = (series: Row['series'], change: Partial<Metric> = {}): Row => ({
  goal,
  metric: { ...metric, ...change },
  series,
});

describe('the verdict', () => {
  test('judges the difference inside each round, not of the medians', () => {
    const series = { ours: [3, 30, 4], 'pass-through': [1, 27, 1] };
    expect(judge(row(series))).toEqual({ judged: 3, gate: true, moonshot: false });
  });

  test('of a rate is met from the limit on', () => {
    const rate = { better: 'higher', judged: 'ours', gate: 800, moonshot: 3000 } as const;
    expect(judge(row({ ours: [800] }, rate))).toEqual({ judged: 800, gate: true, moonshot: false });
    expect(judge(row({ ours: [799] }, rate)).gate).toBe(false);
  });

  test('is a failed gate when nothing was measured', () => {
    expect(judge(row({ ours: 'it ended' }))).toEqual({ judged: undefined, gate: false, moonshot: false });
    expect(judge(row({ ours: [1], 'pass-through': 'it ended' })).gate).toBe(false);
    expect(judge(row({ ours: [1], 'pass-through': [] })).gate).toBe(false);
  });

  test('without a goal is none', () => {
    const shown = row({ ours: [1], 'pass-through': [1] }, { gate: undefined, moonshot: undefined });
    expect(judge(shown)).toMatchObject({ gate: undefined, moonshot: undefined });
  });
});

describe('the table', () => {
  test('shows medians, spread, ratio and both limits', () => {
    const lines = table([row({ ours: [3, 2, 4], 'pass-through': [1, 1, 2], upstream: [0.1] })]).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]?.split(/ {2,}/)).toEqual([
      'P6 turn p50',
      '3 ms (2–4)',
      '1 ms (1–2)',
      '0.1 ms (0.1–0.1)',
      '3×',
      'added 2 ms',
      '≤ 5 ms ✓',
      '≤ 2 ms ✓',
    ]);
  });

  test('says why a subject was not served', () => {
    expect(table([row({ ours: [3], 'pass-through': 'refused' })])).toContain('not served: refused');
  });
});

test('figures have three significant digits', () => {
  expect([0.012345, 1.2345, 99.96, 1234.5, 0, Number.NaN].map(figure)).toEqual([
    '0.0123',
    '1.23',
    '100',
    '1235',
    '0',
    '?',
  ]);
});
