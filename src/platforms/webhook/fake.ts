/**
 * The other sides of a webhook on loopback: services that sign and deliver events, and a GitHub that takes comments
 * from its own program. Strict: what the real ones refuse is refused.
 */
import { createHash, createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type FakeReply, type Fault, startFakeServer, type Write } from '../kit/fake.ts';

export type Signer = (body: string, secret: string, atSeconds: number) => Readonly<Record<string, string>>;

const hmac = (secret: string | Uint8Array, text: string, encoding: 'hex' | 'base64') =>
  createHmac('sha256', secret).update(text).digest(encoding);
const idOf = (body: string) => `msg_${createHash('sha256').update(body).digest('hex').slice(0, 24)}`;
const keyOf = (secret: string) =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
const standard = (prefix: string): Signer => {
  return (body, secret, at) => {
    const id = idOf(body);
    const signature = hmac(keyOf(secret), `${id}.${at}.${body}`, 'base64');
    return {
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(at),
      [`${prefix}-signature`]: `v1,bm90IHRoaXMgb25l v1,${signature} v2,x`,
    };
  };
};

/** Headers of one delivery, as each service makes them. The same body is the same delivery. */
export const signers = {
  github: (body, secret) => ({
    'x-github-event': 'push',
    'x-github-delivery': idOf(body),
    'x-hub-signature-256': `sha256=${hmac(secret, body, 'hex')}`,
  }),
  gitlab: (body, secret) => ({
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-token': secret,
    'webhook-id': idOf(body),
    'webhook-timestamp': '1',
  }),
  svix: standard('svix'),
  standard: standard('webhook'),
  linear: (body, secret) => ({ 'linear-signature': hmac(secret, body, 'hex'), 'x-request-id': idOf(body) }),
  genericV2: (body, secret, at) => ({
    'x-webhook-timestamp': String(at),
    'x-webhook-signature-v2': hmac(secret, `${at}.${body}`, 'hex'),
    'x-request-id': idOf(body),
  }),
  genericV1: (body, secret) => ({
    'x-webhook-signature': hmac(secret, body, 'hex'),
    'x-request-id': idOf(body),
  }),
  bearer: (body, secret) => ({ authorization: `Bearer ${secret}`, 'x-request-id': idOf(body) }),
} as const satisfies Readonly<Record<string, Signer>>;

export interface Delivered {
  readonly status: number;
  readonly body: string;
}

export interface FakeSender {
  /** Signs and posts; the event waits here until somebody takes it. */
  send(event: object): Promise<void>;
  /** Posts everything again that was taken, as a button in the service's settings does. */
  redeliver(): Promise<void>;
  /** Tries what waits once more. */
  flush(): Promise<void>;
  readonly waiting: number;
}

export interface SenderOptions {
  /** Address of the route. */
  readonly url: string;
  readonly secret: string;
  readonly sign: Signer;
}

/** A service that keeps an event until it is answered with 2xx, one delivery at a time. */
export function fakeSender({ url, secret, sign }: SenderOptions): FakeSender {
  const waiting: string[] = [];
  const taken: string[] = [];
  let flushing: Promise<void> | undefined;

  const post = async (body: string): Promise<boolean> => {
    const signed = sign(body, secret, Math.floor(Date.now() / 1000));
    const headers = { 'content-type': 'application/json', ...signed };
    return fetch(url, { method: 'POST', headers, body }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
  };
  const work = async (): Promise<void> => {
    for (let body = waiting[0]; body !== undefined; body = waiting[0]) {
      if (!(await post(body))) return;
      waiting.shift();
      taken.push(body);
    }
  };
  const flush = async (): Promise<void> => {
    while (flushing !== undefined) await flushing;
    flushing = work().finally(() => {
      flushing = undefined;
    });
    await flushing;
  };
  return {
    send: async (event) => {
      waiting.push(JSON.stringify(event));
      void flush();
    },
    redeliver: async () => {
      waiting.push(...taken.splice(0));
      void flush();
    },
    flush,
    get waiting() {
      return waiting.length;
    },
  };
}

export interface FakeGitHub {
  readonly url: string;
  /** Program and environment for the settings `gh` and `gh_env`. */
  readonly gh: string;
  readonly env: Readonly<Record<string, string>>;
  readonly seen: readonly Write[];
  readonly calls: number;
  fault(fault: Fault): void;
  calm(): void;
  close(): Promise<void>;
}

const longestComment = 65_536;
const newComment = z.strictObject({ body: z.string() });

/** `issues`: `owner/repo#number` of every issue and pull request there is. */
export async function startFakeGitHub(
  token: string,
  issues: readonly string[] = ['octo/repo#1', 'octo/repo#2'],
): Promise<FakeGitHub> {
  const seen: Write[] = [];
  const server = await startFakeServer({
    sideOf: () => 'delivery',
    refuse: (status) => ({ status, json: { message: 'injected' } }),
    handle: ({ method, path, headers, body }): FakeReply => {
      const place = /^\/repos\/([^/]+\/[^/]+)\/issues\/(\d+)\/comments$/.exec(path);
      if (method !== 'POST' || place === null) return { status: 404, json: { message: 'Not Found' } };
      if (headers['authorization'] !== `token ${token}`)
        return { status: 401, json: { message: 'Bad credentials' } };
      const issue = `${place[1]}#${place[2]}`;
      const refused = (graphql: string): FakeReply => ({ status: 200, json: { graphql } });
      if (!issues.includes(issue))
        return refused(`Could not resolve to an issue or pull request with the number of ${place[2]}.`);
      const parsed = newComment.safeParse(JSON.parse(body));
      if (!parsed.success || parsed.data.body.trim() === '')
        return refused("Body can't be blank (addComment)");
      const text = parsed.data.body;
      if ([...text].length > longestComment)
        return refused('Body is too long (maximum is 65536 characters) (addComment)');
      const id = String(1_000 + seen.length);
      seen.push({ op: 'send', chat: `github:${issue}`, id, text });
      const html_url = `https://github.example/${place[1]}/issues/${place[2]}#issuecomment-${id}`;
      return { status: 201, json: { id: Number(id), html_url } };
    },
  });
  return {
    url: server.url,
    gh: fileURLToPath(new URL('fake/gh', import.meta.url)),
    env: {
      PATH: '/usr/bin:/bin',
      GH_HOST: server.url,
      GH_TOKEN: token,
      FAKE_GH_NODE: process.execPath,
      FAKE_GH: fileURLToPath(new URL('./fake/gh.ts', import.meta.url)),
    },
    seen,
    get calls() {
      return server.calls;
    },
    fault: server.fault,
    calm: server.calm,
    close: server.close,
  };
}
