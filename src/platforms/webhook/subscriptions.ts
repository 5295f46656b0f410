/**
 * `webhook_subscriptions.json`: routes that `hermes webhook` adds while the gateway runs (webhooks §8). The command
 * writes it, the gateway reads it; both only through this file.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Name → route as written; a Map, because names are the users'. */
export type Subscriptions = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const largestFile = 4 * 1024 * 1024;

export function subscriptionsFile(home: string): string {
  return join(home, 'webhook_subscriptions.json');
}

/**
 * Changes whenever the file does, also when an older one is put back; undefined = there is none. Asked for every
 * request, so without a thread: the file lies beside the database, and its inode is in memory.
 */
export function subscriptionsState(home: string): string | undefined {
  const found = statSync(subscriptionsFile(home), { bigint: true, throwIfNoEntry: false });
  return found && `${found.mtimeNs}/${found.size}/${found.ino}`;
}

/** Empty when there is no file. Throws when it cannot be read or is no JSON object. */
export async function readSubscriptions(home: string): Promise<Subscriptions> {
  try {
    const file = subscriptionsFile(home);
    if ((await stat(file)).size > largestFile) throw new Error('the file is larger than 4 MiB');
    return parseSubscriptions(await readFile(file, 'utf8'));
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
}

/**
 * Reads, changes and replaces the file in one step, mode 0600; `change` answers whether there is anything to write.
 * Throws when the present file is broken: then nothing is written.
 */
export function changeSubscriptions(
  home: string,
  change: (entries: Map<string, Readonly<Record<string, unknown>>>) => boolean,
): void {
  const file = subscriptionsFile(home);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  let text = '{}';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const entries = new Map(parseSubscriptions(text));
  if (!change(entries)) return;
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const open = openSync(draft, 'wx', 0o600);
    try {
      writeFileSync(open, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
      fsyncSync(open);
    } finally {
      closeSync(open);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

export function parseSubscriptions(text: string): Subscriptions {
  const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
  if (!isRecord(value)) throw new Error('it is not a JSON object of routes');
  return new Map(Object.entries(value).map(([name, entry]) => [name, isRecord(entry) ? entry : {}]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
