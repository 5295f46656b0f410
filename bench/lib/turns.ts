/** Load of whole turns: ours against stored sessions, the others with the same bytes. */
import type { Experiment, Subject } from './experiment.ts';
import type { Lab } from './lab.ts';
import type { LoadResult } from './load.ts';
import { cpuMs, residentMiB } from './proc.ts';

/** Conversations that take turns; each is replaced after ten, so that speed does not lengthen what is sent. */
const sessions = { count: 500, turns: 10 };

const answer = 'The harbour opens at six and the first ferry leaves at a quarter past.';
const ask = { model: 'bench', messages: [{ role: 'user', content: 'When does the first ferry leave?' }] };

export interface TurnsResult extends LoadResult {
  /** Of the subject's process; absent for the upstream. */
  readonly used?: {
    /** Milliseconds per answered turn; unlike the time, hardly more beside busy neighbours. */
    readonly cpu: number;
    /** MiB after the load. */
    readonly resident: number;
  };
}

export async function openTurns(
  lab: Lab,
  connections: number,
  values: (result: TurnsResult) => Record<string, number>,
): Promise<Experiment> {
  const upstream = await lab.far.run('instant', { text: answer });
  const ours = await lab.gateway(await lab.home(upstream));
  const pass = await lab.passThrough(upstream);
  const running = {
    ours,
    'pass-through': pass,
    upstream: { url: upstream, headers: pass.headers, pid: undefined },
  } as const satisfies Record<Subject, object>;
  return {
    subjects: ['ours', 'pass-through', 'upstream'],
    async round(subject, number, seconds) {
      const { url, headers, pid } = running[subject];
      const before = pid === undefined ? 0 : cpuMs(pid);
      const result = await lab.clients.run('load', {
        url: `${url}/v1/chat/completions`,
        headers,
        body: JSON.stringify(ask),
        connections,
        seconds,
        expect: 'harbour',
        sessions: { prefix: `c${connections}-round${number}`, ...sessions },
      });
      const used =
        pid === undefined
          ? {}
          : { used: { cpu: (cpuMs(pid) - before) / result.latencies.length, resident: residentMiB(pid) } };
      return {
        values: values({ ...result, ...used }),
        samples: { latencyMs: result.latencies },
        failures: result.failures,
      };
    },
  };
}
