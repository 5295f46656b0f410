/** Settings of the Telegram platform (telegram §1) and what follows from them without I/O. */
import { z } from 'zod';
import type { ConfigSpec } from '../contract.ts';

const truths = new Set(['true', '1', 'yes', 'on']);
const lies = new Set(['false', '0', 'no', 'off']);

/** Unknown spellings mean the default, as documented. */
const flag = (fallback: boolean) =>
  z
    .unknown()
    .optional()
    .transform((raw) => {
      const word = String(raw ?? '')
        .trim()
        .toLowerCase();
      if (truths.has(word)) return true;
      return lies.has(word) ? false : fallback;
    });

/** Anything that is not a number means the default; numbers are kept within the bounds. */
const seconds = (fallback: number, low: number, high: number) =>
  z
    .unknown()
    .optional()
    .transform((raw) => {
      const value = raw === undefined || raw === null || raw === '' ? Number.NaN : Number(raw);
      return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
    });

/** YAML list, comma-separated text or one bare number. */
const ids = () =>
  z
    .unknown()
    .optional()
    .transform((raw): readonly string[] => {
      if (raw === undefined || raw === null) return [];
      const items = Array.isArray(raw) ? raw : String(raw).split(',');
      return items.map((item) => String(item).trim()).filter((item) => item !== '');
    });

/** JSON array, YAML list, one pattern per line, or comma list. */
const patterns = () =>
  z
    .unknown()
    .optional()
    .transform((raw): readonly string[] => {
      const clean = (items: readonly unknown[]) =>
        items.map((item) => String(item).trim()).filter((item) => item !== '');
      if (raw === undefined || raw === null) return [];
      if (Array.isArray(raw)) return clean(raw);
      const written = String(raw).trim();
      if (written.startsWith('[')) {
        try {
          const parsed: unknown = JSON.parse(written);
          if (Array.isArray(parsed)) return clean(parsed);
        } catch {
          // A regular expression may begin with a bracket too.
        }
      }
      return clean(written.split(written.includes('\n') ? '\n' : ','));
    });

const url = (name: string) =>
  z
    .string()
    .trim()
    .refine(
      (value) => /^https?:\/\/[^\s/]+/.test(value) && URL.canParse(value),
      `${name} must be an http(s) address`,
    )
    .optional();

const secretMissing =
  'TELEGRAM_WEBHOOK_SECRET is required with TELEGRAM_WEBHOOK_URL: without it anybody who finds the address can ' +
  'forge messages (GHSA-3vpc-7q5r-276h). Create one with `openssl rand -hex 32`.';

const shape = z
  .object({
    token: z
      .string({ error: 'the bot token is missing: set TELEGRAM_BOT_TOKEN to what @BotFather gave you' })
      .trim()
      .regex(/^\d{1,20}:[A-Za-z0-9_-]{20,}$/, 'expected the form <digits>:<secret> as given by @BotFather')
      .describe('The bot token from @BotFather.'),
    base_url: url('base_url').describe(
      'Methods of a Bot API server of your own, e.g. http://host:8081/bot; the token is appended.',
    ),
    base_file_url: url('base_file_url').describe(
      'Files of that server; default: base_url with /file in front of /bot.',
    ),
    allowed_chats: ids().describe('Groups that are answered; empty = all. Private chats are never filtered.'),
    allowed_topics: ids().describe(
      'Topics that are answered; empty = all. A message without a topic counts as 1.',
    ),
    ignored_threads: ids().describe('Topics that are never answered.'),
    require_mention: flag(false).describe('In groups answer only mentions, replies and the patterns.'),
    free_response_chats: ids().describe('Groups in which no mention is needed.'),
    mention_patterns: patterns().describe(
      'Regular expressions that count as a mention, without regard to case.',
    ),
    exclusive_bot_mentions: flag(true).describe(
      'Leave messages that name another bot, and not this one, to that bot.',
    ),
    guest_mode: flag(false).describe('Answer an explicit mention also outside allowed_chats.'),
    observe_unmentioned_group_messages: flag(false).describe(
      'Keep unmentioned messages of a group as context, without an answer.',
    ),
    reply_to_mode: z
      .unknown()
      .optional()
      .transform((raw): 'off' | 'first' | 'all' => {
        const word =
          raw === false
            ? 'off'
            : String(raw ?? '')
                .trim()
                .toLowerCase();
        return word === 'off' || word === 'all' ? word : 'first';
      })
      .describe('Which pieces of an answer reply to the message: off, first or all.'),
    text_batch_delay_seconds: seconds(0.3, 0.08, 2).describe(
      'Texts that follow each other this quickly become one turn; short ones wait less. 0.08 to 2.',
    ),
    text_batch_split_delay_seconds: seconds(1, 0.08, 4).describe(
      'The same after a text of nearly the longest length, which the app has probably split. Up to 4.',
    ),
    media_batch_delay_seconds: seconds(0.8, 0, 10).describe('The same for photos that follow each other.'),
    disable_link_previews: flag(false).describe('Send links without a preview.'),
    webhook_url: url('TELEGRAM_WEBHOOK_URL').describe(
      'Public address for pushed updates; setting it selects webhook mode.',
    ),
    webhook_port: z.coerce
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(8443)
      .describe('Port of the listener for pushed updates.'),
    webhook_secret: z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9_-]{1,256}$/, 'TELEGRAM_WEBHOOK_SECRET must be 1 to 256 of A-Z a-z 0-9 _ -')
      .optional()
      .describe('Shared secret of pushed updates; required with TELEGRAM_WEBHOOK_URL.'),
  })
  .superRefine((value, context) => {
    if (value.webhook_url !== undefined && value.webhook_secret === undefined)
      context.addIssue({ code: 'custom', path: ['webhook_secret'], message: secretMissing });
  });

export type TelegramConfig = z.output<typeof shape>;

/** Keys may stand under `extra:` too, where they win; empty text counts as unset. */
function flatten(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null) return raw;
  const { extra, ...direct } = raw as Readonly<Record<string, unknown>>;
  const inner = typeof extra === 'object' && extra !== null ? extra : {};
  const known = Object.entries({ ...direct, ...inner }).filter(([, value]) => value !== '' && value !== null);
  const merged: Record<string, unknown> = Object.fromEntries(known);
  merged['observe_unmentioned_group_messages'] ??= merged['ingest_unmentioned_group_messages'];
  return merged;
}

export const telegramConfig: ConfigSpec<TelegramConfig> = {
  env: {
    TELEGRAM_BOT_TOKEN: 'token',
    TELEGRAM_ALLOWED_CHATS: 'allowed_chats',
    TELEGRAM_ALLOWED_TOPICS: 'allowed_topics',
    TELEGRAM_IGNORED_THREADS: 'ignored_threads',
    TELEGRAM_REQUIRE_MENTION: 'require_mention',
    TELEGRAM_FREE_RESPONSE_CHATS: 'free_response_chats',
    TELEGRAM_MENTION_PATTERNS: 'mention_patterns',
    TELEGRAM_EXCLUSIVE_BOT_MENTIONS: 'exclusive_bot_mentions',
    TELEGRAM_GUEST_MODE: 'guest_mode',
    TELEGRAM_OBSERVE_UNMENTIONED_GROUP_MESSAGES: 'observe_unmentioned_group_messages',
    TELEGRAM_REPLY_TO_MODE: 'reply_to_mode',
    HERMES_TELEGRAM_TEXT_BATCH_DELAY_SECONDS: 'text_batch_delay_seconds',
    HERMES_TELEGRAM_TEXT_BATCH_SPLIT_DELAY_SECONDS: 'text_batch_split_delay_seconds',
    HERMES_TELEGRAM_MEDIA_BATCH_DELAY_SECONDS: 'media_batch_delay_seconds',
    TELEGRAM_WEBHOOK_URL: 'webhook_url',
    TELEGRAM_WEBHOOK_PORT: 'webhook_port',
    TELEGRAM_WEBHOOK_SECRET: 'webhook_secret',
  },
  schema: z.preprocess(flatten, shape),
  account: (config) => botId(config.token),
  identity: (config) => ({
    scope: 'telegram-bot-token',
    value: config.token,
    description: 'Telegram bot token',
  }),
  listener: (config) =>
    config.webhook_url === undefined
      ? undefined
      : { host: '0.0.0.0', port: config.webhook_port, path: webhookPath(config.webhook_url) },
  batch: (config) => {
    const textMs = config.text_batch_delay_seconds * 1000;
    return {
      textMs,
      splitMs: Math.max(textMs, config.text_batch_split_delay_seconds * 1000),
      // Short texts are rarely the first half of something.
      short: [
        { upTo: 320, ms: 180 },
        { upTo: 1024, ms: 240 },
      ],
      splitAt: 4000,
      mediaMs: config.media_batch_delay_seconds * 1000,
    };
  },
  origins: (config) =>
    [config.base_url, config.base_file_url].flatMap((base) =>
      base === undefined ? [] : [new URL(base).host],
    ),
};

/** The numeric part of the token is the bot's own user id. */
export function botId(token: string): string {
  return token.slice(0, token.indexOf(':'));
}

/** Address of a method; `base_url` has the form `http://host:8081/bot`, the token is appended. */
export function methodUrl(config: Pick<TelegramConfig, 'token' | 'base_url'>, method: string): string {
  return `${config.base_url ?? 'https://api.telegram.org/bot'}${config.token}/${method}`;
}

/**
 * Address of a file. Servers of the Bot API keep files under `/file/bot<token>/`, so for a `base_url` that ends
 * in `/bot` that is the default; any other `base_url` is taken as it is.
 */
export function fileUrl(
  config: Pick<TelegramConfig, 'token' | 'base_url' | 'base_file_url'>,
  path: string,
): string {
  const base =
    config.base_file_url ??
    (config.base_url ?? 'https://api.telegram.org/bot').replace(/\/bot$/, '/file/bot');
  return `${base}${config.token}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Largest file of the public API; a server of one's own has no practical limit (telegram §3.7). */
export function fileCap(config: Pick<TelegramConfig, 'base_url'>): number {
  return (config.base_url === undefined ? 20 : 2048) * 1024 * 1024;
}

/** Where pushed updates arrive: `/telegram` if the public address has no path (telegram §2.3). */
export function webhookPath(url: string): string {
  const { pathname } = new URL(url);
  return pathname === '/' ? '/telegram' : pathname;
}
