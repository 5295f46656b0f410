/** Keeps a started gateway until it ends or a signal ends it (gateway-core §1.6). */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningGateway } from '../gateway.ts';
import type { Host } from './host.ts';
import { line } from './print.ts';

/**
 * The first signal drains; a second one ends at once. Answers the exit code: 0 for Ctrl+C and planned stops, 1 for
 * a SIGTERM that nobody announced, so that a service manager starts the gateway again.
 */
export async function runUntilStopped(
  host: Host,
  gateway: RunningGateway,
  { home, quiet }: { readonly home: string; readonly quiet: boolean },
): Promise<number> {
  let asked: number | undefined;
  let hurry: (code: number) => void = () => {};
  const hurried = new Promise<{ readonly code: number }>((resolve) => {
    hurry = (code) => resolve({ code });
  });
  const release = host.onSignal((signal) => {
    if (asked !== undefined) return hurry(130);
    asked = signal === 'SIGINT' || takePlannedStop(home) ? 0 : 1;
    if (!quiet) line(host.stderr, 'Stopping: running turns may finish. Press Ctrl+C again to end at once.');
    gateway.stop(signal).catch(() => hurry(1));
  });
  try {
    const { code } = await Promise.race([gateway.stopped, hurried]);
    return code === 0 ? (asked ?? 0) : code;
  } finally {
    release();
  }
}

const freshMs = 60_000;

/** Whoever stops or replaces this process announces it in a file; an old announcement counts for nothing. */
function takePlannedStop(home: string): boolean {
  let planned = false;
  for (const name of ['.gateway-planned-stop.json', '.gateway-takeover.json']) {
    const file = join(home, name);
    if (!existsSync(file)) continue;
    try {
      const marker = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>;
      const age = Date.now() - Date.parse(String(marker['written_at']));
      planned ||= marker['target_pid'] === process.pid && age >= 0 && age < freshMs;
    } catch {
      // Half-written or foreign: not an announcement.
    }
    rmSync(file, { force: true });
  }
  return planned;
}
