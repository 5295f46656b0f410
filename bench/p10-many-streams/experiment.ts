import type { Experiment, OpenExperiment, Subject } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';
import { cpuMs, residentMiB } from '../lib/proc.ts';

const streams = 500;
/** 30 frames a second for two seconds. */
const pace = { frames: 60, gapMs: 1000 / 30 };
const ask = { model: 'bench', stream: true, messages: [{ role: 'user', content: 'Tell me a story.' }] };

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('paced', pace);
  const ours = await lab.gateway(await lab.home(upstream));
  const pass = await lab.passThrough(upstream);
  const addresses = {
    ours,
    'pass-through': pass,
    upstream: { url: upstream, headers: pass.headers, pid: undefined },
  } as const satisfies Record<Subject, object>;
  return {
    subjects: ['ours', 'pass-through', 'upstream'],
    async round(subject, _number, seconds) {
      const { url, headers, pid } = addresses[subject];
      const began = performance.now();
      const before = pid === undefined ? 0 : cpuMs(pid);
      const { gap, failures } = await lab.clients.run('readStreams', {
        url: `${url}/v1/chat/completions`,
        headers,
        body: JSON.stringify(ask),
        seconds,
        frames: pace.frames,
        connections: streams,
      });
      const late = gap.filter((ms) => ms > 2 * pace.gapMs).length;
      const used =
        pid === undefined
          ? {}
          : {
              cpu: (100 * (cpuMs(pid) - before)) / (performance.now() - began),
              resident: residentMiB(pid),
            };
      return {
        values: { gap: percentile(gap, 0.99), late: (100 * late) / gap.length, ...used },
        failures,
      };
    },
  };
};
