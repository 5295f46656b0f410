/** Runs one experiment: warm-up, then rounds in which the subjects take turns. */
import { syncTimes } from './disk.ts';
import type { Measured, OpenExperiment, Subject } from './experiment.ts';
import type { Goal } from './goal.ts';
import type { Lab } from './lab.ts';
import { busy } from './machine.ts';
import { percentile } from './percentiles.ts';
import type { Row, Series } from './report.ts';

export interface Comparison {
  readonly goal: Goal;
  readonly seconds: number;
  readonly rounds: readonly Round[];
  /** Why a subject has no more rounds. */
  readonly notServed: Readonly<Partial<Record<Subject, string | undefined>>>;
}

export interface Round {
  /** Milliseconds of appends of 4 KiB to the disk of the home, taken while nothing else is measured. */
  readonly diskMs: readonly number[];
  readonly load: number;
  readonly measured: Readonly<Partial<Record<Subject, Measured>>>;
}

const warmUpSeconds = 2;
const diskWrites = 40;

export async function compare(
  lab: Lab,
  goal: Goal,
  open: OpenExperiment,
  options: { readonly rounds: number; readonly seconds: number; say(line: string): void },
): Promise<Comparison> {
  const { seconds, say } = options;
  const notServed: Partial<Record<Subject, string | undefined>> = {};
  const rounds: Round[] = [];
  try {
    const experiment = await open(lab);
    for (let number = 0; number <= options.rounds; number += 1) {
      say(number === 0 ? `${goal.id} warming up` : `${goal.id} round ${number} of ${options.rounds}`);
      const round = { diskMs: syncTimes(lab.folder, diskWrites), load: busy() };
      const measured: Partial<Record<Subject, Measured>> = {};
      for (const subject of experiment.subjects) {
        if (notServed[subject] !== undefined) continue;
        try {
          const time = number === 0 ? Math.min(warmUpSeconds, seconds) : seconds;
          measured[subject] = await experiment.round(subject, number, time);
          notServed[subject] = lab.died(subject);
        } catch (error) {
          notServed[subject] = lab.died(subject) ?? reason(error);
        }
      }
      if (number > 0) rounds.push({ ...round, measured });
    }
  } catch (error) {
    notServed.ours = reason(error);
  } finally {
    await lab.clear();
  }
  return { goal, seconds, rounds, notServed };
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** One row per metric. A subject that failed in any round is not served, whatever it did before. */
export function rowsOf({ goal, rounds, notServed }: Comparison): Row[] {
  return goal.metrics.map((metric) => {
    const series: Record<string, Series[Subject]> = {};
    for (const subject of ['ours', 'pass-through', 'upstream'] as const) {
      const values = rounds.flatMap(({ measured }) => measured[subject]?.values[metric.id] ?? []);
      const why = notServed[subject];
      if (why !== undefined) series[subject] = why.split('\n')[0] ?? why;
      else if (values.length > 0) series[subject] = values;
    }
    return { goal, metric, series };
  });
}

/** Failed requests of all rounds, by reason. */
export function failuresOf({ rounds }: Comparison, subject: Subject): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { measured } of rounds) {
    for (const [why, count] of Object.entries(measured[subject]?.failures ?? {})) {
      sums[why] = (sums[why] ?? 0) + count;
    }
  }
  return sums;
}

/** One number per round: the median append of 4 KiB, in milliseconds. */
export function diskOf({ rounds }: Comparison): number[] {
  return rounds.map(({ diskMs }) => percentile(diskMs, 0.5));
}
