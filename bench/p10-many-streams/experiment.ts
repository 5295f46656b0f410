import { openChats, story, subjects } from '../lib/chats.ts';
import type { Experiment, OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';
import { cpuMs, residentMiB } from '../lib/proc.ts';

const streams = 500;
/** 30 frames a second for two seconds. */
const pace = { frames: 60, gapMs: 1000 / 30 };

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('paced', pace);
  const chats = await openChats(lab, upstream);
  return {
    subjects,
    async round(subject, _number, seconds) {
      const { url, headers, pid } = chats[subject];
      const began = performance.now();
      const before = pid === undefined ? 0 : cpuMs(pid);
      const { gap, failures } = await lab.clients.run('readStreams', {
        url,
        headers,
        body: story,
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
