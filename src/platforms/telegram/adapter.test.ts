import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Down } from '../../core/outcome.ts';
import telegram, { offsetLifeMs } from './adapter.ts';
import { configFor, recordIntake, type Setup, setUp, testDeps, testFetch, until } from './testing.ts';

let open: Setup | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(...args: Parameters<typeof setUp>): Promise<Setup> {
  open = await setUp(...args);
  return open;
}

const downCode = async (ended: Promise<unknown>) => {
  const error = await ended;
  return error instanceof Down ? error.code : error;
};

describe('polling', () => {
  test('a message that waits on the server is accepted with its cursor and then confirmed', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('hello');
    const { intake } = connect();
    await until(() => intake.events.length === 1 && fake.pending === 0);
    expect(intake.events[0]).toMatchObject({
      text: 'hello',
      scope: 'dm',
      kind: 'message',
      at: { chat: '111' },
    });
    expect(intake.cursors).toEqual(['8002']);
    expect(intake.signs.connected).toBe(1);
  });

  test('nothing is confirmed before it is stored', async () => {
    const { fake, connect } = await start();
    const { promise: stored, resolve: store } = Promise.withResolvers<void>();
    await fake.inject.text('precious');
    const intake = recordIntake({}, () => stored);
    connect(intake);
    await until(() => fake.calls.some((call) => call.method === 'getUpdates'));
    await systemClock.sleep(50);
    expect(fake.pending).toBe(1);
    expect(fake.calls.filter((call) => call.method === 'getUpdates')).toHaveLength(1);
    store();
    await until(() => fake.pending === 0);
  });

  test('what could not be stored ends the connection unconfirmed and comes again', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('precious');
    const failure = new Error('disk full');
    const first = connect(recordIntake({}, () => Promise.reject(failure)));
    expect(await first.ended).toBe(failure);
    expect(fake.pending).toBe(1);
    const second = connect();
    await until(() => second.intake.events.length === 1);
  });

  test('a restart with the stored cursor repeats and loses nothing', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('one');
    const first = connect();
    await until(() => first.intake.events.length === 1);
    await first.stop();
    await fake.inject.text('two');
    const second = connect(recordIntake({ cursor: first.intake.cursor ?? '' }));
    await until(() => second.intake.events.length === 1);
    expect(second.intake.events.map((event) => event.text)).toEqual(['two']);
  });

  test('a cursor older than six days is ignored, because update ids may have restarted below it', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('after the restart of the ids');
    const { intake } = connect(
      recordIntake({ cursor: '900000000', cursorAt: Date.now() - offsetLifeMs - 1 }),
    );
    await until(() => intake.events.length === 1);
    expect(intake.cursors).toEqual(['8002']);
  });

  test('six quiet days on one connection forget the offset too', async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    const offsets: unknown[] = [];
    const impatient = async (url: string, init?: RequestInit) => {
      if (!url.endsWith('/getUpdates')) return testFetch(url, init);
      const params = JSON.parse(String(init?.body));
      offsets.push(params.offset);
      await systemClock.sleep(2);
      return testFetch(url, { ...init, body: JSON.stringify({ ...params, timeout: 0 }) });
    };
    const { fake, connect } = await start({}, { clock, fetch: impatient }, { firstUpdateId: 900_000 });
    await fake.inject.text('old ids');
    const { intake } = connect();
    await until(() => offsets.at(-1) === 900_001);
    ahead = offsetLifeMs + 1000;
    await until(() => offsets.at(-1) === undefined);
    const restarted = { message_id: 10, date: 1, chat: { id: 111, type: 'private' }, text: 'new ids' };
    await fake.inject({ update_id: 5, message: restarted });
    await until(() => offsets.at(-1) === 6);
    expect(intake.events.map((event) => event.text)).toEqual(['old ids', 'new ids']);
    expect(intake.cursors).toEqual(['900001', '6']);
  });

  test('redelivered updates carry the same keys and never move the offset back', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('one');
    const { intake } = connect();
    await until(() => intake.events.length === 1 && fake.pending === 0);
    await fake.redeliver();
    await until(() => intake.events.length === 2);
    expect(intake.events[1]?.key).toBe(intake.events[0]?.key);
    expect(intake.cursors).toEqual(['8002', '8002']);
    const earlier = { message_id: 2, date: 1, chat: { id: 111, type: 'private' }, text: 'late' };
    await fake.inject({ update_id: 7000, message: earlier });
    await until(() => intake.events.length === 3);
    expect(intake.cursors.at(-1)).toBe('8002');
  });

  test('ids above 2^53 stay exact, in and out', async () => {
    const { fake, connect } = await start();
    await fake.inject(
      '{"update_id":8001,"message":{"message_id":1,"date":1,"chat":{"id":9007199254740993,"type":"private"},"from":{"id":9007199254740995,"is_bot":false,"first_name":"Big"},"text":"hi"}}',
    );
    const { intake } = connect();
    await until(() => intake.events.length === 1);
    expect(intake.events[0]).toMatchObject({
      at: { chat: '9007199254740993' },
      from: { id: '9007199254740995' },
    });
    expect(intake.events[0]?.raw).toContain('9007199254740993');
  });

  test('damaged updates are skipped, said and confirmed; the ones around them arrive', async () => {
    const { fake, connect, log } = await start();
    await fake.inject.text('before');
    for (const broken of [
      '{"update_id":8002}',
      '{"update_id":8003,"message":null}',
      '{"update_id":8004,"message":{"message_id":"x","chat":[]}}',
      '{"update_id":8005,"message":{"message_id":5,"chat":{"id":1e400,"type":"private"}}}',
      '{"update_id":8006,"callback_query":{"id":1}}',
      '{"update_id":8007,"something_new":{"a":1}}',
      `{"update_id":8008,"message":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      '{"update_id":8009,"__proto__":{"polluted":true},"message":{"message_id":7,"date":-1,"chat":{"id":111,"type":"private"},"text":"odd","entities":[{"type":"bold","offset":-1,"length":9},{"type":"bold","offset":0,"length":99},null,7]}}',
    ])
      await fake.inject(broken);
    await fake.inject.text('after');
    const { intake } = connect();
    await until(() => fake.pending === 0);
    expect(intake.events.map((event) => event.text)).toEqual(['before', 'odd', 'after']);
    expect(log.filter((line) => line.event === 'telegram.skipped')).not.toHaveLength(0);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('a connection ends with the reason', () => {
  test('a refused token is auth, after one call', async () => {
    const { fake } = await start();
    const config = configFor({ url: fake.url, token: '8000001:another-token-0123456789abcdef' });
    const adapter = telegram.open(testDeps(config));
    const ended = adapter.run(recordIntake(), AbortSignal.timeout(3000)).catch((error: unknown) => error);
    expect(await downCode(ended)).toBe('auth');
    expect(fake.calls).toHaveLength(1);
  });

  test('a second reader of the same bot is conflict', async () => {
    const { fake, connect } = await start();
    const first = connect();
    await until(() => first.intake.signs.connected === 1);
    await until(() => fake.calls.filter((call) => call.method === 'getUpdates').length === 1);
    await systemClock.sleep(30);
    await fetch(`${fake.url}/bot${fake.token}/getUpdates`);
    expect(await downCode(first.ended)).toBe('conflict');
  });

  test.each([
    ['a server error', { kind: 'status', code: 502, times: 1, method: 'getUpdates' }, 'network'],
    ['an answer that is no JSON', { kind: 'garbage', times: 1, method: 'getUpdates' }, 'network'],
    ['half an answer', { kind: 'half-body', times: 1, method: 'getUpdates' }, 'network'],
    ['a reset', { kind: 'reset', times: 1, method: 'getUpdates' }, 'network'],
    ['a reset at the start', { kind: 'reset', times: 1, method: 'getMe' }, 'network'],
    ['a token revoked meanwhile', { kind: 'status', code: 401, times: 1, method: 'getUpdates' }, 'auth'],
  ] as const)('%s', async (_name, fault, code) => {
    const { fake, connect } = await start();
    fake.fault(fault);
    expect(await downCode(connect().ended)).toBe(code);
    expect(fake.happened.get(fault.kind)).toBe(1);
  });

  test('an unreachable server is network', async () => {
    const setup = await start();
    await setup.fake.close();
    expect(await downCode(setup.connect().ended)).toBe('network');
  });

  test('429 gives the wait to the supervisor', async () => {
    const { fake, connect } = await start();
    fake.fault({ kind: 'status', code: 429, retryAfter: 7, times: 1, method: 'getUpdates' });
    expect(await connect().ended).toMatchObject({ code: 'network', afterMs: 7000 });
  });

  test('an answer read byte by byte is read whole', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('слово 😀');
    fake.fault({ kind: 'slow', times: 1, method: 'getUpdates' });
    const { intake } = connect();
    await until(() => intake.events.length === 1);
    expect(intake.events[0]?.text).toBe('слово 😀');
  });
});

describe('an abort', () => {
  test.each([
    ['while the bot is asked who it is', 'getMe'],
    ['while a webhook is removed', 'deleteWebhook'],
    ['while updates are awaited', 'getUpdates'],
  ])('%s ends the connection in time', async (_name, method) => {
    const { fake, connect } = await start();
    fake.fault({ kind: 'hang', times: 1, method });
    const run = connect();
    await until(() => fake.calls.some((call) => call.method === method));
    const before = performance.now();
    expect(await run.stop()).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(250);
  });

  test('while storing hangs ends the connection in time', async () => {
    const { fake, connect } = await start();
    await fake.inject.text('one');
    let storing = false;
    const intake = recordIntake({}, () => {
      storing = true;
      return new Promise(() => {});
    });
    const run = connect(intake);
    await until(() => storing);
    expect(await run.stop()).toBeUndefined();
  });
});

test('a thousand disconnects leave no timer, listener or socket behind', async () => {
  const { fake, connect } = await start();
  const signal = new AbortController().signal;
  fake.fault({ kind: 'reset', times: 1000, method: 'getMe' });
  const adapter = open!.adapter;
  for (let round = 0; round < 1000; round++) await adapter.run(recordIntake(), signal).catch(() => {});
  expect(fake.happened.get('reset')).toBe(1000);
  await until(() => fake.openConnections <= 1, 'sockets are closed');
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
  expect(timers.length).toBeLessThan(20);
  await fake.inject.text('still alive');
  const { intake } = connect();
  await until(() => intake.events.length === 1);
});

test('no log line or error carries the token', async () => {
  const setup = await start();
  const { fake, log } = setup;
  for (const fault of ['reset', 'garbage', 'half-body'] as const) {
    fake.fault({ kind: fault, times: 1, method: 'getUpdates' });
    log.push({ level: 'info', event: String(await setup.connect().ended), data: undefined });
  }
  expect(JSON.stringify(log)).not.toContain(fake.token.split(':')[1]);
});
