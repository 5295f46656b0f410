import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Down } from '../../core/outcome.ts';
import type { Adapter, Intake, RawReply } from '../contract.ts';
import telegram from './adapter.ts';
import { type FakeTelegram, startFakeTelegram } from './fake.ts';
import { configFor, type RecordedIntake, recordIntake, testDeps, until } from './testing.ts';

const secret = 'a-good-secret_1';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The listener the core has in the product. */
async function listen(
  handle: (request: Parameters<NonNullable<Adapter['webhook']>>[0]) => Promise<RawReply>,
) {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
      const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const reply = await handle({
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        query: new URLSearchParams(),
        headers,
        body: Buffer.concat(chunks),
      });
      response.writeHead(reply.status).end(reply.body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface World {
  readonly fake: FakeTelegram;
  readonly adapter: Adapter;
  readonly url: string;
  readonly intake: RecordedIntake;
  readonly ended: Promise<unknown>;
  readonly statuses: number[];
  stop(): Promise<unknown>;
}

async function start(store?: Parameters<typeof recordIntake>[1], connect = true): Promise<World> {
  const fake = await startFakeTelegram();
  cleanups.push(() => fake.close());
  const statuses: number[] = [];
  const intake = recordIntake({}, store);
  let adapter: Adapter | undefined;
  const base = await listen(async (request) => {
    const reply = (await adapter?.webhook?.(request, intake as Intake)) ?? { status: 500 };
    statuses.push(reply.status);
    return reply;
  });
  const url = `${base}/hook`;
  adapter = telegram.open(testDeps(configFor(fake, { webhook_url: url, webhook_secret: secret })));
  const abort = new AbortController();
  const ended = connect
    ? adapter.run(intake, abort.signal).then(
        () => undefined,
        (error: unknown) => error,
      )
    : Promise.resolve(undefined);
  const stop = () => {
    abort.abort();
    return ended;
  };
  cleanups.push(stop);
  if (connect) await until(() => intake.signs.connected === 1);
  return { fake, adapter, url, intake, ended, statuses, stop };
}

const good = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret };
const update = JSON.stringify({
  update_id: 1,
  message: { message_id: 1, date: 1, chat: { id: 111, type: 'private' }, text: 'hi' },
});
const push = (url: string, init: RequestInit) => fetch(url, { method: 'POST', body: update, ...init });

describe('pushed updates', () => {
  test('arrive with the secret, are stored and then confirmed with an empty 200', async () => {
    const { fake, intake, statuses } = await start();
    await fake.inject.text('pushed');
    await until(() => fake.pending === 0);
    expect(intake.events.map((event) => event.text)).toEqual(['pushed']);
    expect(intake.cursors).toEqual([undefined]);
    expect(statuses).toEqual([200]);
  });

  test('that could not be stored are not confirmed and come again', async () => {
    let full = true;
    const { fake, intake, statuses } = await start(() =>
      full ? Promise.reject(new Error('disk full')) : Promise.resolve(),
    );
    await fake.inject.text('precious');
    await until(() => statuses.includes(503));
    expect(fake.pending).toBe(1);
    full = false;
    await until(() => fake.pending === 0);
    expect(intake.events.map((event) => event.text)).toEqual(['precious']);
  });

  test('that come before the bot knows itself are left to the next push', async () => {
    const { url } = await start(undefined, false);
    expect((await push(url, { headers: good })).status).toBe(503);
  });

  test('keep their exact bytes', async () => {
    const { url, intake } = await start();
    const spaced = update.replaceAll(',', ' , ');
    const reply = await push(url, { headers: good, body: spaced });
    expect([reply.status, await reply.text()]).toEqual([200, '']);
    expect(intake.events[0]?.raw).toBe(spaced);
  });
});

describe('a request is refused before anything of it is used', () => {
  const json = { 'content-type': 'application/json' };
  test.each([
    ['another method', { method: 'PUT', headers: good }, 405],
    ['another content type', { headers: { ...good, 'content-type': 'text/plain' } }, 403],
    ['no secret', { headers: json }, 403],
    ['a wrong secret', { headers: { ...json, 'x-telegram-bot-api-secret-token': `${secret}x` } }, 403],
    ['an empty secret', { headers: { ...json, 'x-telegram-bot-api-secret-token': '' } }, 403],
    ['a body over 1 MiB', { headers: good, body: `"${'x'.repeat(1024 * 1024)}"` }, 413],
    ['a body that is no JSON', { headers: good, body: '{"update_id":1' }, 400],
    ['a body that is no UTF-8', { headers: good, body: Uint8Array.of(0x22, 0xff, 0x22) }, 400],
  ] as const)('%s', async (_name, init, status) => {
    const { url, intake } = await start();
    expect((await push(url, init as RequestInit)).status).toBe(status);
    expect(intake.events).toEqual([]);
  });

  test('the content type may carry a charset, another path is not found', async () => {
    const { url, adapter, intake } = await start();
    const headers = { ...good, 'content-type': 'application/json; charset=utf-8' };
    expect((await push(url, { headers })).status).toBe(200);
    expect((await push(url.replace('/hook', '/other'), { headers })).status).toBe(404);
    expect(intake.events).toHaveLength(1);
    const polling = telegram.open(
      testDeps(configFor({ url, token: '8000001:fake-token-for-tests-0123456789abcd' })),
    );
    const request = {
      method: 'POST',
      path: '/hook',
      query: new URLSearchParams(),
      headers: new Map(Object.entries(good)),
      body: Buffer.from(update),
    };
    expect(await polling.webhook?.(request, intake)).toEqual({ status: 404 });
    expect(await adapter.webhook?.(request, intake)).toEqual({ status: 200 });
  });

  test('a verified update that makes no sense is confirmed, so that it does not come for ever', async () => {
    const { url, intake } = await start();
    for (const body of ['{"update_id":1}', '[]', '7', '{"message":{}}'])
      expect((await push(url, { headers: good, body })).status).toBe(200);
    expect(intake.events).toEqual([]);
  });
});

describe('the connection', () => {
  test('stays while the webhook is ours and is conflict when somebody takes it', async () => {
    const fake = await startFakeTelegram();
    cleanups.push(() => fake.close());
    let tick = () => {};
    const base = testDeps(
      configFor(fake, { webhook_url: 'http://127.0.0.1:1/hook', webhook_secret: secret }),
    );
    const clock = {
      ...base.clock,
      sleep: (_ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          tick = resolve;
          signal?.addEventListener('abort', () => resolve());
        }),
    };
    const adapter = telegram.open({ ...base, clock });
    const intake = recordIntake();
    const ended = adapter.run(intake, new AbortController().signal).catch((error: unknown) => error);
    await until(() => intake.signs.connected === 1 && intake.signs.alive === 1);
    tick();
    await until(() => intake.signs.alive === 2);
    await fetch(`${fake.url}/bot${fake.token}/deleteWebhook`);
    tick();
    const error = await ended;
    expect(error).toBeInstanceOf(Down);
    expect(error).toMatchObject({ code: 'conflict' });
  });

  test('ends at once on abort and leaves the webhook in place', async () => {
    const { fake, stop, url } = await start();
    expect(await stop()).toBeUndefined();
    const info = await fetch(`${fake.url}/bot${fake.token}/getWebhookInfo`).then((reply) => reply.json());
    expect(info).toMatchObject({ result: { url } });
  });

  test('an address the server refuses is a matter of configuration', async () => {
    const fake = await startFakeTelegram();
    cleanups.push(() => fake.close());
    fake.fault({
      kind: 'status',
      code: 400,
      description: 'Bad Request: bad webhook',
      times: 1,
      method: 'setWebhook',
    });
    const config = configFor(fake, { webhook_url: 'http://127.0.0.1:1/hook', webhook_secret: secret });
    const ended = telegram.open(testDeps(config)).run(recordIntake(), new AbortController().signal);
    await expect(ended).rejects.toMatchObject({ code: 'config' });
  });
});
