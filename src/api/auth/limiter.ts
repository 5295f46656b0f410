import type { AuthRateLimit } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import { countedAs, isLoopback } from './address.ts';

/**
 * Which secrets are counted together. A web page that opens a socket has a class of its own: it runs in the browser of
 * somebody else, and on this machine, too.
 */
export type SecretClass = 'shared-secret' | 'browser-socket';

/** Counts wrong secrets per class and address, and locks out who has sent too many (openclaw-http §3). */
export interface Limiter {
  /** Milliseconds until the address may try again; 0 = now. To be asked before any secret is compared. */
  waitMs(kind: SecretClass, address: string | undefined): number;
  /** A wrong secret; true when it was the one that begins a lockout. */
  failed(kind: SecretClass, address: string | undefined): boolean;
  /** A right secret clears the count. */
  succeeded(kind: SecretClass, address: string | undefined): void;
}

interface Entry {
  /** Monotonic times of failures inside the window, oldest first; at most `maxAttempts`. */
  times: number[];
  /** Monotonic; 0 = not locked out. */
  lockedUntil: number;
}

const pruneMs = 60_000;

/**
 * `capacity` bounds the table; then the entry that failed longest ago goes, locked ones only when there are no others.
 * An address that returns after that begins at zero.
 */
export function failedAuthLimiter(settings: AuthRateLimit, clock: Clock, capacity = 10_000): Limiter {
  const { maxAttempts, windowMs, lockoutMs, exemptLoopback } = settings;
  const entries = new Map<string, Entry>();
  let prunedAt = clock.monotonic();

  const nameOf = (kind: SecretClass, address: string | undefined) => `${kind} ${countedAs(address)}`;
  const isExempt = (kind: SecretClass, address: string | undefined) =>
    exemptLoopback && kind !== 'browser-socket' && isLoopback(address);

  /** The entry as it is now: a lockout that has ended begins at zero, failures leave the window. */
  function current(name: string, now: number): Entry | undefined {
    const entry = entries.get(name);
    if (entry === undefined || entry.lockedUntil > now) return entry;
    entry.times = entry.lockedUntil === 0 ? entry.times.filter((time) => now - time < windowMs) : [];
    entry.lockedUntil = 0;
    if (entry.times.length > 0) return entry;
    entries.delete(name);
    return undefined;
  }

  function makeRoom(now: number): void {
    if (now - prunedAt >= pruneMs) {
      prunedAt = now;
      for (const name of [...entries.keys()]) current(name, now);
    }
    if (entries.size < capacity) return;
    let oldest: string | undefined;
    for (const [name, entry] of entries) {
      oldest ??= name;
      if (entry.lockedUntil > now) continue;
      oldest = name;
      break;
    }
    if (oldest !== undefined) entries.delete(oldest);
  }

  return {
    waitMs(kind, address) {
      if (isExempt(kind, address)) return 0;
      const now = clock.monotonic();
      const entry = current(nameOf(kind, address), now);
      return entry === undefined ? 0 : Math.max(0, entry.lockedUntil - now);
    },
    failed(kind, address) {
      if (isExempt(kind, address)) return false;
      const now = clock.monotonic();
      const name = nameOf(kind, address);
      const entry = current(name, now) ?? { times: [], lockedUntil: 0 };
      if (entry.lockedUntil > now) return false;
      entry.times.push(now);
      entries.delete(name);
      makeRoom(now);
      entries.set(name, entry);
      if (entry.times.length < maxAttempts) return false;
      entry.lockedUntil = now + lockoutMs;
      return true;
    },
    succeeded: (kind, address) => {
      entries.delete(nameOf(kind, address));
    },
  };
}
