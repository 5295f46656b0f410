/** `hermes gateway run`: the gateway in the foreground (gateway-core §1.1, §1.6). */
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { createHome } from '../config/home.ts';
import type { Loaded } from '../config/load.ts';
import { isInsideGateway } from '../config/process.ts';
import { KeyReader } from '../config/resolve.ts';
import type { Settings } from '../config/settings.ts';
import { toBoolean } from '../config/values.ts';
import { fail } from '../core/errors.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { readSettings, refuseProblems } from './settings.ts';

export interface RunOptions {
  readonly verbose: number;
  readonly quiet?: boolean;
  readonly replace?: boolean;
  readonly greet?: boolean;
}

export async function gatewayRun(host: Host, place: Place, options: RunOptions): Promise<number> {
  refuseRootInContainer(host);
  const { home } = homeOf(host, place);
  const ready = await readSettings(host, place);
  if (ready.fault !== undefined) (await import('../core/fault.ts')).armFault(ready.fault);
  const refused = refuseProblems(host, ready, options.quiet);
  if (refused !== undefined) return refused;
  createHome(home);
  if (options.replace) {
    if (isInsideGateway(host.env))
      fail('BAD_USAGE', { why: 'the gateway cannot be replaced from inside itself.' });
    await (await import('./gateway-stop.ts')).endRunning(home);
  }
  const settings = withSomethingToServe(ready, options);
  const { openLog } = await import('./log.ts');
  const { log, close } = openLog(settings, options.quiet ? 'silent' : options.verbose, host.stderr);
  const { runUntilStopped } = await import('./run-loop.ts');
  try {
    const manifests = ready.specs.map((spec) => spec.manifest);
    const gateway = await host.startGateway({ settings, problems: ready.problems, log, manifests });
    // The launcher saved memory while the program was loaded; from here on it has to be fast.
    setFlagsFromString('--no-optimize-for-size');
    log('info', 'gateway.started', { home, pid: process.pid, node: process.version });
    if (!options.quiet) {
      const { greet } = await import('./greeting.ts');
      greet(host, settings, gateway, options.greet === true);
    }
    return await runUntilStopped(host, gateway, { home, quiet: options.quiet === true });
  } finally {
    close();
  }
}

/** With nothing configured there would be nothing to talk to: the API serves this machine alone. */
function withSomethingToServe({ settings, sources }: Loaded, options: Pick<RunOptions, 'greet'>): Settings {
  const alone = Object.keys(settings.platforms).length === 0;
  const wish = new KeyReader(sources, () => {}).value('platforms.api_server.enabled');
  if (settings.api.enabled || wish === false || !(alone || options.greet)) return settings;
  return { ...settings, api: { ...settings.api, enabled: true } };
}

/** In a container image, files written by root would lock the ordinary user out of the home later. */
function refuseRootInContainer(host: Host): void {
  const inContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv');
  const official = host.env['HERMES_CONTAINER_IMAGE'] !== undefined;
  if (process.getuid?.() !== 0 || !inContainer || !official) return;
  if (toBoolean(host.env['HERMES_ALLOW_ROOT_GATEWAY'])) return;
  fail('BAD_USAGE', {
    why: 'Refusing to run as root inside the container image. Run it as the ordinary user, or set HERMES_ALLOW_ROOT_GATEWAY=1.',
  });
}
