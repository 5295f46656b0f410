/** Checking that a pushed request comes from who it says: before anything of its body is parsed. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface HmacCheck {
  readonly secret: string | Uint8Array;
  /** The exact bytes that were signed, in order, e.g. timestamp, dot, raw body. */
  readonly signed: readonly (string | Uint8Array)[];
  /** As received, without its prefix (`sha256=`, `v1,`). */
  readonly signature: string | undefined;
  readonly encoding: 'hex' | 'base64';
  /** Default sha256. */
  readonly algorithm?: 'sha256' | 'sha1';
}

/** Never throws, whatever the header holds; an empty secret or a missing signature is never right. */
export function isSigned(check: HmacCheck): boolean {
  if (check.secret.length === 0 || check.signature === undefined) return false;
  const hmac = createHmac(check.algorithm ?? 'sha256', check.secret);
  for (const piece of check.signed) hmac.update(piece);
  const expected = hmac.digest(check.encoding);
  // Hexadecimal is the only encoding in which two spellings mean the same bytes.
  const given = check.encoding === 'hex' ? check.signature.toLowerCase() : check.signature;
  return isSame(given, expected);
}

/** Compares in a time that tells nothing about where the texts differ, nor how long the secret is. */
export function isSame(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

/**
 * Is a Unix time in seconds, as a header gives it, within `windowMs` of now, in either direction? Anything but
 * an integer is not: a replayed request must not pass by a timestamp that cannot be read.
 */
export function isRecent(timestamp: string | undefined, nowMs: number, windowMs: number): boolean {
  if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  return Math.abs(Number(timestamp) * 1000 - nowMs) <= windowMs;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export interface StandardSignature {
  readonly secret: string;
  readonly id: string | undefined;
  /** Unix seconds, as the header gives them. */
  readonly timestamp: string | undefined;
  /** Space-separated `<version>,<base64>` entries; only `v1` counts. */
  readonly signatures: string | undefined;
  readonly body: Uint8Array;
  readonly nowMs: number;
}

const standardWindowMs = 300_000;

/**
 * Signatures of Svix and of https://www.standardwebhooks.com: HMAC-SHA256 over id, timestamp and body. Any of the
 * entries may match, so that a sender can change its secret. Never throws.
 */
export function isStandardSigned(check: StandardSignature): boolean {
  const { id, timestamp, signatures, body } = check;
  const key = standardKey(check.secret);
  if (key === undefined || !id || !signatures) return false;
  if (!isRecent(timestamp, check.nowMs, standardWindowMs)) return false;
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  let found = false;
  for (const entry of signatures.split(' ')) {
    if (entry.startsWith('v1,') && isSame(entry.slice('v1,'.length), hmac)) found = true;
  }
  return found;
}

/** Undefined when `whsec_` is not followed by strict base64: such a secret signs nothing. */
function standardKey(secret: string): Uint8Array | undefined {
  if (secret === '') return undefined;
  if (!secret.startsWith('whsec_')) return Buffer.from(secret);
  const encoded = secret.slice('whsec_'.length);
  const key = Buffer.from(encoded, 'base64');
  return key.length > 0 && key.toString('base64') === encoded ? key : undefined;
}
