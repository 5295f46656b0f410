import type { Experiment, OpenExperiment, Subject } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

const pace = { frames: 25, gapMs: 10 };
const ask = { model: 'bench', stream: true, messages: [{ role: 'user', content: 'Tell me a story.' }] };

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('paced', pace);
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
      const { firstFrame, addedGap, failures } = await lab.clients.run('readStreams', {
        url: `${url}/v1/chat/completions`,
        headers,
        body: JSON.stringify(ask),
        seconds,
        frames: pace.frames,
      });
      return {
        values: { first: percentile(firstFrame, 0.5), gap: percentile(addedGap, 0.99) },
        samples: { firstFrameMs: firstFrame, addedGapMs: addedGap },
        failures,
      };
    },
  };
};
