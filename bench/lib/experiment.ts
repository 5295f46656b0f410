import type { Lab } from './lab.ts';

/** `upstream` = straight to the fake model, without anything between. */
export type Subject = 'ours' | 'pass-through' | 'upstream';

/** What one subject did in one round. */
export interface Measured {
  /** By id of the metric. A metric that a subject does not have is left out. */
  readonly values: Readonly<Record<string, number>>;
  /** Raw samples, kept in the results file. */
  readonly samples?: Readonly<Record<string, ArrayLike<number>>>;
  /** How many requests failed, by reason. */
  readonly failures?: Readonly<Record<string, number>>;
}

export interface Experiment {
  readonly subjects: readonly Subject[];
  /** Round 0 warms up and is not counted. */
  round(subject: Subject, number: number, seconds: number): Promise<Measured>;
}

/** The `open` of `experiment.ts` in each folder. What it starts through the lab, the lab ends. */
export type OpenExperiment = (lab: Lab) => Promise<Experiment>;
