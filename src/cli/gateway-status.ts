/** `hermes gateway status`: what runs, in words or as JSON. */
import type { GatewayStatus } from '../gateway.ts';
import { connectGateway } from './control.ts';
import { exitCodes } from './failure.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { harmless, line, styleFor } from './print.ts';

/** Exit code 1 when no gateway runs, so that scripts can ask. */
export async function gatewayStatus(
  host: Host,
  place: Place,
  options: { readonly json?: boolean },
): Promise<number> {
  const { home } = homeOf(host, place);
  const control = await connectGateway(home);
  if (control === undefined) {
    if (options.json) line(host.stdout, JSON.stringify({ state: 'stopped', home }));
    else {
      line(host.stdout, '✗ No gateway running for this profile');
      line(host.stdout, `  Home: ${home}. Start it with \`hermes gateway run\`.`);
    }
    return exitCodes.failed;
  }
  try {
    const status = (await control.request('status')) as GatewayStatus;
    if (options.json) line(host.stdout, JSON.stringify(status));
    else describe(host, status);
    return exitCodes.ok;
  } finally {
    control.close();
  }
}

function describe(host: Host, status: GatewayStatus): void {
  const style = styleFor(host, host.stdout);
  const out = (label: string, value: string) =>
    line(host.stdout, `  ${style.dim(label.padEnd(10))} ${harmless(value)}`);
  const good = status.state === 'running';
  line(
    host.stdout,
    `${good ? style.green('✓') : style.yellow('⚠')} Gateway ${status.state} (PID ${status.pid})`,
  );
  out('home', status.home);
  out(
    'model',
    `${status.model.name} (${status.model.provider})${status.model.isDemo ? ': demo answers' : ''}`,
  );
  out('API', status.api ?? 'off');
  out('turns', `${status.activeTurns} active`);
  for (const account of status.platforms) {
    const mark = account.state === 'connected' ? style.green('✓') : style.yellow('⚠');
    const why = account.message === null ? '' : `: ${account.message}`;
    line(host.stdout, `  ${mark} ${account.platform} ${account.state}${harmless(why)}`);
  }
  if (!status.store.writable) line(host.stdout, `  ${style.red('✗')} The database cannot be written.`);
  if (status.problems.length > 0)
    line(
      host.stdout,
      `  ${style.yellow('⚠')} ${status.problems.length} problem(s) in the configuration: hermes config check`,
    );
}
