/** The table of all metrics and the verdict on each. */
import type { Subject } from './experiment.ts';
import type { Goal, Metric } from './goal.ts';
import { type Spread, spread } from './percentiles.ts';

/** One number per round and subject. A subject that could not be served has the reason instead. */
export type Series = Readonly<Partial<Record<Subject, readonly number[] | string>>>;

export interface Row {
  readonly goal: Goal;
  readonly metric: Metric;
  readonly series: Series;
}

export interface Verdict {
  /** The median that is held against gate and moonshot; undefined = not measured. */
  readonly judged: number | undefined;
  /** Undefined = there is no such goal. */
  readonly gate: boolean | undefined;
  readonly moonshot: boolean | undefined;
}

/** A metric with a gate that was not measured has failed it. */
export function judge({ metric, series }: Row): Verdict {
  const rounds = judgedRounds(metric, series);
  const judged = rounds === undefined || rounds.length === 0 ? undefined : spread(rounds).median;
  const meets = (limit: number | undefined) => {
    if (limit === undefined) return undefined;
    if (judged === undefined) return false;
    return metric.better === 'lower' ? judged <= limit : judged >= limit;
  };
  return { judged, gate: meets(metric.gate), moonshot: meets(metric.moonshot) };
}

/** Differences are taken inside a round, so that noise that hits both subjects cancels out. */
function judgedRounds({ judged }: Metric, series: Series): readonly number[] | undefined {
  const ours = measured(series.ours);
  if (judged === 'ours' || ours === undefined) return ours;
  const base = measured(series[judged === 'over upstream' ? 'upstream' : 'pass-through']);
  return base && ours.map((value, round) => value - (base[round] ?? Number.NaN));
}

const measured = (rounds: readonly number[] | string | undefined) =>
  typeof rounds === 'string' ? undefined : rounds;

const heads = [
  'metric',
  'ours',
  'pass-through',
  'upstream alone',
  'ours ÷ pass',
  'judged',
  'gate',
  'moonshot',
] as const;

/** Medians with least and greatest round; one line per metric. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const { metric, goal, series } = row;
    const verdict = judge(row);
    const [ours, pass] = [measured(series.ours), measured(series['pass-through'])];
    const ratio = ours && pass ? spread(ours).median / spread(pass).median : Number.NaN;
    return [
      `${goal.id} ${metric.name}`,
      rounds(series.ours, metric),
      rounds(series['pass-through'], metric),
      rounds(series.upstream, metric),
      Number.isFinite(ratio) ? `${figure(ratio)}×` : '—',
      verdict.judged === undefined || metric.gate === undefined
        ? '—'
        : `${metric.judged === 'ours' ? '' : 'added '}${figure(verdict.judged)} ${metric.unit}`,
      limit(metric, metric.gate, verdict.gate),
      limit(metric, metric.moonshot, verdict.moonshot),
    ];
  });
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(heads), line(widths.map((width) => '─'.repeat(width))), ...cells.map(line)].join('\n');
}

function rounds(series: readonly number[] | string | undefined, { unit }: Metric): string {
  if (series === undefined || series.length === 0) return '—';
  if (typeof series === 'string') return `not served: ${series}`;
  const { median, min, max }: Spread = spread(series);
  return `${figure(median)} ${unit} (${figure(min)}–${figure(max)})`;
}

function limit({ better, unit }: Metric, value: number | undefined, met: boolean | undefined): string {
  if (value === undefined) return '—';
  return `${better === 'lower' ? '≤' : '≥'} ${figure(value)} ${unit} ${met ? '✓' : '✗'}`;
}

/** Three significant digits, whole numbers from a hundred on. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return '?';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
