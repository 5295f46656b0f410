/** Somebody else's code proves the fake: the vendor's SDK for Node talks to it as it would to WeCom. */
import { WSClient, type WsFrame } from '@wecom/aibot-node-sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeWeCom, startFakeWeCom } from './fake.ts';
import { inGroup, message, patterned, until, vectors } from './testing.ts';

let fake: FakeWeCom;
let clients: WSClient[] = [];
beforeEach(async () => {
  fake = await startFakeWeCom({ chats: ['zhangsan'] });
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  clients = [];
  await fake.close();
});

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function connect(options: object = {}): WSClient {
  const client = new WSClient({
    botId: fake.botId,
    secret: fake.secret,
    wsUrl: fake.url,
    logger: quiet,
    heartbeatInterval: 20,
    reconnectInterval: 5,
    ...options,
  });
  client.on('error', () => {});
  clients.push(client);
  return client.connect();
}

async function authenticated(options: object = {}): Promise<WSClient> {
  const client = connect(options);
  await new Promise<void>((resolve) => client.once('authenticated', resolve));
  return client;
}

const next = (client: WSClient, event: 'message' | 'event') =>
  new Promise<WsFrame>((resolve) => client.once(event, (frame: WsFrame) => resolve(frame)));

test('it signs in, also with its own fields, and its beats are answered', async () => {
  const client = await authenticated({ scene: 1, plug_version: '1.0' });
  const beats = () => fake.frames.filter(({ cmd }) => cmd === 'ping');
  // Two beats without an answer would end the connection.
  await until(() => beats().length >= 5);
  expect([client.isConnected, fake.handshakes, fake.refused]).toEqual([true, 1, []]);
  expect(beats()[0]?.body).toBeUndefined();
});

test('its wrong secret is refused as it expects', async () => {
  const client = connect({ secret: 'wrong', maxAuthFailureAttempts: 0 });
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  await until(() => errors.length >= 2);
  expect(errors).toEqual([
    'Authentication failed: invalid secret (code: 40013)',
    'Max auth failure attempts exceeded (0)',
  ]);
});

test('it understands every kind of push, and answers reach their chat', async () => {
  const client = await authenticated();
  const kinds: string[] = [];
  for (const kind of ['text', 'image', 'mixed', 'voice', 'file', 'video'] as const)
    client.on(`message.${kind}`, () => kinds.push(kind));
  for (const [msgtype, content] of Object.entries({
    image: { url: 'https://x/1', aeskey: 'k' },
    mixed: { msg_item: [] },
    voice: { content: '你好' },
    file: { url: 'https://x/1', aeskey: 'k' },
    video: { url: 'https://x/1', aeskey: 'k' },
  }))
    fake.push({ ...message(), msgtype, [msgtype]: content });
  await until(() => kinds.length === 5);
  const coming = next(client, 'message');
  const reqId = fake.push(message({ ...inGroup, text: { content: '@Hermes hello' } }));
  const frame = await coming;
  expect(frame.headers.req_id).toBe(reqId);
  await client.replyStream(frame, 'stream-1', 'thinking', false);
  await client.replyStream(frame, 'stream-1', '**done**', true);
  await client.reply(frame, { msgtype: 'markdown', markdown: { content: 'and more' } });
  await client.sendMessage('zhangsan', { msgtype: 'markdown', markdown: { content: 'news' } });
  expect(fake.seen.map(({ chat, text }) => [chat, text])).toEqual([
    ['wrGROUP', 'thinking'],
    ['wrGROUP', '**done**'],
    ['wrGROUP', 'and more'],
    ['zhangsan', 'news'],
  ]);
  expect([kinds, fake.refused]).toEqual([['image', 'mixed', 'voice', 'file', 'video', 'text'], []]);
});

test('its answers grow until they are finished or six minutes old, with images at the end and one card', async () => {
  const client = await authenticated();
  const coming = next(client, 'message');
  fake.push(message());
  const frame = await coming;
  const image = [{ msgtype: 'image' as const, image: { base64: 'AA==', md5: 'a'.repeat(32) } }];
  const card = { card_type: 'text_notice' as const };
  await client.replyStream(frame, 's1', 'a', false, undefined, { id: 'f' });
  const refused = (answer: Promise<unknown>) => expect(answer).rejects;
  await refused(client.replyStream(frame, 's1', 'b', false, undefined, { id: 'f' })).toMatchObject({
    errcode: 40058,
  });
  await refused(
    client.reply(frame, { msgtype: 'stream', stream: { id: 's1', msg_item: image } }),
  ).toMatchObject({
    errcode: 40058,
  });
  await refused(client.replyStream(frame, 's1', 'x'.repeat(20_481))).toMatchObject({ errcode: 45002 });
  await client.replyStream(frame, 's1', 'done', true, image);
  await refused(client.replyStream(frame, 's1', 'more', true)).toMatchObject({ errcode: 846608 });
  await client.replyStreamWithCard(frame, 's2', 'a', false, { templateCard: card });
  await refused(client.replyStreamWithCard(frame, 's2', 'b', false, { templateCard: card })).toMatchObject({
    errcode: 40058,
  });
  fake.expireStreams();
  await refused(client.replyStream(frame, 's2', 'late', true)).toMatchObject({ errcode: 846608 });
  expect(fake.seen.map(({ text }) => text)).toEqual(['a', 'done', 'a']);
});

test('it sends cards, changes them when somebody presses, and shows files as replies', async () => {
  const client = await authenticated();
  const coming = next(client, 'message');
  fake.push(message());
  const frame = await coming;
  await client.replyTemplateCard(frame, { card_type: 'button_interaction' });
  await client.sendMessage('zhangsan', {
    msgtype: 'template_card',
    template_card: { card_type: 'text_notice' },
  });
  const pressed = next(client, 'event');
  fake.push({
    ...message({ msgtype: 'event' }),
    event: { eventtype: 'template_card_event', event_key: 'k' },
  });
  await client.updateTemplateCard(await pressed, { card_type: 'button_interaction' }, ['zhangsan']);
  await expect(client.updateTemplateCard(frame, { card_type: 'text_notice' })).rejects.toMatchObject({
    errcode: 846605,
  });
  const { media_id } = await client.uploadMedia(Buffer.from('x'), { type: 'video', filename: 'v.mp4' });
  await client.replyMedia(frame, 'video', media_id, { title: 't', description: 'd' });
  expect(fake.seen.map(({ cmd, msgtype }) => [cmd, msgtype])).toEqual([
    ['aibot_respond_msg', 'template_card'],
    ['aibot_send_msg', 'template_card'],
    ['aibot_respond_msg', 'video'],
  ]);
});

test('it welcomes who enters, and cannot answer the event otherwise', async () => {
  const client = await authenticated();
  const coming = next(client, 'event');
  fake.push({ ...message({ msgtype: 'event' }), event: { eventtype: 'enter_chat' } });
  const frame = await coming;
  await client.replyWelcome(frame, { msgtype: 'text', text: { content: 'hi' } });
  await expect(client.replyStream(frame, 's', 'x', true)).rejects.toMatchObject({ errcode: 846605 });
});

test('it uploads in parallel chunks that count from zero, and sends what it uploaded', async () => {
  const client = await authenticated();
  const bytes = Buffer.from(patterned(3 * 524_288 + 1));
  const { media_id } = await client.uploadMedia(bytes, { type: 'file', filename: 'f.bin' });
  expect(fake.uploads.media.get(media_id)?.bytes.equals(bytes)).toBe(true);
  expect(fake.uploads.media.get(media_id)?.chunks.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  await client.sendMediaMessage('zhangsan', 'file', media_id);
  await expect(client.sendMediaMessage('zhangsan', 'image', media_id)).rejects.toMatchObject({
    errcode: 40007,
  });
  expect(fake.seen).toMatchObject([{ chat: 'zhangsan', mediaId: media_id }]);
});

test('it fetches and opens what the fake has closed', async () => {
  const client = await authenticated();
  const { aeskey, plaintext_b64 } = vectors.media[0]!;
  const plain = Buffer.from(plaintext_b64, 'base64');
  const { buffer } = await client.downloadFile(fake.serve(plain, { aeskey }), aeskey);
  expect(buffer).toEqual(plain);
});

test('displaced, it stays away; cut off, it comes back', async () => {
  const first = await authenticated();
  const gone = new Promise((resolve) => first.once('disconnected', resolve));
  const second = await authenticated();
  await gone;
  fake.drop();
  await new Promise<void>((resolve) => second.once('authenticated', resolve));
  expect([first.isConnected, second.isConnected, fake.handshakes]).toEqual([false, true, 3]);
});
