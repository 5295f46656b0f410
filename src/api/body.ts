import { isUtf8 } from 'node:buffer';
import { ApiError, badRequest } from './errors.ts';

/** Largest request body in bytes (api-server §2.5). */
export const maxBodyBytes = 10_000_000;

/** Far above any real request; keeps every later walk over a parsed body off the end of the stack. */
const maxDepth = 200;

export type JsonObject = Readonly<Record<string, unknown>>;

export function bodyTooLarge(): ApiError {
  return new ApiError(413, 'Request body too large.', {
    code: 'body_too_large',
    headers: { Connection: 'close' },
  });
}

/** Parses a request body whatever its Content-Type says; throws the 400s of api-server §2.5. */
export function parseObject(body: unknown, invalid = 'Invalid JSON in request body'): JsonObject {
  if (!Buffer.isBuffer(body) || !isUtf8(body)) throw badRequest(invalid);
  if (isDeeperThan(body, maxDepth)) {
    throw badRequest(`Request body is nested deeper than ${maxDepth} levels.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8').replace(/^\ufeff/, ''));
  } catch {
    throw badRequest(invalid);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('Request body must be a JSON object');
  }
  return value as JsonObject;
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts brackets outside strings; strings are skipped by a native search, so images cost little. */
function isDeeperThan(json: Buffer, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i += 1) {
    switch (json[i]) {
      case quote:
        i = stringEnd(json, i);
        if (i < 0) return false;
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > limit) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
      default:
        break;
    }
  }
  return false;
}

function stringEnd(json: Buffer, start: number): number {
  for (let end = json.indexOf(quote, start + 1); end >= 0; end = json.indexOf(quote, end + 1)) {
    let before = end - 1;
    while (json[before] === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

/** Fields that clients send as `"false"`, `0` or `"yes"` (api-server §2.5). */
export function looseBoolean(value: unknown, fallback: boolean): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') {
    const word = value.trim().toLowerCase();
    if (['1', 'true', 'yes', 'on'].includes(word)) return true;
    if (['0', 'false', 'no', 'off'].includes(word)) return false;
  }
  return fallback;
}
