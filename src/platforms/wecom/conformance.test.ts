/** WeCom runs the conformance kit against its gateway on loopback. */
import { conformance } from '../../../testkit/conformance/conformance.ts';
import type { Fake, Fault } from '../kit/fake.ts';
import wecom from './adapter.ts';
import type { WeComFault } from './fake/faults.ts';
import { startFakeWeCom } from './fake.ts';

const secret = 'canary-0123456789-abcdefghij-klmno';
const bot = 'BOT123';

async function fake(): Promise<Fake> {
  const server = await startFakeWeCom({ botId: bot, secret, chats: ['zhangsan', 'lisi'] });
  return {
    url: server.url,
    inject: async (event) => {
      await server.settled();
      server.push(event);
    },
    redeliver: async () => {
      await server.settled();
      server.redeliver();
    },
    get unacknowledged() {
      return server.unacknowledged;
    },
    get seen() {
      return server.seen.map(({ chat, reqId, text }) => ({
        op: 'send' as const,
        chat,
        id: reqId,
        ...(text === undefined ? {} : { text }),
      }));
    },
    get calls() {
      return server.handshakes;
    },
    fault: (fault) => server.fault(faultOf(fault)),
    calm: () => server.faults.clear(),
    close: () => server.close(),
  };
}

function faultOf({ on, ...fault }: Fault): WeComFault {
  if (on === 'delivery') return { on: 'send', ...fault };
  const early = fault.kind === 'status' || fault.kind === 'reset';
  return { on: early ? 'handshake' : 'subscribe', ...fault };
}

const message = (fields: object) => ({
  msgid: 'M1',
  aibotid: bot,
  chattype: 'single',
  from: { userid: 'zhangsan' },
  create_time: 1_767_225_600,
  msgtype: 'text',
  ...fields,
});

const config = (fake: Fake, key = secret) => ({ bot_id: bot, secret: key, websocket_url: fake.url });

conformance({
  platform: wecom,
  fake,
  config: (fake) => config(fake),
  wrongCredential: (fake) => config(fake, 'canary-refused-9876543210-zyxwvu'),
  chats: ['zhangsan', 'lisi'],
  message: ({ chat, n, text }) =>
    message({ msgid: `N${n}`, from: { userid: chat }, text: { content: text } }),
  samples: [
    {
      name: 'a direct message',
      event: message({ msgid: 'M10', text: { content: 'hello' } }),
      inbound: {
        key: 'M10',
        at: { chat: 'zhangsan' },
        kind: 'message',
        scope: 'dm',
        from: { id: 'zhangsan', isBot: false, isSelf: false },
        message: 'M10',
        text: 'hello',
        sentAt: 1_767_225_600_000,
      },
    },
    {
      name: 'a message in a group, with a quote',
      event: message({
        msgid: 'M11',
        chattype: 'group',
        chatid: 'wrGROUP',
        text: { content: '@Hermes what is that?' },
        quote: { msgtype: 'text', text: { content: 'earlier' } },
      }),
      inbound: {
        at: { chat: 'wrGROUP' },
        scope: 'group',
        text: 'what is that?',
        mentionsMe: true,
        replyTo: { id: 'quote:M11', text: 'earlier' },
      },
    },
    {
      name: 'a mixed message',
      event: message({
        msgid: 'M12',
        msgtype: 'mixed',
        mixed: {
          msg_item: [
            { msgtype: 'text', text: { content: 'a' } },
            { msgtype: 'image', image: { url: 'https://media.example/1', aeskey: 'k' } },
            { msgtype: 'text', text: { content: 'b' } },
          ],
        },
      }),
      inbound: { text: 'a\nb', media: [{ kind: 'image' }] },
    },
    {
      name: 'somebody enters the chat',
      event: message({ msgid: 'M13', msgtype: 'event', event: { eventtype: 'enter_chat' } }),
    },
    { name: 'a kind of message nobody knows yet', event: message({ msgid: 'M14', msgtype: 'hologram' }) },
  ],
  skips: {
    'intake.store-fails': 'pushes are not acknowledged in this protocol, so nothing is given again',
    'intake.store-slow': 'pushes are not acknowledged in this protocol',
    'intake.senders': 'WeCom gives a bot neither its own messages nor those of other bots',
    'connection.asked-to-wait': 'neither the handshake nor the subscription can name a time',
    'delivery.statuses': 'answers carry error codes, not HTTP statuses; outcome.test.ts has their table',
    'delivery.rate-limit': 'the refusal names no time; outcome.test.ts shows that its scope is the chat',
    'delivery.doubt':
      'it loses the connection with the first fault and expects deliveries without one; deliver.test.ts does each on a connection of its own',
  },
});
