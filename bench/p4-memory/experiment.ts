import { setTimeout as delay } from 'node:timers/promises';
import { connectedGateway, homeWithThree } from '../lib/connected.ts';
import type { OpenExperiment } from '../lib/experiment.ts';
import { residentMiB } from '../lib/proc.ts';

export const open: OpenExperiment = async (lab) => {
  const home = await homeWithThree(lab);
  return {
    subjects: ['ours', 'pass-through'],
    async round(subject, _number, seconds) {
      const running = await (subject === 'ours' ? connectedGateway(lab, home) : lab.passThrough(home.url));
      await delay(seconds * 1000);
      const resident = residentMiB(running.pid);
      await running.stop();
      return { values: { resident } };
    },
  };
};
