/** What Telegram is, as data. Limits: https://core.telegram.org/bots/faq#broadcasting-to-users. */
import type { Manifest } from '../../core/manifest.ts';

/** Bot API, ReactionTypeEmoji. */
export const reactionEmoji: readonly string[] = (
  '❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 ' +
  '👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡'
).split(' ');

const hour = 60 * 60 * 1000;

export const manifest: Manifest = {
  api: 1,
  name: 'telegram',
  title: 'Telegram',
  emoji: '📱',
  intake: 'poll',
  // "Incoming updates are stored on the server until the bot receives them, but not longer than 24 hours."
  redelivery: { windowMs: 24 * hour, ordered: true },
  silenceMs: 120_000,
  exclusive: true,
  idempotency: { kind: 'none' },
  limits: [
    { scope: 'account', calls: 'all', count: 30, perMs: 1000, source: 'documented' },
    { scope: 'chat', calls: 'send', count: 1, perMs: 1000, source: 'documented' },
    // Documented for messages; edits count in practice, and long floods end in bans of hours.
    { scope: 'group', calls: 'all', count: 20, perMs: 60_000, source: 'observed' },
  ],
  capabilities: {
    // Telegram counts after parsing the markup; the markup is counted too, so no piece is ever refused.
    text: { max: 4096, unit: 'utf16', counts: 'source' },
    edit: {},
    delete: { maxAgeMs: 48 * hour },
    typing: { ttlMs: 5000 },
    threads: 'native',
    reactions: { allowed: reactionEmoji },
    buttons: false,
    media: {},
  },
  batch: { textMs: 300, splitMs: 1000, splitAt: 4000, mediaMs: 800 },
  secrets: ['token', 'webhook_secret'],
  origins: ['api.telegram.org'],
  toolset: 'hermes-telegram',
  promptHint:
    'You are on Telegram. Markdown is shown: bold, italic, strikethrough, spoilers, code, links and quotes; tables become lists.',
  env: {
    enabledBy: ['TELEGRAM_BOT_TOKEN'],
    allowedUsers: 'TELEGRAM_ALLOWED_USERS',
    allowAll: 'TELEGRAM_ALLOW_ALL_USERS',
    groupAllowedUsers: 'TELEGRAM_GROUP_ALLOWED_USERS',
    groupAllowedChats: 'TELEGRAM_GROUP_ALLOWED_CHATS',
    home: 'TELEGRAM_HOME_CHANNEL',
  },
  setup: [
    {
      say: 'Open Telegram, talk to @BotFather, send /newbot and copy the token it gives you.',
      env: 'TELEGRAM_BOT_TOKEN',
      secret: true,
    },
    {
      say: 'Your numeric user id (ask @userinfobot), or several separated by commas: who may talk to the bot.',
      env: 'TELEGRAM_ALLOWED_USERS',
    },
    {
      say: 'For groups: @BotFather → Bot Settings → Group Privacy → off, then remove the bot from the group and add it again.',
    },
  ],
};

export default manifest;
