/** What the conformance kit has to know about WeCom. */
import type { Conformance } from '../../../../testkit/conformance/descriptor.ts';
import type { Fake, Fault, Write } from '../../kit/fake.ts';
import wecom from '../adapter.ts';
import type { WeComConfig } from '../config.ts';
import type { FakeWrite } from '../fake/connection.ts';
import type { WeComFault } from '../fake/faults.ts';
import { type FakeWeCom, startFakeWeCom } from '../fake.ts';

const secret = 'canary-0123456789-abcdefghij-klmno';
const bot = 'BOT123';

async function fake(): Promise<Fake> {
  const server = await startFakeWeCom({ botId: bot, secret, chats: ['zhangsan', 'lisi'] });
  return {
    url: server.url,
    settled: () => server.settled(),
    inject: async (event) => void server.push(event),
    redeliver: async () => server.redeliver(),
    get unacknowledged() {
      return server.unacknowledged;
    },
    get seen() {
      return server.seen.map((write) => shown(server, write));
    },
    get calls() {
      return server.handshakes;
    },
    get attempts() {
      return server.frames.filter(({ cmd }) => cmd === 'aibot_respond_msg' || cmd === 'aibot_send_msg')
        .length;
    },
    fault: (fault) => server.fault(faultOf(fault)),
    calm: () => server.faults.clear(),
    close: () => server.close(),
  };
}

function shown({ uploads }: FakeWeCom, { chat, reqId, text, mediaId }: FakeWrite): Write {
  const bytes = uploads.media.get(mediaId ?? '')?.bytes.length;
  return {
    op: 'send',
    chat,
    id: reqId,
    ...(text === undefined ? {} : { text }),
    ...(bytes === undefined ? {} : { bytes }),
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

export const descriptor: Conformance<WeComConfig> = {
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
  // developer.work.weixin.qq.com/document/path/90313, and what has been observed.
  refusals: {
    tooFast: 45009,
    strange: [1, -7, 99_999, 2 ** 31, 1.5],
    codes: {
      [-1]: 'unknown',
      40003: 'rejected gone',
      40004: 'rejected unsupported',
      40007: 'rejected other',
      40008: 'rejected unsupported',
      40013: 'retry',
      40058: 'rejected other',
      45002: 'rejected too-long',
      45009: 'retry',
      45033: 'retry',
      48002: 'rejected forbidden',
      60020: 'rejected forbidden',
      93006: 'rejected gone',
      600039: 'rejected unsupported',
      846605: 'rejected other',
      846607: 'rejected forbidden',
      846608: 'rejected other',
      846609: 'retry',
      853000: 'retry',
    },
  },
  namesWait: false,
  skips: {
    'intake.senders': 'WeCom gives a bot neither its own messages nor those of other bots',
  },
};
