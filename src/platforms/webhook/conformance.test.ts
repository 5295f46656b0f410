/**
 * The kit against webhooks. The adapter listens nowhere by itself, so the binding below plays the gateway's listener:
 * while an account runs, requests to a port of loopback reach `webhook`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { conformance } from '../../../testkit/conformance/conformance.ts';
import { Down } from '../../core/outcome.ts';
import type { Adapter, Intake, Platform } from '../contract.ts';
import type { Fake } from '../kit/fake.ts';
import webhooks from './adapter.ts';
import type { WebhookConfig } from './config.ts';
import { type FakeGitHub, fakeSender, signers, startFakeGitHub } from './fake.ts';
import { request } from './testing.ts';

const secret = 'canary-secret-0123456789-abcdef';
const token = 'gho_canary_0123456789_token';

interface Behind {
  readonly github: FakeGitHub;
  readonly port: number;
  readonly isClosed: () => boolean;
  /** The listener is there: what waits can be delivered. */
  opened(): void;
}
const behind = new WeakMap<Fake, Behind>();
const byPort = new Map<number, Behind>();

async function fake(): Promise<Fake> {
  const github = await startFakeGitHub(token);
  const port = await freePort();
  const sender = fakeSender({ url: `http://127.0.0.1:${port}/webhooks/kit`, secret, sign: signers.github });
  let isClosed = false;
  const it: Fake = {
    url: github.url,
    inject: (event) => sender.send(event),
    redeliver: () => sender.redeliver(),
    get unacknowledged() {
      return sender.waiting;
    },
    seen: github.seen,
    get calls() {
      return github.calls;
    },
    get attempts() {
      return github.calls;
    },
    fault: (fault) => {
      if (fault.on === 'delivery') github.fault(fault);
    },
    calm: github.calm,
    close: async () => {
      isClosed = true;
      byPort.delete(port);
      await github.close();
    },
  };
  const hidden: Behind = { github, port, isClosed: () => isClosed, opened: () => void sender.flush() };
  behind.set(it, hidden);
  byPort.set(port, hidden);
  return it;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Events go straight to `intake`, so that the kit sees the texts it sent and not the frame for the agent. */
const settings = (of: Fake, over: object = {}) => {
  const { github, port } = behind.get(of)!;
  return {
    host: '127.0.0.1',
    port,
    secret,
    rate_limit: 100_000,
    gh: github.gh,
    gh_env: github.env,
    routes: {
      kit: {
        prompt: '{text}',
        deliver: 'telegram',
        deliver_only: true,
        filters: { field: 'text', exists: true },
      },
    },
    ...over,
  };
};

const listening: Platform<WebhookConfig> = {
  ...webhooks,
  open: (deps) => {
    const adapter = webhooks.open(deps);
    const around: Adapter = {
      run: (intake, signal) => listen(adapter, deps.config.port, intake, signal),
      deliver: (part, signal) => adapter.deliver(part, signal),
      webhook: (pushed, intake) => adapter.webhook!(pushed, intake),
    };
    return around;
  },
};

async function listen(adapter: Adapter, port: number, intake: Intake, signal: AbortSignal): Promise<void> {
  const here = byPort.get(port);
  if (here === undefined || here.isClosed()) throw new Down('network', 'the bench is closed');
  const server = createServer(async (message, response) => {
    const { method = 'GET', url = '/', headers } = message;
    const pushed = request(url, await buffer(message), headers as Record<string, string>, method);
    const reply = await adapter.webhook!(pushed, intake).catch(() => ({
      status: 503,
      headers: {},
      body: '',
    }));
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  here.opened();
  try {
    await adapter.run(intake, signal);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const pushed = (event: object, sign: (body: string) => Readonly<Record<string, string>>) => {
  const body = JSON.stringify(event);
  return request('/webhooks/kit', body, { 'content-type': 'application/json', ...sign(body) });
};
const seconds = () => Math.floor(Date.now() / 1000);

const noConnection = 'events are pushed: there is no connection of ours that could break, be refused or hang';

conformance({
  platform: listening,
  fake,
  config: (of) => settings(of),
  wrongCredential: (of) => settings(of, { gh_env: { ...behind.get(of)!.github.env, GH_TOKEN: `${token}x` } }),
  chats: ['github:octo/repo#1', 'github:octo/repo#2'],
  message: ({ chat, n, text }) => ({ text, n, chat }),
  push: {
    config: (of) => settings(of),
    request: (event) => pushed(event, (body) => signers.svix(body, secret, seconds())),
    forged: {
      wrong: (event) => pushed(event, (body) => signers.svix(body, `${secret}x`, seconds())),
      missing: (event) => pushed(event, () => ({})),
      stale: (event) => pushed(event, (body) => signers.svix(body, secret, seconds() - 302)),
      'unsigned of GitHub': (event) => pushed(event, () => ({ 'x-github-event': 'push' })),
    },
  },
  samples: [
    {
      name: 'an event',
      event: { text: 'hello', n: 1 },
      inbound: {
        kind: 'message',
        scope: 'dm',
        from: { id: 'webhook:kit', name: 'kit', isBot: false, isSelf: false },
        chatName: 'webhook/kit',
        text: 'hello',
        answerTo: { platform: 'telegram' },
      },
    },
    { name: 'an event the filters of the route reject', event: { n: 2 } },
  ],
  // One process per write: the table of all statuses is in github.test.ts.
  refusals: {
    tooFast: 429,
    strange: [418, 599],
    codes: {
      401: 'retry',
      403: 'rejected forbidden',
      404: 'rejected gone',
      408: 'unknown',
      422: 'rejected other',
      429: 'retry',
      500: 'unknown',
      502: 'unknown',
    },
  },
  namesWait: false,
  skips: {
    'intake.store-fails': `${noConnection}; push.store-fails proves that nothing is confirmed`,
    'intake.senders': 'an event has no sender but its route: there are no own messages and no other bots',
    'intake.addresses': 'answers go where the route says, never back to who posted',
    'intake.garbage': noConnection,
    'connection.breaks': noConnection,
    'connection.refused': noConnection,
    'connection.silent': noConnection,
    'connection.credential': noConnection,
    'connection.leaks': noConnection,
    'hygiene.one-way-out': 'the only calls are those of the gh program, which has connections of its own',
  },
});
