import type { Experiment, OpenExperiment, Subject } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

const answer = 'The harbour opens at six and the first ferry leaves at a quarter past.';
const ask = { model: 'bench', messages: [{ role: 'user', content: 'When does the first ferry leave?' }] };

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('instant', { text: answer });
  const ours = await lab.gateway(await lab.home(upstream));
  const pass = await lab.passThrough(upstream);
  const addresses = {
    ours,
    'pass-through': pass,
    upstream: { url: upstream, headers: pass.headers },
  } as const satisfies Record<Subject, object>;
  return {
    subjects: ['ours', 'pass-through', 'upstream'],
    async round(subject, _number, seconds) {
      const { url, headers } = addresses[subject];
      const order = {
        url: `${url}/v1/chat/completions`,
        headers,
        body: JSON.stringify(ask),
        seconds: seconds / 2,
        expect: 'harbour',
      };
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
