import type { OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';
import { openTurns } from '../lib/turns.ts';

export const open: OpenExperiment = (lab) =>
  openTurns(lab, 64, ({ latencies, seconds, used }) => ({
    rate: latencies.length / seconds,
    p99: percentile(latencies, 0.99),
    ...used,
  }));
