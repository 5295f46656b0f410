import type { OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';
import { openTurns } from '../lib/turns.ts';

export const open: OpenExperiment = (lab) =>
  openTurns(lab, 1, ({ latencies, used }) => ({
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    ...(used && { cpu: used.cpu }),
  }));
