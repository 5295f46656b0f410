import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotSent } from '../../core/outcome.ts';
import telegram from './adapter.ts';
import { reactionEmoji } from './manifest.ts';
import {
  configFor,
  messageId,
  partOf,
  rendered,
  type Setup,
  sendOf,
  setUp,
  testDeps,
  testFetch,
  until,
} from './testing.ts';

const group = { id: -1001, type: 'supergroup', title: 'Ops' } as const;
const forum = { id: -1002, type: 'supergroup', title: 'Forum', is_forum: true } as const;

let setup: Setup;
const never = new AbortController().signal;
beforeEach(async () => {
  setup = await setUp();
  await setup.fake.inject.text('hi');
  await setup.fake.inject.text('hi all', { chat: group });
  await setup.fake.inject.text('hi topic', { chat: forum, thread: 42 });
});
afterEach(() => setup.close());

const deliver = (...args: Parameters<typeof partOf>) => setup.adapter.deliver(partOf(...args), never);
const sends = () => setup.fake.calls.filter((call) => call.method === 'sendMessage');
const lastSent = () => setup.fake.seen.at(-1)?.params;

describe('a send', () => {
  test('answers the id of the message that is now visible', async () => {
    const outcome = await deliver(sendOf('hello'));
    const shown = setup.fake.messages(111).at(-1);
    expect(outcome).toEqual({ kind: 'sent', id: String(shown?.id) });
    expect(shown).toMatchObject({ text: 'hello', mine: true });
  });

  test('carries markup, reply and silence in the documented fields', async () => {
    const op = sendOf('Done\\.', {
      body: rendered('Done\\.', 'MarkdownV2'),
      replyTo: messageId(1),
      silent: true,
    });
    expect(await deliver(op)).toMatchObject({ kind: 'sent' });
    expect(lastSent()).toEqual({
      chat_id: 111,
      text: 'Done\\.',
      parse_mode: 'MarkdownV2',
      reply_parameters: { message_id: 1, allow_sending_without_reply: true },
      disable_notification: true,
    });
  });

  test('goes to its topic, without a reply anchor', async () => {
    await deliver(sendOf('there', { replyTo: messageId(3) }), { chat: '-1002', thread: '42' });
    expect(lastSent()).toEqual({ chat_id: -1002, message_thread_id: 42, text: 'there' });
  });

  test('to the General topic leaves the thread out, typing keeps it', async () => {
    await deliver(sendOf('general'), { chat: '-1002', thread: '1' });
    expect(lastSent()).toEqual({ chat_id: -1002, text: 'general' });
    const typed: unknown[] = [];
    setup.fake.onMessage((shown) => typed.push(shown));
    await setup.adapter.hint?.(partOf(sendOf(''), { chat: '-1002', thread: '1' }).at, 'typing', never);
    expect(typed).toEqual([{ kind: 'typing', chat: -1002, thread: 1 }]);
  });

  test('with nothing to see succeeds without a call', async () => {
    expect(await deliver(sendOf(' \n '))).toMatchObject({ kind: 'sent' });
    expect(sends()).toHaveLength(0);
  });

  test('of 4,096 UTF-16 units is taken, of 4,097 is too long', async () => {
    for (const unit of ['a', '😀', 'е́', '漢']) {
      const exact = unit.repeat(4096 / unit.length);
      expect(await deliver(sendOf(exact))).toMatchObject({ kind: 'sent' });
      expect(await deliver(sendOf(`${exact}a`))).toMatchObject({ kind: 'rejected', code: 'too-long' });
    }
  });

  test('whose markup cannot be parsed is rejected for its format', async () => {
    const op = sendOf('', { body: rendered('a.b', 'MarkdownV2') });
    expect(await deliver(op)).toMatchObject({ kind: 'rejected', code: 'bad-format' });
  });

  test('to a missing topic of a group is tried again and then falls back to the chat, and says so', async () => {
    setup.fake.deleteTopic(-1002, 42);
    expect(await deliver(sendOf('lost'), { chat: '-1002', thread: '42' })).toMatchObject({ kind: 'sent' });
    expect(sends().map((call) => call.status)).toEqual([400, 400, 200]);
    expect(
      setup.log
        .filter((line) => line.event === 'telegram.send_repaired')
        .map((line) => line.data?.['repair']),
    ).toEqual(['thread-again', 'thread-drop']);
  });

  test('to a missing private topic never falls back to the root chat', async () => {
    setup.fake.deleteTopic(111, 5);
    expect(await deliver(sendOf('private'), { thread: '5' })).toMatchObject({
      kind: 'rejected',
      code: 'gone',
    });
    expect(sends()).toHaveLength(1);
  });

  test('that answers a deleted message is sent without the anchor', async () => {
    setup.fake.fault({
      kind: 'status',
      code: 400,
      description: 'Bad Request: message to be replied not found',
      times: 1,
      method: 'sendMessage',
    });
    expect(await deliver(sendOf('still', { replyTo: messageId(1) }))).toMatchObject({ kind: 'sent' });
    expect(lastSent()).toEqual({ chat_id: 111, text: 'still' });
  });

  test('to a group that became a supergroup goes to its new id, and later ones go there at once', async () => {
    setup.fake.migrate(-1001, -1009);
    expect(await deliver(sendOf('moved'), { chat: '-1001' })).toMatchObject({ kind: 'sent' });
    expect(await deliver(sendOf('again'), { chat: '-1001' })).toMatchObject({ kind: 'sent' });
    expect(sends().map((call) => call.status)).toEqual([400, 200, 200]);
    expect(setup.fake.messages(-1009).map((message) => message.text)).toEqual(['moved', 'again']);
    expect(setup.log).toContainEqual(
      expect.objectContaining({ event: 'telegram.chat_moved', data: { from: '-1001', to: '-1009' } }),
    );
  });
});

describe('settings of sends', () => {
  test('reply_to_mode off drops anchors and disable_link_previews is sent along', async () => {
    const config = configFor(setup.fake, { reply_to_mode: false, extra: { disable_link_previews: 'yes' } });
    const adapter = telegram.open(testDeps(config));
    await adapter.deliver(partOf(sendOf('x', { replyTo: messageId(1) })), never);
    expect(lastSent()).toEqual({ chat_id: 111, text: 'x', link_preview_options: { is_disabled: true } });
  });
});

describe('other writes', () => {
  test('edit, react and delete change the message', async () => {
    const sent = await deliver(sendOf('first'));
    const target = sent.kind === 'sent' ? sent.id : messageId(0);
    const shown = () => setup.fake.messages(111).find((message) => String(message.id) === target);
    expect(await deliver({ kind: 'edit', target, body: rendered('second') })).toEqual({
      kind: 'sent',
      id: target,
    });
    expect(shown()?.text).toBe('second');
    expect(await deliver({ kind: 'edit', target, body: rendered('second') })).toEqual({
      kind: 'sent',
      id: target,
    });
    expect(await deliver({ kind: 'react', target, emoji: '👍' })).toEqual({ kind: 'sent', id: target });
    expect(shown()?.reactions).toEqual(['👍']);
    expect(await deliver({ kind: 'react', target, emoji: '' })).toMatchObject({ kind: 'sent' });
    expect(shown()?.reactions).toEqual([]);
    expect(await deliver({ kind: 'delete', target })).toEqual({ kind: 'sent', id: target });
    expect(shown()).toBeUndefined();
    expect(await deliver({ kind: 'delete', target })).toMatchObject({ kind: 'rejected', code: 'gone' });
    expect(await deliver({ kind: 'edit', target, body: rendered('x') })).toMatchObject({
      kind: 'rejected',
      code: 'gone',
    });
  });

  test('every reaction the manifest declares is one Telegram takes', async () => {
    const target = messageId(1);
    for (const emoji of reactionEmoji)
      expect(await deliver({ kind: 'react', target, emoji })).toMatchObject({ kind: 'sent' });
  });

  test('what is not declared is refused without a call', async () => {
    const media = { ref: 'x', kind: 'image', mime: 'image/png' } as const;
    for (const op of [
      sendOf('x', { media }),
      sendOf('x', { buttons: [[{ label: 'a', data: 'b' }]] }),
      { kind: 'react', target: messageId(1), emoji: '✅' } as const,
    ])
      expect(await deliver(op)).toMatchObject({ kind: 'rejected', code: 'unsupported' });
    expect(await deliver(sendOf('x'), { chat: 'somewhere' })).toMatchObject({
      kind: 'rejected',
      code: 'gone',
    });
    expect(setup.fake.calls).toHaveLength(0);
  });
});

describe('refusals of the server', () => {
  test('an unknown chat is gone, a chat that blocked us is blocked, and neither is repeated', async () => {
    expect(await deliver(sendOf('x'), { chat: '999' })).toMatchObject({ kind: 'rejected', code: 'gone' });
    setup.fake.block(111);
    expect(await deliver(sendOf('x'))).toMatchObject({ kind: 'rejected', code: 'blocked' });
    expect(sends()).toHaveLength(2);
  });

  test('a refused token keeps the part for the account', async () => {
    const config = configFor({ url: setup.fake.url, token: '8000001:another-token-0123456789abcdef' });
    const outcome = await telegram.open(testDeps(config)).deliver(partOf(sendOf('x')), never);
    expect(outcome).toMatchObject({ kind: 'retry', scope: 'account' });
  });

  test('flood control gives the wait of the chat', async () => {
    setup.fake.flood(true);
    const outcomes = [];
    for (let n = 0; n < 6; n++) outcomes.push(await deliver(sendOf(`m${n}`)));
    expect(outcomes.slice(0, 5).every((outcome) => outcome.kind === 'sent')).toBe(true);
    expect(outcomes[5]).toMatchObject({ kind: 'retry', scope: 'chat', afterMs: expect.any(Number) });
    expect(await deliver(sendOf('elsewhere'), { chat: '-1001' })).toMatchObject({ kind: 'sent' });
  });
});

describe('when the outcome cannot be known', () => {
  test.each([
    ['accept-then-reset', 1],
    ['half-body', 1],
    ['reset', 0],
    ['garbage', 0],
  ] as const)('%s is unknown', async (kind, visible) => {
    setup.fake.fault({ kind, times: 1, method: 'sendMessage' });
    expect(await deliver(sendOf('once'))).toMatchObject({ kind: 'unknown' });
    expect(setup.fake.happened.get(kind)).toBe(1);
    expect(setup.fake.messages(111).filter((message) => message.text === 'once')).toHaveLength(visible);
    expect(sends()).toHaveLength(1);
  });

  test.each([
    ['hang', 0],
    ['accept-then-hang', 1],
  ] as const)('%s is unknown when the wait is given up', async (kind, visible) => {
    setup.fake.fault({ kind, times: 1, method: 'sendMessage' });
    const abort = new AbortController();
    const outcome = setup.adapter.deliver(partOf(sendOf('once')), abort.signal);
    await until(() => sends().length === 1);
    abort.abort();
    expect(await outcome).toMatchObject({ kind: 'unknown' });
    expect(setup.fake.messages(111).filter((message) => message.text === 'once')).toHaveLength(visible);
  });

  test('a refused connection is certain: NotSent passes through', async () => {
    await setup.fake.close();
    await expect(deliver(sendOf('x'))).rejects.toBeInstanceOf(NotSent);
  });

  test('sends do not depend on polling: they work while it is down', async () => {
    setup.fake.fault({ kind: 'status', code: 502, times: 1, method: 'getUpdates' });
    await setup.connect().ended;
    expect(await deliver(sendOf('still here'))).toMatchObject({ kind: 'sent' });
  });
});

describe('typing', () => {
  test('is best effort: no failure is thrown, and it gives up by itself', async () => {
    const at = partOf(sendOf('')).at;
    setup.fake.fault({ kind: 'reset', times: 1, method: 'sendChatAction' });
    await setup.adapter.hint?.(at, 'typing', never);
    let expire = () => {};
    const clock = {
      ...testDeps(configFor(setup.fake)).clock,
      after: (_ms: number, run: () => void) => {
        expire = run;
        return () => {};
      },
    };
    const adapter = telegram.open(testDeps(configFor(setup.fake), [], { clock }));
    setup.fake.fault({ kind: 'hang', times: 1, method: 'sendChatAction' });
    const hint = adapter.hint?.(at, 'typing', never);
    await until(() => setup.fake.happened.get('hang') === 1);
    expire();
    await hint;
  });

  test('a read mark makes no call', async () => {
    await setup.adapter.hint?.(partOf(sendOf('')).at, 'seen', never);
    expect(setup.fake.calls).toHaveLength(0);
  });
});

describe('media', () => {
  const read = async (ref: string, over = {}) => {
    const adapter = telegram.open(testDeps(configFor(setup.fake), [], over));
    const stream = await adapter.media!(ref, never);
    return Buffer.from(await new Response(stream).arrayBuffer());
  };

  test('streams the bytes of a file', async () => {
    const id = setup.fake.file('photos/file 1.jpg', Buffer.from('bytes'));
    expect((await read(id)).toString()).toBe('bytes');
  });

  test('refuses what is larger than bots may fetch, before and while it is read', async () => {
    const big = setup.fake.file('big.bin', new Uint8Array(20 * 1024 * 1024 + 1));
    await expect(read(big)).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' });
  });

  test('an unknown file, a server error and a path outside are refused', async () => {
    await expect(read('nope')).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' });
    const id = setup.fake.file('gone.jpg', Buffer.from('x'));
    setup.fake.fault({ kind: 'status', code: 404, times: 1, method: 'file' });
    await expect(read(id)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' });
    for (const path of ['../secret', '/var/lib/x.jpg']) {
      const fetch = async (url: string, init?: RequestInit) =>
        url.endsWith('/getFile')
          ? Response.json({ ok: true, result: { file_id: 'x', file_path: path } })
          : testFetch(url, init);
      await expect(read('x', { fetch })).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' });
    }
  });

  test('a server that sends more than it said is cut off at the cap', async () => {
    const endless = () =>
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(8 << 20)) });
    const fetch = async (url: string) =>
      url.endsWith('/getFile')
        ? Response.json({ ok: true, result: { file_id: 'x', file_path: 'a.bin', file_size: 3 } })
        : new Response(endless());
    const config = { ...configFor(setup.fake), base_url: undefined };
    const adapter = telegram.open(testDeps(config, [], { fetch }));
    const stream = await adapter.media!('x', never);
    await expect(new Response(stream).arrayBuffer()).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' });
  });
});
