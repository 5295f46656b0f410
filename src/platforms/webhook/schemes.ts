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
const mostSecrets = 4;

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

/**
 * Schemes a route has to ask for (`signature.scheme`); it then takes no other. Sources: Stripe, "Verify webhook
 * signatures manually"; Slack, "Verifying requests from Slack".
 */
const asked = {
  stripe: {
    name: 'stripe',
    headers: ['stripe-signature'],
    check: ({ headers, body }, secret, nowMs) => {
      const entries = (headers.get('stripe-signature') ?? '').split(',').map((entry) => entry.trim());
      const valuesOf = (name: string) =>
        entries.flatMap((entry) => (entry.startsWith(`${name}=`) ? entry.slice(name.length + 1) : []));
      const [time] = valuesOf('t');
      // Several while a secret is being changed, and each costs a look at the body; v0 is a test scheme.
      const signatures = valuesOf('v1')
        .slice(0, mostSecrets)
        .map((signature) => isSigned({ secret, signed: [`${time}.`, body], signature, encoding: 'hex' }));
      return isRecent(time, nowMs, windowMs) && signatures.includes(true);
    },
  },
  slack: {
    name: 'slack',
    headers: ['x-slack-signature'],
    check: ({ headers, body }, secret, nowMs) => {
      const time = headers.get('x-slack-request-timestamp');
      const given = headers.get('x-slack-signature') ?? '';
      const signature = given.startsWith('v0=') ? given.slice('v0='.length) : undefined;
      return (
        isRecent(time, nowMs, windowMs) &&
        isSigned({ secret, signed: [`v0:${time}:`, body], signature, encoding: 'hex' })
      );
    },
  },
} satisfies Readonly<Record<string, Scheme>>;

export type AskedScheme = keyof typeof asked;
export const askedSchemes = Object.keys(asked) as [AskedScheme, ...AskedScheme[]];

/** The name of the scheme that proves the sender; undefined = refuse. Never throws. */
export function provenBy(
  request: Signed,
  secret: string,
  nowMs: number,
  only?: AskedScheme,
): string | undefined {
  const candidates = only === undefined ? schemes : [asked[only]];
  const scheme = candidates.find(({ headers }) => headers.some((name) => request.headers.has(name)));
  if (scheme === undefined || secret === '') return undefined;
  return scheme.check(request, secret, nowMs) ? scheme.name : undefined;
}
