import { openChats, story, subjects } from '../lib/chats.ts';
import type { Experiment, OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

const pace = { frames: 25, gapMs: 10 };

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('paced', pace);
  const chats = await openChats(lab, upstream);
  return {
    subjects,
    async round(subject, _number, seconds) {
      const { url, headers } = chats[subject];
      const { firstFrame, addedGap, failures } = await lab.clients.run('readStreams', {
        url,
        headers,
        body: story,
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
