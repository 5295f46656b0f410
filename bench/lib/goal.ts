/** What one experiment measures and what it is worth; read from `goal.json` of its folder. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const metric = z.strictObject({
  id: z.string(),
  name: z.string(),
  unit: z.enum(['ms', 'MiB', '%', '/s']),
  better: z.enum(['lower', 'higher']),
  /** What is held against gate and moonshot: our number, or how much it is above that of another subject. */
  judged: z.enum(['ours', 'over pass-through', 'over upstream']).default('ours'),
  /** Without the two the metric is only shown. */
  gate: z.number().optional(),
  moonshot: z.number().optional(),
});

const goal = z.strictObject({
  id: z.string().regex(/^P\d+$/),
  title: z.string(),
  load: z.string(),
  /** What the subject beside us does not promise. */
  unequal: z.string(),
  source: z.string(),
  /** Of one subject in one round. */
  seconds: z.number(),
  metrics: z.array(metric).min(1),
});

export type Metric = z.output<typeof metric>;
export type Goal = z.output<typeof goal>;

export function readGoal(file: string | URL): Goal {
  return goal.parse(JSON.parse(readFileSync(file, 'utf8')));
}
