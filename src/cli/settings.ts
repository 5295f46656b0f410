/** Configuration as a command needs it: loaded, and refused when it must not be run with. */
import { join } from 'node:path';
import { type Loaded, loadSettings } from '../config/load.ts';
import { describeProblem, preventsStart } from '../config/problem.ts';
import { exitCodes } from './failure.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { line, styleFor } from './print.ts';

export interface Ready extends Loaded {
  readonly specs: Awaited<ReturnType<Host['platforms']>>;
}

/** Throws CONFIG_UNREADABLE. */
export async function readSettings(host: Host, place: Place): Promise<Ready> {
  const specs = await host.platforms();
  const projectEnv = join(import.meta.dirname, '..', '..', '.env');
  const loaded = await loadSettings({
    env: host.env,
    home: homeOf(host, place).home,
    platforms: specs,
    projectEnv,
  });
  return { ...loaded, specs };
}

/** Says every problem on stderr; answers the exit code when one of them forbids the start. `quiet` keeps warnings back. */
export function refuseProblems(host: Host, { problems }: Loaded, quiet = false): number | undefined {
  const style = styleFor(host, host.stderr);
  const refused = problems.some(preventsStart);
  if (quiet && !refused) return undefined;
  for (const problem of problems) {
    const mark = problem.severity === 'error' ? style.red('✗') : style.yellow('⚠');
    line(host.stderr, `${mark} ${describeProblem(problem)}`);
  }
  return refused ? exitCodes.config : undefined;
}
