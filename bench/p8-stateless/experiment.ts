import { ferry, openChats, subjects } from '../lib/chats.ts';
import type { Experiment, OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('instant', { text: ferry.answer });
  const chats = await openChats(lab, upstream);
  return {
    subjects,
    async round(subject, _number, seconds) {
      const { url, headers } = chats[subject];
      const { body, expect } = ferry;
      const order = { url, headers, body, seconds: seconds / 2, expect };
      const alone = await lab.clients.run('load', { ...order, connections: 1 });
      const many = await lab.clients.run('load', { ...order, connections: 32 });
      return {
        values: { one: percentile(alone.latencies, 0.5), rate: many.latencies.length / many.seconds },
        samples: { oneMs: alone.latencies, manyMs: many.latencies },
        failures: { ...alone.failures, ...many.failures },
      };
    },
  };
};
