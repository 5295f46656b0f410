import type { Fake, Write } from '../../src/platforms/kit/fake.ts';
import telegram from '../../src/platforms/telegram/adapter.ts';
import { startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { conformance } from './conformance.ts';

const token = '8000001:canary-0123456789-abcdefghij-klm';
const ops: Readonly<Record<string, Write['op']>> = {
  sendMessage: 'send',
  editMessageText: 'edit',
  deleteMessage: 'delete',
  setMessageReaction: 'react',
};
const ana = { id: 111, is_bot: false, first_name: 'Ana' };
const message = (fields: object) => ({
  message: { message_id: 1, date: 1_767_614_400, chat: { id: 111, type: 'private' }, from: ana, ...fields },
});

async function fake(): Promise<Fake> {
  const server = await startFakeTelegram({ token });
  // A bot may write only to who has written to it: two people have, and that was read long ago.
  for (const id of [111, 222]) await server.inject.text('/start', { from: { id } });
  await fetch(`${server.url}/bot${token}/getUpdates?offset=${8001 + 2}`);
  const earlier = server.calls.length;
  return {
    url: `${server.url}/bot`,
    inject: (event) => server.inject(event),
    redeliver: () => server.redeliver(),
    get unacknowledged() {
      return server.pending;
    },
    get seen() {
      return server.seen.flatMap(({ method, params, message: id }) => {
        const op = ops[method];
        return op === undefined
          ? []
          : [{ op, chat: String(params['chat_id']), id: String(id), text: String(params['text']) }];
      });
    },
    get calls() {
      return server.calls.length - earlier;
    },
    get attempts() {
      return server.calls.slice(earlier).filter(({ method }) => method in ops).length;
    },
    fault({ on, times, ...fault }) {
      const method = on === 'intake' ? 'getUpdates' : 'sendMessage';
      if (fault.kind !== 'status') return server.fault({ kind: fault.kind, times, method });
      const { retryMs, code } = fault;
      const retry = retryMs === undefined ? {} : { retryAfter: retryMs / 1_000 };
      server.fault({ kind: 'status', code, times, method, ...retry });
    },
    calm: () => server.fault({ kind: 'none' }),
    close: () => server.close(),
  };
}

const secret = 'canary-webhook-secret-0123456789';
let update = 50_000;
const pushed = (event: object, headers: Readonly<Record<string, string>>) => ({
  method: 'POST',
  path: '/telegram',
  query: new URLSearchParams(),
  headers: new Map(Object.entries({ 'content-type': 'application/json', ...headers })),
  body: Buffer.from(JSON.stringify({ update_id: updateOf(event), ...event })),
});
/** The same event is the same update when it is pushed again. */
const numbers = new Map<string, number>();
const updateOf = (event: object) => {
  const text = JSON.stringify(event);
  const number = numbers.get(text) ?? ++update;
  numbers.set(text, number);
  return number;
};
const header = 'x-telegram-bot-api-secret-token';

conformance({
  platform: telegram,
  fake,
  config: ({ url }) => ({ token, base_url: url }),
  wrongCredential: ({ url }) => ({ token: '8000001:canary-refused-9876543210-zyx', base_url: url }),
  chats: ['111', '222'],
  message: ({ chat, n, text }) =>
    message({
      message_id: 1_000 + n,
      chat: { id: Number(chat), type: 'private' },
      from: { ...ana, id: Number(chat) },
      text,
    }),
  push: {
    config: ({ url }) => ({
      token,
      base_url: url,
      webhook_url: 'https://bot.example/telegram',
      webhook_secret: secret,
    }),
    request: (event) => pushed(event, { [header]: secret }),
    forged: {
      wrong: (event) => pushed(event, { [header]: `${secret}x` }),
      missing: (event) => pushed(event, {}),
    },
  },
  samples: [
    {
      name: 'a direct message',
      event: message({ message_id: 10, text: 'hello' }),
      inbound: {
        at: { chat: '111' },
        kind: 'message',
        scope: 'dm',
        from: { id: '111', name: 'Ana', isBot: false, isSelf: false },
        message: '10',
        text: 'hello',
        sentAt: 1_767_614_400_000,
      },
    },
    {
      name: 'a message of another bot in a group',
      event: message({
        message_id: 11,
        chat: { id: -200, type: 'group', title: 'Friends' },
        from: { id: 9, is_bot: true, first_name: 'Beep' },
        text: 'beep',
      }),
      inbound: { at: { chat: '-200' }, scope: 'group', from: { id: '9', isBot: true, isSelf: false } },
    },
    {
      name: 'our own message',
      event: message({
        message_id: 12,
        from: { id: 8000001, is_bot: true, first_name: 'Hermes' },
        text: 'mine',
      }),
      inbound: { from: { isBot: true, isSelf: true } },
    },
    { name: 'a kind of update nobody knows yet', event: { new_kind: { id: 1 } } },
  ],
});
