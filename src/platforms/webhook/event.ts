/** What a request says beside its signature: payload, name of the event, id of the delivery (webhooks §3). */
import { createHash } from 'node:crypto';
import type { RawRequest } from '../contract.ts';

export interface Body {
  readonly payload: unknown;
  /** As received. */
  readonly raw: string;
}

/** Undefined when the body is not what its content type says: JSON, unless it is a form. */
export function readBody({ headers, body }: Pick<RawRequest, 'headers' | 'body'>): Body | undefined {
  try {
    const raw = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
    return { raw, payload: type === 'application/x-www-form-urlencoded' ? readForm(raw) : JSON.parse(raw) };
  } catch {
    return undefined;
  }
}

/** GitHub's form mode has one field, `payload`, which holds the JSON. */
function readForm(raw: string): unknown {
  const fields = [...new URLSearchParams(raw)];
  const [only] = fields;
  if (fields.length === 1 && only?.[0] === 'payload') {
    try {
      const inner: unknown = JSON.parse(only[1]);
      if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) return inner;
    } catch {
      // A form that happens to have a field of this name.
    }
  }
  return Object.fromEntries(fields);
}

export function eventName(headers: RawRequest['headers'], payload: unknown): string {
  const candidates = [
    headers.get('x-github-event'),
    headers.get('x-gitlab-event'),
    field(payload, 'event_type'),
    field(payload, 'type'),
  ];
  const name = candidates.find((one) => typeof one === 'string' && one.trim() !== '');
  return typeof name === 'string' ? name.trim().slice(0, 200) : 'unknown';
}

/** GitLab's header says `Merge Request Hook`, its payload and its documentation `merge_request`: both count. */
export function isWanted(events: readonly string[], name: string, payload: unknown): boolean {
  if (events.length === 0) return true;
  const kind = field(payload, 'object_kind');
  return events.includes(name) || (typeof kind === 'string' && events.includes(kind));
}

const idHeaders = ['x-github-delivery', 'svix-id', 'webhook-id', 'x-request-id'];
const longestId = 200;

/** Undefined when the sender gave none. A long one becomes its hash: it is part of keys and file names of logs. */
export function deliveryId(headers: RawRequest['headers']): string | undefined {
  const given = idHeaders
    .map((name) => headers.get(name)?.trim())
    .find((id) => id !== undefined && id !== '');
  if (given === undefined || given.length <= longestId) return given;
  return createHash('sha256').update(given).digest('hex');
}

export function field(payload: unknown, name: string): unknown {
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, name)) return undefined;
  return (payload as Readonly<Record<string, unknown>>)[name];
}
