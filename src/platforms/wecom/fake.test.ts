/** The fake refuses what the real gateway refuses. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type FakeWeCom, startFakeWeCom } from './fake.ts';
import { message, patterned } from './testing.ts';

let fake: FakeWeCom;
beforeEach(async () => {
  fake = await startFakeWeCom({ chats: ['zhangsan'] });
});
afterEach(() => fake.close());

interface Answer {
  readonly cmd?: string;
  readonly headers: { readonly req_id: string };
  readonly errcode?: number;
  readonly errmsg?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

async function client() {
  const socket = new WebSocket(fake.url);
  const frames: Answer[] = [];
  let wake = () => {};
  socket.on('message', (data) => {
    frames.push(JSON.parse(data.toString()) as Answer);
    wake();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  let ids = 0;
  const next = async (): Promise<Answer> => {
    while (frames.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return frames.shift()!;
  };
  const send = (cmd: string, body?: unknown, req_id = `${cmd}-${++ids}`) =>
    socket.send(JSON.stringify({ cmd, headers: { req_id }, body }));
  const ask = async (cmd: string, body?: unknown, req_id?: string): Promise<Answer> => {
    send(cmd, body, req_id);
    return next();
  };
  return { socket, send, next, ask };
}

async function subscribed() {
  const made = await client();
  const { errcode } = await made.ask('aibot_subscribe', { bot_id: fake.botId, secret: fake.secret });
  expect(errcode).toBe(0);
  return made;
}

const markdown = (content: string) => ({ msgtype: 'markdown', markdown: { content } });

describe('it refuses', () => {
  test('everything before the subscription, and wrong credentials', async () => {
    const { ask } = await client();
    expect(await ask('ping')).toMatchObject({ errcode: 846609 });
    expect(await ask('aibot_subscribe', { bot_id: fake.botId, secret: 'x' })).toMatchObject({
      errcode: 40013,
      errmsg: 'invalid secret',
    });
  });

  test('unknown commands and unknown fields, in frames and in bodies', async () => {
    const { ask, socket, next } = await subscribed();
    expect(await ask('aibot_dance', {})).toMatchObject({ errcode: 40058 });
    expect(await ask('aibot_send_msg', { chatid: 'zhangsan', ...markdown('x'), to: 'y' })).toMatchObject({
      errcode: 40058,
    });
    expect(
      await ask('aibot_send_msg', { chatid: 'zhangsan', msgtype: 'text', text: { content: 'x' } }),
    ).toMatchObject({
      errcode: 40058,
    });
    socket.send(JSON.stringify({ cmd: 'ping', headers: { req_id: 'a', trace: 1 } }));
    expect(await next()).toMatchObject({ errcode: 40058 });
    socket.send('{"cmd":');
    expect(await next()).toMatchObject({ errcode: 40058 });
  });

  test('request ids that were used, of events, of other connections, or nobody pushed', async () => {
    const { ask, next } = await subscribed();
    expect(await ask('ping', undefined, 'same')).toMatchObject({ errcode: 0 });
    expect(await ask('ping', undefined, 'same')).toMatchObject({ errcode: 40058 });
    expect(await ask('aibot_respond_msg', markdown('x'), 'never pushed')).toMatchObject({ errcode: 846605 });
    const event = fake.push({ ...message({ msgtype: 'event' }), event: { eventtype: 'enter_chat' } });
    expect(await next()).toMatchObject({ cmd: 'aibot_event_callback' });
    expect(await ask('aibot_respond_msg', markdown('x'), event)).toMatchObject({ errcode: 846605 });
    const pushed = fake.push(message());
    expect(await next()).toMatchObject({ cmd: 'aibot_msg_callback', headers: { req_id: pushed } });
    const other = await subscribed();
    expect(await other.ask('aibot_respond_msg', markdown('x'), pushed)).toMatchObject({ errcode: 846605 });
  });

  test('a second reply with a request id whose first is not yet answered', async () => {
    const { send, next } = await subscribed();
    const pushed = fake.push(message());
    await next();
    send('aibot_respond_msg', markdown('a'), pushed);
    send('aibot_respond_msg', markdown('b'), pushed);
    const codes = [(await next()).errcode, (await next()).errcode];
    expect(codes.toSorted()).toEqual([0, 40058]);
    expect(fake.seen.map(({ text }) => text)).toEqual(['a']);
  });

  test('texts that are empty or too long, and chats nobody has written in', async () => {
    const { ask } = await subscribed();
    const say = (content: string, chatid = 'zhangsan') =>
      ask('aibot_send_msg', { chatid, ...markdown(content) });
    expect(await say(' ')).toMatchObject({ errcode: 44004 });
    expect(await say('😀'.repeat(4001))).toMatchObject({ errcode: 45002 });
    expect(await say('😀'.repeat(4000))).toMatchObject({ errcode: 0 });
    expect(await say('x', 'nobody')).toMatchObject({ errcode: 93006 });
    expect(
      await ask('aibot_send_msg', { chatid: 'zhangsan', msgtype: 'file', file: { media_id: 'm' } }),
    ).toMatchObject({
      errcode: 40007,
    });
  });

  test('uploads that do not fit what was announced', async () => {
    const { ask } = await subscribed();
    const init = { type: 'file', filename: 'f', total_size: 600_000, total_chunks: 2 };
    expect(await ask('aibot_upload_media_init', { ...init, total_chunks: 3 })).toMatchObject({
      errcode: 40058,
    });
    expect(
      await ask('aibot_upload_media_init', {
        ...init,
        type: 'voice',
        total_size: 3_000_000,
        total_chunks: 6,
      }),
    ).toMatchObject({
      errcode: 40006,
    });
    const upload_id = (await ask('aibot_upload_media_init', init)).body?.['upload_id'];
    const chunk = (chunk_index: number, size: number) =>
      ask('aibot_upload_media_chunk', {
        upload_id,
        chunk_index,
        base64_data: Buffer.from(patterned(size)).toString('base64'),
      });
    expect(await chunk(0, 524_289)).toMatchObject({ errcode: 40006 });
    expect(await chunk(2, 10)).toMatchObject({ errcode: 40058 });
    expect(await chunk(0, 524_288)).toMatchObject({ errcode: 0 });
    expect(await ask('aibot_upload_media_finish', { upload_id })).toMatchObject({ errcode: 40058 });
    expect(await chunk(1, 600_000 - 524_288)).toMatchObject({ errcode: 0 });
    expect(await ask('aibot_upload_media_finish', { upload_id })).toMatchObject({ body: { type: 'file' } });
  });
});

describe('it refuses of uploads', () => {
  const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

  test('ids it has not given, more than 100 chunks, what is not Base64, and another sum than announced', async () => {
    const { ask } = await subscribed();
    const init = { type: 'file', filename: 'f', total_size: 10, total_chunks: 1 };
    expect(await ask('aibot_upload_media_finish', { upload_id: 'nobody' })).toMatchObject({ errcode: 40058 });
    expect(
      await ask('aibot_upload_media_chunk', { upload_id: 'nobody', chunk_index: 0, base64_data: 'AA==' }),
    ).toMatchObject({ errcode: 40058 });
    expect(await ask('aibot_upload_media_init', { ...init, total_chunks: 101 })).toMatchObject({
      errcode: 40058,
      errmsg: 'too many chunks',
    });
    const bytes = Buffer.from(patterned(10));
    const announced = { ...init, md5: md5(Buffer.from('another')) };
    const upload_id = (await ask('aibot_upload_media_init', announced)).body?.['upload_id'];
    const chunk = (base64_data: string) =>
      ask('aibot_upload_media_chunk', { upload_id, chunk_index: 0, base64_data });
    expect(await chunk('***')).toMatchObject({ errcode: 40058, errmsg: 'not base64' });
    expect(await chunk(bytes.toString('base64'))).toMatchObject({ errcode: 0 });
    expect(await ask('aibot_upload_media_finish', { upload_id })).toMatchObject({ errcode: 40058 });
    expect(fake.uploads.media.size).toBe(0);
  });
});

test('it closes a connection that sends bytes instead of text', async () => {
  const { socket } = await subscribed();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.send(Buffer.from('{}'));
  expect(await closed).toBe(1003);
});

test('it refuses a welcome and a new card for anything but the event they belong to', async () => {
  const { ask, next } = await subscribed();
  const pushed = fake.push(message());
  await next();
  const welcome = { msgtype: 'text', text: { content: 'hi' } };
  expect(await ask('aibot_respond_welcome_msg', welcome, pushed)).toMatchObject({ errcode: 846605 });
  const card = { response_type: 'update_template_card', template_card: { card_type: 'text_notice' } };
  expect(await ask('aibot_respond_update_msg', card, pushed)).toMatchObject({ errcode: 846605 });
});

test('a second subscription of the bot displaces the first, which is told and closed', async () => {
  const first = await subscribed();
  const closed = new Promise((resolve) => first.socket.once('close', resolve));
  await subscribed();
  expect(await first.next()).toMatchObject({
    cmd: 'aibot_event_callback',
    body: { event: { eventtype: 'disconnected_event' } },
  });
  await closed;
});
