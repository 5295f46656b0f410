import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { backoffMs } from '../../supervise/backoff.ts';
import { stayAwayMs } from './session.ts';
import { inGroup, message, recordIntake, type Setup, setUp, text, until } from './testing.ts';

let open: Setup[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

async function start(...args: Parameters<typeof setUp>): Promise<Setup> {
  const made = await setUp(...args);
  open.push(made);
  return made;
}

const sent = (setup: Setup, cmd: string) => setup.fake.frames.filter((frame) => frame.cmd === cmd);

describe('signing in', () => {
  test('names the bot, the secret and a device that stays the same over reconnects', async () => {
    const setup = await start();
    for (let n = 1; n <= 2; n++) {
      const running = setup.connect();
      await running.connected();
      setup.fake.drop();
      await running.ended;
    }
    const [first, second] = sent(setup, 'aibot_subscribe');
    expect(first?.body).toEqual({
      bot_id: 'BOT123',
      secret: setup.fake.secret,
      device_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(first?.reqId).toMatch(/^subscribe-[0-9a-f]{32}$/);
    expect(second?.body).toEqual(first?.body);
    expect(second?.reqId).not.toBe(first?.reqId);
  });

  test('with a wrong secret is refused once and for good, in the words of the server', async () => {
    const setup = await start({ secret: 'wrong-secret' });
    const running = setup.connect();
    expect(await running.ended).toMatchObject({ code: 'auth', message: 'invalid secret (errcode=40013)' });
    expect([running.intake.connections, setup.fake.handshakes]).toEqual([0, 1]);
  });

  test('that the server says is no pair of id and secret is refused for good, too', async () => {
    const setup = await start();
    setup.fake.fault({ on: 'subscribe', kind: 'status', code: 853000, times: 1 });
    expect(await setup.connect().ended).toMatchObject({ code: 'auth' });
  });

  test('refused for another reason is tried again', async () => {
    const setup = await start();
    setup.fake.fault({
      on: 'subscribe',
      kind: 'status',
      code: 45009,
      text: 'api freq out of limit',
      times: 1,
    });
    expect(await setup.connect().ended).toMatchObject({
      code: 'network',
      message: 'api freq out of limit (errcode=45009)',
      afterMs: 2000,
    });
  });

  test('without an answer ends after 20 s, and not before', async () => {
    const clock = virtualClock();
    const setup = await start({}, { clock });
    setup.fake.fault({ on: 'subscribe', kind: 'hang', times: 1 });
    const running = setup.connect();
    await until(() => sent(setup, 'aibot_subscribe').length === 1);
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    await clock.advance(19_999);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await running.ended).toMatchObject({
      code: 'silent',
      message: 'Timed out waiting for WeCom subscribe acknowledgement',
    });
    expect(clock.pending).toBe(0);
  });

  test('cut off meanwhile says so', async () => {
    const setup = await start();
    for (const kind of ['reset', 'half-body'] as const) {
      setup.fake.fault({ on: 'subscribe', kind, times: 1 });
      expect(await setup.connect().ended).toMatchObject({
        code: 'network',
        message: 'WeCom websocket closed during authentication',
      });
    }
  });
});

describe('coming back', () => {
  test('waits 2, 5, 10, 30 and then 60 s; after a good connection 2 s again', async () => {
    const setup = await start();
    const waits: unknown[] = [];
    const fail = async () => {
      setup.fake.fault({ on: 'handshake', kind: 'reset', times: 1 });
      waits.push(await setup.connect().ended);
    };
    for (let n = 0; n < 7; n++) await fail();
    const running = setup.connect();
    await running.connected();
    setup.fake.drop();
    waits.push(await running.ended);
    await fail();
    expect(waits.map((down) => (down as { afterMs: number }).afterMs)).toEqual([
      2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000, 2000, 5000,
    ]);
  });

  test("never waits less than the supervisor's own back-off, so the table is what happens", () => {
    const table = [2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000, 60_000];
    for (const [index, afterMs] of table.entries())
      expect(backoffMs('network', index + 1, { random: () => 0.999 })).toBeLessThanOrEqual(afterMs);
  });

  test('a connection that is taken over ends as a conflict, at once and until a restart', async () => {
    const setup = await start();
    const running = setup.connect();
    await running.connected();
    const other = await start({ websocket_url: setup.fake.url });
    const winner = other.connect();
    await winner.connected();
    expect(await running.ended).toMatchObject({
      code: 'conflict',
      message: 'Kicked by server: a new connection was established elsewhere',
      afterMs: stayAwayMs,
    });
    expect(setup.fake.handshakes).toBe(2);
    setup.fake.push(message());
    expect(await winner.events(1)).toHaveLength(1);
  });
});

describe('beating', () => {
  async function beating() {
    const clock = virtualClock();
    const setup = await start({}, { clock });
    const running = setup.connect();
    await running.connected();
    await until(() => setup.fake.connections === 1);
    return { clock, setup, running };
  }

  test('happens every 30 s for as long as it is answered', async () => {
    const { clock, setup, running } = await beating();
    for (let n = 1; n <= 4; n++) {
      const signs = running.intake.alives;
      await clock.advance(30_000);
      await until(() => running.intake.alives > signs);
      expect(sent(setup, 'ping')).toHaveLength(n);
    }
    expect(sent(setup, 'ping')[0]).toMatchObject({ reqId: expect.stringMatching(/^ping-[0-9a-f]{32}$/) });
    await running.stop();
    expect(clock.pending).toBe(0);
  });

  test('without an answer within 30 s ends the connection, also while messages still come', async () => {
    const { clock, setup, running } = await beating();
    setup.fake.fault({ on: 'ping', kind: 'hang', times: 1 });
    await clock.advance(30_000);
    setup.fake.push(message());
    await running.events(1);
    await clock.advance(30_000);
    expect(await running.ended).toMatchObject({ code: 'silent', afterMs: 2000 });
    await until(() => setup.fake.connections === 0);
  });

  test('answered by a server that has forgotten us ends the connection', async () => {
    const { clock, setup, running } = await beating();
    setup.fake.unsubscribe();
    await clock.advance(30_000);
    expect(await running.ended).toMatchObject({
      code: 'network',
      message: 'aibot websocket not subscribed (errcode=846609)',
    });
  });
});

describe('what is pushed', () => {
  test('arrives in order, once for each push, with the same key for the same message', async () => {
    const setup = await start();
    const running = setup.connect();
    await running.connected();
    const one = message({ msgid: 'A' });
    for (const body of [one, message({ msgid: 'B' }), one]) setup.fake.push(body);
    expect((await running.events(3)).map(({ key }) => key)).toEqual(['A', 'B', 'A']);
  });

  test('is read on only after it was stored', async () => {
    const setup = await start();
    let store = () => {};
    const intake = recordIntake(
      () =>
        new Promise((resolve) => {
          store = resolve;
        }),
    );
    const running = setup.connect(intake);
    await running.connected();
    setup.fake.push(message({ msgid: 'A' }));
    setup.fake.push(message({ msgid: 'B' }));
    await setup.fake.settled();
    expect(intake.events).toEqual([]);
    store();
    await running.events(1);
    store();
  });

  test('ends the connection when it cannot be stored', async () => {
    const setup = await start();
    const running = setup.connect(recordIntake(() => Promise.reject(new Error('disk full'))));
    await running.connected();
    setup.fake.push(message());
    expect(await running.ended).toMatchObject({ message: 'disk full' });
  });

  test('and is no message, no answer or no frame at all ends nothing', async () => {
    const setup = await start();
    const running = setup.connect();
    await running.connected();
    for (const eventtype of [
      'enter_chat',
      'template_card_event',
      'feedback_event',
      'event.enter_check_update',
    ])
      setup.fake.push({ ...message({ msgtype: 'event' }), event: { eventtype } });
    setup.fake.push(message({ msgtype: 'hologram' }));
    setup.fake.push(message({ from: {} }));
    setup.fake.push(message({ msgid: 'last' }));
    expect((await running.events(1)).map(({ key }) => key)).toEqual(['last']);
    expect(setup.log.map(({ event }) => event)).toContain('wecom.event');
  });

  test('and refused by the policy is silent and no way to answer', async () => {
    const setup = await start({ group_policy: 'disabled' });
    const running = setup.connect();
    await running.connected();
    setup.fake.push(message(inGroup));
    expect(await running.events(1)).toMatchObject([{ addressed: false }]);
    await setup.deliver(text('hello'), { chat: 'wrGROUP' });
    expect(setup.fake.seen).toMatchObject([{ cmd: 'aibot_send_msg', chat: 'wrGROUP' }]);
  });

  test('before the subscription is confirmed is not lost', async () => {
    const setup = await start();
    setup.fake.push(message({ msgid: 'early' }));
    const running = setup.connect();
    expect((await running.events(1)).map(({ key }) => key)).toEqual(['early']);
  });
});

test('an abort ends it within 250 ms, also while a message is being stored', async () => {
  const setup = await start();
  const running = setup.connect(recordIntake(() => new Promise(() => {})));
  await running.connected();
  setup.fake.push(message());
  await setup.fake.settled();
  const before = performance.now();
  expect(await running.stop()).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(250);
});

test('a thousand connections that worked and were lost leave nothing behind', async () => {
  const setup = await start();
  const signal = new AbortController().signal;
  const resources = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP/.test(kind)).length;
  const lose = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const intake = recordIntake();
      const ended = setup.adapter.run(intake, signal).catch((error: unknown) => error);
      await until(() => intake.connections > 0);
      setup.fake.push(message());
      setup.fake.drop();
      await ended;
    }
  };
  await lose(20);
  const before = resources();
  await lose(1000);
  await until(() => resources() <= before + 2);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(setup.fake.connections).toBe(0);
}, 30_000);
