/** The items about pushed events, against an adapter that takes them well and against bad ones. */
import { AssertionError } from 'node:assert';
import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { descriptor } from '../../scripts/platform-template/testing.ts';
import { toInbound } from '../../scripts/platform-template/wire.ts';
import type { Adapter, RawRequest } from '../../src/platforms/contract.ts';
import { isRecent, isSigned } from '../../src/platforms/kit/webhook.ts';
import type { Conformance } from './descriptor.ts';
import { pushItems } from './push.ts';

type Config = Parameters<typeof descriptor.platform.open>[0]['config'];
type Webhook = NonNullable<Adapter['webhook']>;

const secret = 'canary-of-pushes';
const windowMs = 300_000;

function signed(event: object, key: string, ageMs = 0): RawRequest {
  const body = Buffer.from(JSON.stringify(event));
  const time = String(Math.floor((Date.now() - ageMs) / 1_000));
  const signature = createHmac('sha256', key).update(`${time}.`).update(body).digest('hex');
  return {
    method: 'POST',
    path: '/',
    query: new URLSearchParams(),
    headers: new Map([
      ['x-time', time],
      ['x-signature', signature],
    ]),
    body,
  };
}

const isGenuine = ({ headers, body }: RawRequest): boolean => {
  const time = headers.get('x-time');
  const check = { secret, signed: [`${time}.`, body], signature: headers.get('x-signature') };
  return isRecent(time, Date.now(), windowMs) && isSigned({ ...check, encoding: 'hex' });
};

const good: Webhook = async (request, intake) => {
  if (!isGenuine(request)) return { status: 401 };
  const inbound = toInbound(JSON.parse(Buffer.from(request.body).toString()), 'bot7');
  try {
    if (inbound !== undefined) await intake.accept([inbound]);
    return { status: 200 };
  } catch {
    return { status: 503 };
  }
};

function pushing(webhook: Webhook): Conformance<Config> {
  const { platform } = descriptor;
  return {
    ...descriptor,
    platform: {
      ...platform,
      open(deps) {
        const adapter = platform.open(deps);
        return {
          run: async (intake, signal) => {
            intake.connected();
            await deps.clock.sleep(60_000, signal);
          },
          deliver: (part, signal) => adapter.deliver(part, signal),
          webhook,
        };
      },
    },
    push: {
      config: descriptor.config,
      request: (event) => signed(event, secret),
      forged: {
        wrong: (event) => signed(event, 'another key'),
        missing: (event) => ({ ...signed(event, secret), headers: new Map() }),
        stale: (event) => signed(event, secret, windowMs + 2_000),
      },
    },
  };
}

it('pass for an adapter that verifies, stores and then confirms', async () => {
  for (const item of Object.values(pushItems)) await item.check(pushing(good));
});

const bad: readonly { readonly by: string; readonly caught: string; readonly webhook: Webhook }[] = [
  {
    by: 'confirming before the event is stored',
    caught: 'push.confirmed',
    webhook: async (request, intake) => {
      void good(request, intake);
      return { status: 200 };
    },
  },
  {
    by: 'confirming what could not be stored',
    caught: 'push.store-fails',
    webhook: async (request, intake) => ({ status: Math.min((await good(request, intake)).status, 200) }),
  },
  {
    by: 'reading before verifying',
    caught: 'push.forged',
    webhook: async (request, intake) => {
      try {
        JSON.parse(Buffer.from(request.body).toString());
      } catch {
        return { status: 400 };
      }
      return good(request, intake);
    },
  },
  {
    by: 'taking old requests',
    caught: 'push.forged',
    webhook: async (request, intake) => {
      const reply = await good(request, intake);
      return reply.status === 401 && request.headers.has('x-time') ? { status: 200 } : reply;
    },
  },
  {
    by: 'answering a damaged frame with a server error',
    caught: 'push.damage',
    webhook: async (request, intake) => {
      const { chat, from } = JSON.parse(Buffer.from(request.body).toString());
      return typeof chat?.id === 'string' && from ? good(request, intake) : { status: 500 };
    },
  },
];

for (const { by, caught, webhook } of bad)
  it(`catch an adapter ${by}`, async () => {
    await expect(pushItems[caught]!.check(pushing(webhook))).rejects.toBeInstanceOf(AssertionError);
  });
