import type { Measured, OpenExperiment } from '../lib/experiment.ts';

/** Nobody answers there; nothing asks. */
const noUpstream = 'http://127.0.0.1:9';

export const open: OpenExperiment = async (lab) => {
  const home = await lab.home(noUpstream);
  return {
    subjects: ['ours', 'pass-through'],
    async round(subject): Promise<Measured> {
      if (subject === 'pass-through') {
        const pass = await lab.passThrough(noUpstream);
        await pass.stop();
        return { values: { start: pass.startMs, cpu: pass.startCpuMs } };
      }
      const again = await lab.gateway(home);
      await again.stop();
      const first = await lab.gateway(await lab.home(noUpstream));
      await first.stop();
      return { values: { start: again.startMs, cpu: again.startCpuMs, first: first.startMs } };
    },
  };
};
