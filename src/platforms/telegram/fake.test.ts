import { Bot, GrammyError } from 'grammy';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeTelegram, startFakeTelegram } from './fake.ts';
import { until } from './testing.ts';

let fake: FakeTelegram;
beforeEach(async () => {
  fake = await startFakeTelegram();
});
afterEach(() => fake.close());

async function api(method: string, params: object = {}, token = fake.token) {
  const reply = await fetch(`${fake.url}/bot${token}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  return (await reply.json()) as { ok: boolean; error_code?: number; description?: string; result?: unknown };
}

describe('driven by grammY', () => {
  const makeBot = () => new Bot(fake.token, { client: { apiRoot: fake.url } });

  test('its polling receives, answers, edits, reacts and deletes', async () => {
    const bot = makeBot();
    const done = Promise.withResolvers<void>();
    bot.on('message:text', async (context) => {
      const sent = await context.reply(`echo ${context.message.text}`, {
        reply_parameters: { message_id: context.message.message_id },
      });
      await context.api.editMessageText(context.chat.id, sent.message_id, 'edited');
      await context.api.setMessageReaction(context.chat.id, sent.message_id, [
        { type: 'emoji', emoji: '👀' },
      ]);
      await context.api.sendChatAction(context.chat.id, 'typing');
      if (context.message.text === 'delete')
        await context.api.deleteMessage(context.chat.id, sent.message_id);
      done.resolve();
    });
    bot.catch((error) => done.reject(error));
    const running = bot.start();
    await fake.inject.text('hello');
    await done.promise;
    expect(bot.botInfo.username).toBe('hermes_test_bot');
    expect(fake.messages(111).at(-1)).toMatchObject({ text: 'edited', reactions: ['👀'], mine: true });
    await until(() => fake.pending === 0);
    await bot.stop();
    await running;
  });

  test('its errors are the documented ones', async () => {
    const { api: client } = makeBot();
    const refused = (call: Promise<unknown>) =>
      call.catch((error: unknown) =>
        error instanceof GrammyError ? [error.error_code, error.description] : error,
      );
    expect(await refused(client.sendMessage(999, 'x'))).toEqual([400, 'Bad Request: chat not found']);
    await fake.inject.text('hi');
    expect(await refused(client.sendMessage(111, ' '))).toEqual([400, 'Bad Request: message text is empty']);
    expect(await refused(client.sendMessage(111, 'x'.repeat(4097)))).toEqual([
      400,
      'Bad Request: message is too long',
    ]);
    expect(await refused(client.sendMessage(111, 'a.b', { parse_mode: 'MarkdownV2' }))).toEqual([
      400,
      expect.stringContaining("can't parse entities"),
    ]);
    expect(await refused(client.editMessageText(111, 12345, 'x'))).toEqual([
      400,
      'Bad Request: message to edit not found',
    ]);
    const sent = await client.sendMessage(111, 'same');
    expect(await refused(client.editMessageText(111, sent.message_id, 'same'))).toEqual([
      400,
      expect.stringContaining('message is not modified'),
    ]);
    fake.block(111);
    expect(await refused(client.sendMessage(111, 'x'))).toEqual([
      403,
      'Forbidden: bot was blocked by the user',
    ]);
    fake.fault({
      kind: 'status',
      code: 429,
      retryAfter: 9,
      description: 'Too Many Requests: retry after 9',
      times: 1,
    });
    const flood = await client.sendMessage(111, 'x').catch((error: unknown) => error);
    expect(flood).toMatchObject({ error_code: 429, parameters: { retry_after: 9 } });
    expect(await refused(new Bot('1:wrong', { client: { apiRoot: fake.url } }).api.getMe())).toEqual([
      401,
      'Unauthorized',
    ]);
  });

  test('its webhook calls set, show and remove the webhook', async () => {
    const { api: client } = makeBot();
    await client.setWebhook('http://127.0.0.1:1/hook', { secret_token: 'abc' });
    expect(await client.getWebhookInfo()).toMatchObject({
      url: 'http://127.0.0.1:1/hook',
      pending_update_count: 0,
    });
    await expect(client.getUpdates()).rejects.toMatchObject({ error_code: 409 });
    await client.deleteWebhook();
    expect(await client.getUpdates()).toEqual([]);
  });
});

describe('getUpdates', () => {
  const ids = (answer: { result?: unknown }) =>
    (answer.result as { update_id: number }[] | undefined)?.map((update) => update.update_id);

  test('repeats until an offset confirms, honours limit and negative offsets', async () => {
    for (const text of ['a', 'b', 'c']) await fake.inject.text(text);
    expect(ids(await api('getUpdates'))).toEqual([8001, 8002, 8003]);
    expect(ids(await api('getUpdates', { limit: 1 }))).toEqual([8001]);
    expect(ids(await api('getUpdates', { offset: 8002 }))).toEqual([8002, 8003]);
    expect(ids(await api('getUpdates', { offset: -1 }))).toEqual([8003]);
    expect(fake.pending).toBe(1);
  });

  test('waits for news and answers at once when there are some', async () => {
    const waiting = api('getUpdates', { timeout: 30 });
    await until(() => fake.openConnections > 0);
    await fake.inject.text('news');
    expect(ids(await waiting)).toEqual([8001]);
  });

  test('tells the older of two readers about the newer one', async () => {
    const older = api('getUpdates', { timeout: 30 });
    await until(() => fake.openConnections > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await api('getUpdates')).toMatchObject({ ok: true });
    expect(await older).toMatchObject({
      error_code: 409,
      description: expect.stringContaining('terminated by other'),
    });
  });

  test('gives only the allowed types, and reactions only on request', async () => {
    const reaction = {
      message_reaction: { chat: { id: 1, type: 'private' }, message_id: 1, new_reaction: [] },
    };
    await fake.inject(reaction);
    expect(fake.pending).toBe(0);
    await api('getUpdates', { allowed_updates: ['message_reaction'] });
    await fake.inject(reaction);
    await fake.inject.text('not wanted');
    expect(fake.pending).toBe(1);
  });
});

describe('strictness', () => {
  test.each([
    [
      'sendMessage',
      { chat_id: 1, text: 'x', reply_to_message_id: 5 },
      'unknown parameter "reply_to_message_id"',
    ],
    ['sendMessage', { chat_id: 1 }, '"text" of sendMessage is required'],
    ['sendMessage', { chat_id: 1.5, text: 'x' }, '"chat_id" of sendMessage must be Integer or String'],
    ['sendMessage', { chat_id: 1, text: 7 }, '"text" of sendMessage must be String'],
    ['sendMessage', { chat_id: 1, text: 'x', reply_parameters: { id: 1 } }, '"reply_parameters"'],
    ['getUpdates', { allowed_updates: 'message' }, '"allowed_updates" of getUpdates must be Array of String'],
    ['setMessageReaction', { chat_id: 1, message_id: 1, reaction: [{ type: 1 }] }, '"reaction"'],
  ])('%s %o is refused', async (method, params, description) => {
    expect(await api(method, params)).toMatchObject({
      error_code: 400,
      description: expect.stringContaining(description),
    });
  });

  test('an unknown method, a wrong token and a body that is no object are refused', async () => {
    expect(await api('sendEverything')).toMatchObject({ error_code: 404 });
    expect(await api('getMe', {}, '1:x')).toMatchObject({ error_code: 401 });
    expect(await api('getMe', [])).toMatchObject({ error_code: 400 });
  });

  test('the limit counts UTF-16 units after the markup is read', async () => {
    await fake.inject.text('hi');
    const send = (text: string) => api('sendMessage', { chat_id: 111, text, parse_mode: 'MarkdownV2' });
    expect(await send(`*${'😀'.repeat(2048)}*`)).toMatchObject({ ok: true });
    expect(await send(`*${'😀'.repeat(2048)}a*`)).toMatchObject({
      description: 'Bad Request: message is too long',
    });
  });

  test('reactions, threads and replies must exist', async () => {
    await fake.inject.text('hi', { chat: { id: -5, type: 'supergroup' } });
    const at = { chat_id: -5 };
    expect(
      await api('setMessageReaction', { ...at, message_id: 1, reaction: [{ type: 'emoji', emoji: '✅' }] }),
    ).toMatchObject({ description: 'Bad Request: REACTION_INVALID' });
    expect(await api('sendMessage', { ...at, text: 'x', message_thread_id: 3 })).toMatchObject({
      description: 'Bad Request: message thread not found',
    });
    expect(
      await api('sendMessage', { ...at, text: 'x', reply_parameters: { message_id: 77 } }),
    ).toMatchObject({
      description: 'Bad Request: message to be replied not found',
    });
  });
});

test('parameters may come in the query or as a form', async () => {
  await fake.inject.text('hi');
  const query = await fetch(
    `${fake.url}/bot${fake.token}/sendMessage?chat_id=111&text=7&disable_notification=true`,
  );
  expect(query.status).toBe(200);
  const body = new URLSearchParams({ chat_id: '111', text: 'form' });
  expect((await fetch(`${fake.url}/bot${fake.token}/sendMessage`, { method: 'POST', body })).status).toBe(
    200,
  );
  expect(fake.seen.map((write) => write.params['text'])).toEqual(['7', 'form']);
});

test('flood control refuses a burst and can be switched off again', async () => {
  await fake.inject.text('hi');
  fake.flood(true);
  const send = () => api('sendMessage', { chat_id: 111, text: 'x' });
  for (let n = 0; n < 5; n++) expect(await send()).toMatchObject({ ok: true });
  expect(await send()).toMatchObject({ error_code: 429, parameters: { retry_after: expect.any(Number) } });
  fake.flood(false);
  expect(await send()).toMatchObject({ ok: true });
});

test('what is seen, shown and told to listeners is the same', async () => {
  const told: string[] = [];
  const leave = fake.onMessage((shown) => told.push(shown.kind));
  await fake.inject.text('hi');
  await api('sendMessage', { chat_id: 111, text: 'one' });
  await api('sendChatAction', { chat_id: 111, action: 'typing' });
  leave();
  await api('deleteMessage', { chat_id: 111, message_id: 2 });
  expect(told).toEqual(['send', 'typing']);
  expect(fake.seen.map(({ method, message }) => [method, message])).toEqual([
    ['sendMessage', 2],
    ['deleteMessage', 2],
  ]);
  expect(fake.messages(111).map((message) => message.text)).toEqual(['hi']);
});
