/** What WeCom's AI Bot is, as data. Source of the limits: developer.work.weixin.qq.com/document/path/101463. */
import type { Manifest } from '../../core/manifest.ts';

const megabyte = 1024 * 1024;
const hour = 60 * 60 * 1000;

export const textMax = 4000;
/** The largest file of any kind; what is too large for its kind goes as a file (wecom §4.5). */
export const fileMax = 20 * megabyte;
export const gateway = 'wss://openws.work.weixin.qq.com';

export const manifest: Manifest = {
  api: 1,
  name: 'wecom',
  title: 'WeCom',
  emoji: '💼',
  intake: 'socket',
  // Nothing is acknowledged and nothing given again; that an id may come twice all the same is met by its key.
  redelivery: { windowMs: 'never', ordered: false },
  // A beat every 30 s, 30 s for its answer, and room for a slow store.
  silenceMs: 90_000,
  exclusive: true,
  deliversOver: 'connection',
  idempotency: { kind: 'none' },
  limits: [
    { scope: 'chat', calls: 'all', count: 30, perMs: 60_000, source: 'documented' },
    { scope: 'chat', calls: 'all', count: 1000, perMs: hour, source: 'documented' },
    { scope: 'chat', calls: 'all', count: 1, perMs: 300, source: 'observed' },
  ],
  capabilities: {
    text: { max: textMax, unit: 'codepoint', counts: 'source' },
    edit: false,
    delete: false,
    typing: false,
    threads: 'none',
    reactions: false,
    buttons: false,
    // A caption is a message of its own behind the file.
    media: {
      image: { maxBytes: fileMax, caption: textMax },
      audio: { maxBytes: fileMax, caption: textMax },
      video: { maxBytes: fileMax, caption: textMax },
      file: { maxBytes: fileMax, caption: textMax },
    },
  },
  batch: { textMs: 600, splitMs: 2000, splitAt: 3900, mediaMs: 0 },
  secrets: ['secret'],
  origins: [
    new URL(gateway).host,
    'work.weixin.qq.com',
    // Where attachments are; not documented, seen in every callback.
    'ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com',
  ],
  toolset: 'hermes-wecom',
  promptHint:
    'You are on WeCom. Markdown is shown: headings, bold, italic, links, quotes, lists and code. Files can be sent; voice only as AMR.',
  env: {
    enabledBy: ['WECOM_BOT_ID'],
    allowedUsers: 'WECOM_ALLOWED_USERS',
    allowAll: 'WECOM_ALLOW_ALL_USERS',
    home: 'WECOM_HOME_CHANNEL',
  },
  setup: [
    { say: 'In the WeCom Admin Console: Applications → Create Application → AI Bot.' },
    { say: 'Give the bot a name and a description, and choose the API mode with a long connection.' },
    { say: 'Copy the Bot ID from the credentials page.' },
    { say: 'Bot ID', env: 'WECOM_BOT_ID' },
    { say: 'Secret: whoever has it can speak as the bot.', env: 'WECOM_SECRET', secret: true },
    { say: 'Your WeCom user id, or several with commas.', env: 'WECOM_ALLOWED_USERS' },
    {
      say: 'Chat for scheduled results (optional): a user or group id that has written to the bot.',
      env: 'WECOM_HOME_CHANNEL',
    },
  ],
};
