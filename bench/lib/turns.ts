/** Load of whole turns: ours against stored sessions, the others with the same bytes. */
import { ferry, openChats, subjects } from './chats.ts';
import type { Experiment } from './experiment.ts';
import type { Lab } from './lab.ts';
import type { LoadResult } from './load.ts';
import { cpuMs, residentMiB } from './proc.ts';

/** Conversations that take turns; each is replaced after ten, so that speed does not lengthen what is sent. */
const sessions = { count: 500, turns: 10 };

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
  const upstream = await lab.far.run('instant', { text: ferry.answer });
  const chats = await openChats(lab, upstream);
  return {
    subjects,
    async round(subject, number, seconds) {
      const { url, headers, pid } = chats[subject];
      const before = pid === undefined ? 0 : cpuMs(pid);
      const result = await lab.clients.run('load', {
        url,
        headers,
        body: ferry.body,
        connections,
        seconds,
        expect: ferry.expect,
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
