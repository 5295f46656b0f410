/** How a command that failed ends: one sentence, how to mend it, an exit code; never a stack. */
import { GatewayError } from '../core/errors.ts';
import { Refused } from './control.ts';
import type { Host } from './host.ts';
import { line, styleFor } from './print.ts';

/** gateway-core §1.6: a wrong configuration must not make a service manager try again for ever. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, config: 78 } as const;

const configCodes: ReadonlySet<string> = new Set([
  'CONFIG_UNREADABLE',
  'BIND_WITHOUT_KEY',
  'WEAK_KEY',
  'NO_MODEL',
]);

/** Writes the failure to stderr and answers the exit code. */
export function reportFailure(host: Host, error: unknown): number {
  const style = styleFor(host, host.stderr);
  const known = error instanceof GatewayError || error instanceof Refused;
  const message = error instanceof Error ? error.message : String(error);
  line(host.stderr, `${style.red('✗')} ${message}`);
  if (known && error.fix !== undefined) line(host.stderr, `  ${error.fix}`);
  if (!known)
    line(host.stderr, '  This was not expected; the files in the folder `logs` of the home may say more.');
  if (!known) return exitCodes.failed;
  if (error.code === 'BAD_USAGE') return exitCodes.usage;
  return configCodes.has(error.code) ? exitCodes.config : exitCodes.failed;
}
