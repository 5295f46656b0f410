/**
 * Who may post to a route (webhooks §4). Checked over the exact bytes, before anything of them is parsed. The first
 * scheme whose header is there decides alone: a wrong signature never falls through to a weaker scheme.
 */
import type { RawRequest } from '../contract.ts';
import { isRecent, isSame, isSigned, isStandardSigned } from '../kit/webhook.ts';

type Signed = Pick<RawRequest, 'headers' | 'body'>;

interface Scheme {
  readonly name: string;
  /** Any of these headers selects it. */
  readonly headers: readonly string[];
  check(request: Signed, secret: string, nowMs: number): boolean;
}

const windowMs = 300_000;

const standard = (prefix: 'svix' | 'webhook'): Scheme['check'] => {
  return ({ headers, body }, secret, nowMs) =>
    isStandardSigned({
      secret,
      id: headers.get(`${prefix}-id`),
      timestamp: headers.get(`${prefix}-timestamp`),
      signatures: headers.get(`${prefix}-signature`),
      body,
      nowMs,
    });
};

const hex =
  (header: string): Scheme['check'] =>
  ({ headers, body }, secret) =>
    isSigned({ secret, signed: [body], signature: headers.get(header), encoding: 'hex' });

const schemes: readonly Scheme[] = [
  { name: 'svix', headers: ['svix-id', 'svix-timestamp', 'svix-signature'], check: standard('svix') },
  // GitLab sends webhook-id and webhook-timestamp with every delivery, signed or not.
  { name: 'standard', headers: ['webhook-signature'], check: standard('webhook') },
  { name: 'linear', headers: ['linear-signature'], check: hex('linear-signature') },
  {
    name: 'github',
    headers: ['x-hub-signature-256'],
    check: ({ headers, body }, secret) => {
      const given = headers.get('x-hub-signature-256') ?? '';
      const signature = given.startsWith('sha256=') ? given.slice('sha256='.length) : undefined;
      return isSigned({ secret, signed: [body], signature, encoding: 'hex' });
    },
  },
  {
    name: 'gitlab',
    headers: ['x-gitlab-token'],
    check: ({ headers }, secret) => isSame(headers.get('x-gitlab-token') ?? '', secret),
  },
  {
    name: 'generic-v2',
    headers: ['x-webhook-signature-v2'],
    check: ({ headers, body }, secret, nowMs) => {
      const time = headers.get('x-webhook-timestamp');
      const signature = headers.get('x-webhook-signature-v2');
      return (
        isRecent(time, nowMs, windowMs) &&
        isSigned({ secret, signed: [`${time}.`, body], signature, encoding: 'hex' })
      );
    },
  },
  { name: 'generic-v1', headers: ['x-webhook-signature'], check: hex('x-webhook-signature') },
  {
    name: 'bearer',
    headers: ['authorization'],
    check: ({ headers }, secret) => {
      const token = /^bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
      return token !== undefined && isSame(token, secret);
    },
  },
];

/** The name of the scheme that proves the sender; undefined = refuse. Never throws. */
export function provenBy(request: Signed, secret: string, nowMs: number): string | undefined {
  const scheme = schemes.find(({ headers }) => headers.some((name) => request.headers.has(name)));
  if (scheme === undefined || secret === '') return undefined;
  return scheme.check(request, secret, nowMs) ? scheme.name : undefined;
}
