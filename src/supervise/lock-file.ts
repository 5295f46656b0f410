/**
 * Lock files with a process record inside: `gateway.pid` of a home, and one per credential and machine, so that two
 * gateways never use one bot token (gateway-core §1.4).
 */
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAlive, ownRecord, type ProcessRecord, readRecord } from './process-record.ts';

export interface Lock {
  release(): void;
}

export type Taken = { readonly lock: Lock } | { readonly holder: ProcessRecord };

/** Takes the lock or says who has it. A record of a process that is gone is replaced. */
export function takeLock(file: string, extra: Readonly<Record<string, unknown>> = {}): Taken {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const own = ownRecord();
  // Written aside and linked into place: the lock never exists without its content.
  const draft = `${file}.${own.pid}`;
  writeFileSync(draft, JSON.stringify({ ...own, ...extra }), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        linkSync(draft, file);
        return { lock: { release: () => release(file, own.pid) } };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const holder = readRecord(file);
      if (holder !== undefined && holder.pid !== own.pid && isAlive(holder)) return { holder };
      rmSync(file, { force: true });
    }
    return { holder: readRecord(file) ?? own };
  } finally {
    rmSync(draft, { force: true });
  }
}

function release(file: string, pid: number): void {
  if (readRecord(file)?.pid === pid) rmSync(file, { force: true });
}

/** The lock file of one credential; its name holds a hash, never the secret. */
export function credentialLockFile(folder: string, scope: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return join(folder, `${scope}-${hash}.lock`);
}
