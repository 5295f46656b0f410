/** `hermes gateway stop`, and the same for `run --replace` (gateway-core §1.6, §1.8). */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf } from '../config/home.ts';
import { isInsideGateway } from '../config/process.ts';
import { systemClock } from '../core/clock.ts';
import { fail } from '../core/errors.ts';
import { isAlive, type ProcessRecord, readRecord } from '../supervise/process-record.ts';
import { connectGateway } from './control.ts';
import { exitCodes } from './failure.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { line } from './print.ts';

export async function gatewayStop(host: Host, place: Place): Promise<number> {
  if (isInsideGateway(host.env))
    fail('BAD_USAGE', { why: 'the gateway cannot be stopped from inside itself; use another terminal.' });
  const { home } = homeOf(host, place);
  const control = await connectGateway(home);
  if (control === undefined) {
    if (await endRunning(home, '.gateway-planned-stop.json'))
      line(host.stdout, '✓ Stopped gateway for this profile');
    else {
      line(host.stdout, '✗ No gateway running for this profile');
      return exitCodes.failed;
    }
    return exitCodes.ok;
  }
  const answer = (await control.request('stop')) as { readonly activeTurns?: number } | null;
  const turns = answer?.activeTurns ?? 0;
  if (turns > 0) line(host.stdout, `⏳ Gateway draining for shutdown (${turns} active agent(s))`);
  await control.closed;
  await gone(readRecord(filesOf(home).pid), 10_000);
  line(host.stdout, '✓ Stopped gateway for this profile');
  return exitCodes.ok;
}

/**
 * Ends the gateway of this home by signal; false when none runs. SIGKILL after 10 seconds. Throws ALREADY_RUNNING
 * when it still lives after that: two must never run.
 */
export async function endRunning(home: string, marker = '.gateway-takeover.json'): Promise<boolean> {
  const { pid: file } = filesOf(home);
  const holder = readRecord(file);
  if (holder === undefined || holder.pid === process.pid || !isAlive(holder)) return false;
  const announcement = join(home, marker);
  const told = {
    target_pid: holder.pid,
    target_start_time: holder.start_time,
    written_at: new Date().toISOString(),
  };
  const teller = marker.includes('takeover') ? { replacer_pid: process.pid } : { stopper_pid: process.pid };
  writeFileSync(announcement, JSON.stringify({ ...told, ...teller }), { mode: 0o600 });
  try {
    process.kill(holder.pid, 'SIGTERM');
    if (await gone(holder, 10_000)) return true;
    process.kill(holder.pid, 'SIGKILL');
    if (await gone(holder, 5_000)) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
    throw error;
  } finally {
    rmSync(announcement, { force: true });
  }
  return fail('ALREADY_RUNNING', { pid: holder.pid });
}

const lookMs = 50;

async function gone(holder: ProcessRecord | undefined, waitMs: number): Promise<boolean> {
  if (holder === undefined || holder.pid === process.pid) return true;
  for (let waited = 0; waited < waitMs; waited += lookMs) {
    if (!isAlive(holder)) return true;
    await systemClock.sleep(lookMs);
  }
  return !isAlive(holder);
}
