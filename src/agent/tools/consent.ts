/** The decision order of agent-runtime §17.1 for commands on this machine. */

import type { Settings } from '../../config/settings.ts';
import type { ToolContext } from '../contract.ts';
import { guardCommand, withoutAllowed } from './guard/guard.ts';

export type Consent =
  | { readonly allowed: true; readonly approval?: string }
  | { readonly allowed: false; readonly error: string };

/**
 * Block list first, in every mode; then YOLO and `approvals.mode: off`; then the allow-list; then people.
 * `smart` asks people too: there is no judging model behind it here.
 */
export async function mayRun(
  command: string,
  settings: Settings,
  context: Pick<ToolContext, 'approve' | 'log'>,
  home: string | undefined,
): Promise<Consent> {
  const verdict = guardCommand(command, {
    ...(home === undefined ? {} : { home }),
    sudoPassword: settings.terminal.sudoPassword !== undefined,
  });
  if (verdict.verdict === 'blocked') {
    return {
      allowed: false,
      error: `BLOCKED (hardline): ${verdict.why}. This never runs, in no mode and with no approval. Do not retry it, rephrase it or reach the same result another way.`,
    };
  }
  if (verdict.verdict === 'allow') return { allowed: true };
  if (settings.security.yolo || settings.approvals.mode === 'off') {
    context.log('info', 'command.unasked', { keys: verdict.keys });
    return { allowed: true };
  }
  const keys = withoutAllowed(verdict.keys, settings.approvals.commandAllowlist);
  if (keys.length === 0) return { allowed: true };
  const why = keys.join('; ');
  const answer = await context.approve({ keys, command, why });
  if (answer === 'allowed') return { allowed: true, approval: `The user approved this command (${why}).` };
  if (answer === 'expired') {
    return {
      allowed: false,
      error: `BLOCKED: the user was asked about this command (${why}) and did not answer in time. Do not retry it, do not rephrase it and do not reach the same outcome with another command. Silence is not consent. Say what you would have done and why.`,
    };
  }
  return {
    allowed: false,
    error: `BLOCKED: the user has not consented to this command (${why}). Do not retry it, do not rephrase it and do not reach the same outcome with another command. Silence is not consent. Ask the user how to go on.`,
  };
}
