import { setTimeout as delay } from 'node:timers/promises';
import type { Experiment, OpenExperiment } from '../lib/experiment.ts';
import { residentMiB } from '../lib/proc.ts';
import type { Running } from '../lib/subject.ts';

const readers = 10_000;

/** Path of a stream that is silent until the model says something. */
async function silentStream({ url, headers }: Running): Promise<string> {
  const answer = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ input: 'Tell me a story.', background: true, stream: true }),
  });
  let text = '';
  for await (const bytes of answer.body ?? []) {
    text += Buffer.from(bytes).toString();
    const id = /"id":"(resp_\w+)"/.exec(text)?.[1];
    if (id !== undefined) return `/v1/responses/${id}?stream=true`;
  }
  throw new Error('the response has no id');
}

export const open: OpenExperiment = async (lab): Promise<Experiment> => {
  const upstream = await lab.far.run('held', undefined);
  const home = await lab.home(upstream);
  return {
    subjects: ['ours', 'pass-through'],
    async round(subject, _number, seconds) {
      const running = await (subject === 'ours' ? lab.gateway(home) : lab.fanOut(upstream));
      const path = subject === 'ours' ? await silentStream(running) : '/';
      await lab.far.run('speak', undefined);
      const { url, headers } = running;
      const failures = await lab.clients.run('hold', { url: `${url}${path}`, headers, count: readers });
      await delay(seconds * 1000);
      const resident = residentMiB(running.pid);
      const told: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        const arrived = lab.clients.run('nextToAll', undefined);
        await lab.far.run('speak', undefined);
        told.push(await arrived);
        await delay(200);
      }
      await lab.clients.run('release', undefined);
      await lab.far.run('endHeld', undefined);
      await running.stop();
      return { values: { resident, told: Math.min(...told) }, samples: { toldMs: told }, failures };
    },
  };
};
