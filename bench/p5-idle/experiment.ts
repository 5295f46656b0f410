import { setTimeout as delay } from 'node:timers/promises';
import { connectedGateway, homeWithTelegram } from '../lib/connected.ts';
import type { OpenExperiment } from '../lib/experiment.ts';
import { cpuMs } from '../lib/proc.ts';

export const open: OpenExperiment = async (lab) => {
  const home = await homeWithTelegram(lab);
  const ours = await connectedGateway(lab, home);
  const pass = await lab.passThrough(home.url);
  let passShare = Number.NaN;
  return {
    subjects: ['ours', 'pass-through'],
    async round(subject, _number, seconds) {
      // Idle processes do not disturb each other, so both are watched over the same time.
      if (subject === 'pass-through') return { values: { share: passShare } };
      const before = [cpuMs(ours.pid), cpuMs(pass.pid)] as const;
      const started = performance.now();
      await delay(seconds * 1000);
      const elapsed = performance.now() - started;
      const share = (pid: number, used: number) => ((cpuMs(pid) - used) / elapsed) * 100;
      passShare = share(pass.pid, before[1]);
      return { values: { share: share(ours.pid, before[0]) } };
    },
  };
};
