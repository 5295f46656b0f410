import { afterEach, describe, expect, test } from 'vitest';
import { NotSent } from '../../core/outcome.ts';
import { compose } from '../../text/compose.ts';
import type { PartOp } from '../contract.ts';
import { wecomDialect } from './dialect.ts';
import { manifest } from './manifest.ts';
import { inGroup, message, type Setup, setUp, text, until } from './testing.ts';

let open: Setup[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

async function connected(...args: Parameters<typeof setUp>) {
  const setup = await setUp(...args);
  open.push(setup);
  const running = setup.connect();
  await running.connected();
  return { ...setup, running };
}

/** Somebody has written, and the message is through the adapter. */
async function heard(setup: Awaited<ReturnType<typeof connected>>, fields: object = {}): Promise<string> {
  const { intake } = setup.running;
  const count = intake.events.length + 1;
  const reqId = setup.fake.push(message({ ...fields }));
  await setup.running.events(count);
  return reqId;
}

describe('which way an answer goes', () => {
  test('to a known message as a reply with its request id, else on our own account', async () => {
    const setup = await connected();
    const first = await heard(setup, { msgid: 'M1' });
    await heard(setup, { msgid: 'M2' });
    expect(await setup.deliver(text('answer', 'M1'))).toEqual({ kind: 'sent', id: first });
    const own = await setup.deliver(text('news'), { chat: 'wrGROUP' });
    expect(setup.fake.seen).toEqual([
      { cmd: 'aibot_respond_msg', reqId: first, chat: 'zhangsan', msgtype: 'markdown', text: 'answer' },
      {
        cmd: 'aibot_send_msg',
        reqId: expect.stringMatching(/^aibot_send_msg-[0-9a-f]{32}$/),
        chat: 'wrGROUP',
        msgtype: 'markdown',
        text: 'news',
      },
    ]);
    expect(own).toMatchObject({ kind: 'sent', id: setup.fake.seen[1]?.reqId });
  });

  test('to an unknown message or a quote as a reply to the newest of the chat', async () => {
    const setup = await connected();
    const newest = await heard(setup, { msgid: 'M1', ...inGroup });
    await setup.deliver(text('a', 'quote:M9'), { chat: 'wrGROUP' });
    await setup.deliver(text('b', 'M9'), { chat: 'wrGROUP' });
    await setup.deliver(text('c'), { chat: 'wrGROUP' });
    expect(setup.fake.seen.map(({ reqId }) => reqId)).toEqual([newest, newest, newest]);
  });

  test.each([
    ['stale', 846605],
    ['too old to change', 846608],
    ['not shown on the device', 600039],
  ])('a reply that is %s is sent on our own account, once, and not tried again', async (_, code) => {
    const setup = await connected();
    await heard(setup, { msgid: 'M1' });
    setup.fake.fault({ on: 'send', kind: 'status', code, times: 1 });
    expect(await setup.deliver(text('one', 'M1'))).toMatchObject({ kind: 'sent' });
    expect(await setup.deliver(text('two', 'M1'))).toMatchObject({ kind: 'sent' });
    const sends = setup.fake.frames.map(({ cmd }) => cmd).filter((cmd) => /_msg$/.test(cmd));
    expect(sends).toEqual(['aibot_respond_msg', 'aibot_send_msg', 'aibot_send_msg']);
    expect(setup.fake.seen.map(({ text }) => text)).toEqual(['one', 'two']);
  });

  test('request ids the server has forgotten are noticed by its refusal', async () => {
    const setup = await connected();
    await heard(setup, { msgid: 'M1' });
    setup.fake.expireContexts();
    expect(await setup.deliver(text('late', 'M1'))).toMatchObject({ kind: 'sent' });
    expect(setup.fake.refused).toEqual(['846605 invalid req_id']);
    expect(setup.fake.seen.map(({ cmd }) => cmd)).toEqual(['aibot_send_msg']);
  });

  test('another refusal of a reply is the answer, not a reason for a second message', async () => {
    const setup = await connected();
    await heard(setup, { msgid: 'M1' });
    setup.fake.fault({ on: 'send', kind: 'status', code: 93006, text: 'invalid chatid', times: 1 });
    expect(await setup.deliver(text('x', 'M1'))).toEqual({
      kind: 'rejected',
      code: 'gone',
      why: 'invalid chatid (errcode=93006)',
    });
    expect(setup.fake.seen).toEqual([]);
  });

  test('request ids of an earlier connection are not used', async () => {
    const setup = await connected();
    await heard(setup, { msgid: 'M1' });
    setup.fake.drop();
    await setup.running.ended;
    await setup.connect().connected();
    await setup.deliver(text('after', 'M1'));
    expect([setup.fake.refused, setup.fake.seen.map(({ cmd }) => cmd)]).toEqual([[], ['aibot_send_msg']]);
  });

  test('an event is nothing that can be answered', async () => {
    const setup = await connected();
    setup.fake.push({ ...message({ msgtype: 'event' }), event: { eventtype: 'enter_chat' } });
    await setup.fake.settled();
    await setup.deliver(text('hello'));
    expect(setup.fake.seen.map(({ cmd }) => cmd)).toEqual(['aibot_send_msg']);
  });

  test('a friendly name stands for its chat', async () => {
    const setup = await connected({ channel_aliases: { team: 'wrGROUP' } });
    await setup.deliver(text('hi'), { chat: 'team' });
    expect(setup.fake.seen.map(({ chat }) => chat)).toEqual(['wrGROUP']);
  });
});

describe('what is in doubt stays in doubt', () => {
  test.each(['reset', 'accept-then-reset', 'half-body'] as const)(
    '%s: the delivery ends at once and is unknown, and so is no second way tried',
    async (kind) => {
      const setup = await connected();
      await heard(setup, { msgid: 'M1' });
      setup.fake.fault({ on: 'send', kind, times: 1 });
      const before = performance.now();
      expect(await setup.deliver(text('once', 'M1'))).toEqual({
        kind: 'unknown',
        why: 'WeCom connection interrupted',
      });
      expect(performance.now() - before).toBeLessThan(2000);
      expect(setup.fake.seen.length).toBe(kind === 'reset' ? 0 : 1);
    },
  );

  test.each(['hang', 'garbage'] as const)(
    '%s: an abort ends it, and later answers go another way',
    async (kind) => {
      const setup = await connected();
      await heard(setup, { msgid: 'M1' });
      setup.fake.fault({ on: 'send', kind, times: 1 });
      const abort = new AbortController();
      const hanging = setup.deliver(text('once', 'M1'), { signal: abort.signal });
      await until(() => setup.fake.frames.some(({ cmd }) => cmd === 'aibot_respond_msg'));
      abort.abort(new Error('enough'));
      expect(await hanging).toMatchObject({ kind: 'unknown' });
      expect(await setup.deliver(text('next', 'M1'))).toMatchObject({ kind: 'sent' });
      expect(setup.fake.seen.at(-1)).toMatchObject({ cmd: 'aibot_send_msg', text: 'next' });
    },
  );

  test('without a connection nothing leaves', async () => {
    const setup = await setUp();
    open.push(setup);
    await expect(setup.deliver(text('x'))).rejects.toBeInstanceOf(NotSent);
    setup.fake.fault({ on: 'subscribe', kind: 'hang', times: 1 });
    setup.connect();
    await until(() => setup.fake.frames.length === 1);
    await expect(setup.deliver(text('x'))).rejects.toBeInstanceOf(NotSent);
    expect(setup.fake.frames).toHaveLength(1);
  });
});

test('a server that has forgotten us ends the connection; the message goes out once on the next', async () => {
  const setup = await connected();
  setup.fake.unsubscribe();
  expect(await setup.deliver(text('precious'))).toMatchObject({ kind: 'retry', scope: 'account' });
  expect(await setup.running.ended).toMatchObject({ code: 'network', afterMs: 2000 });
  await setup.connect().connected();
  expect(await setup.deliver(text('precious'))).toMatchObject({ kind: 'sent' });
  expect(setup.fake.seen.map(({ text }) => text)).toEqual(['precious']);
});

describe('texts', () => {
  test('of 9000 characters with a fence are three messages, whole fences, one after another on one request id', async () => {
    const setup = await connected();
    const reqId = await heard(setup, { msgid: 'M1' });
    const code = Array.from({ length: 400 }, (_, n) => `line ${n} of some code`).join('\n');
    const pieces = compose(
      `before\n\n\`\`\`ts\n${code}\n\`\`\`\n\nafter`,
      wecomDialect,
      manifest.capabilities.text,
    );
    expect(pieces).toHaveLength(3);
    const outcomes = await Promise.all(
      pieces.map((body) => setup.deliver({ kind: 'send', body, replyTo: 'M1' as never })),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent']);
    expect([setup.fake.refused, setup.fake.seen.map((write) => write.reqId)]).toEqual([
      [],
      [reqId, reqId, reqId],
    ]);
    for (const [index, { text: piece = '' }] of setup.fake.seen.entries()) {
      expect([...piece].length).toBeLessThanOrEqual(4000);
      expect(piece.match(/^```/gm)?.length).toBe(2);
      expect(piece).toMatch(new RegExp(`\\(${index + 1}/3\\)$`));
    }
  });

  test('of a chat are at least 0.3 s apart, at most 30 in a minute and 1000 in an hour', () => {
    expect(manifest.limits.map(({ scope, count, perMs }) => [scope, count, perMs])).toEqual([
      ['chat', 30, 60_000],
      ['chat', 1000, 3_600_000],
      ['chat', 1, 300],
    ]);
  });

  test('of nothing are not sent, and those of more than 4000 characters neither', async () => {
    const setup = await connected();
    expect(await setup.deliver(text(' \n'))).toEqual({ kind: 'sent', id: '' });
    expect(await setup.deliver(text('😀'.repeat(4001)))).toMatchObject({
      kind: 'rejected',
      code: 'too-long',
    });
    expect(await setup.deliver(text('😀'.repeat(4000)))).toMatchObject({ kind: 'sent' });
    expect(setup.fake.seen).toHaveLength(1);
  });

  test('with half a character are mended', async () => {
    const setup = await connected();
    expect(await setup.deliver(text('a\ud800b'))).toMatchObject({ kind: 'sent' });
    expect(setup.fake.seen[0]?.text).toBe('a\ufffdb');
  });
});

test('what WeCom has not is refused without a request', async () => {
  const setup = await connected();
  const body = { text: 'x', plain: 'x' };
  const ops: PartOp[] = [
    { kind: 'edit', target: '1' as never, body },
    { kind: 'delete', target: '1' as never },
    { kind: 'react', target: '1' as never, emoji: '👍' },
    { kind: 'send', body, buttons: [[{ label: 'ok', data: 'ok' }]] },
  ];
  for (const op of ops)
    expect(await setup.deliver(op)).toMatchObject({ kind: 'rejected', code: 'unsupported' });
  expect(setup.fake.frames).toHaveLength(1);
});
