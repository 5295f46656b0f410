/** Settings of the WeCom platform (wecom §1), and what the core derives from them. */
import { z } from 'zod';
import type { ConfigSpec } from '../contract.ts';
import { gateway, manifest } from './manifest.ts';
import { normalId } from './policy.ts';

const missing = 'WeCom startup failed: WECOM_BOT_ID and WECOM_SECRET are required';

const credential = z
  .string({ error: missing })
  .trim()
  .min(1, missing)
  .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces');

/** A YAML list, a comma-separated text or a single value; entries of any scalar type. */
const names = z.preprocess(
  (raw) => {
    if (typeof raw === 'string') return raw.split(',');
    return typeof raw === 'number' ? [raw] : raw;
  },
  z
    .array(z.union([z.string(), z.number()]))
    .transform((list) => list.map((entry) => String(entry).trim()).filter((entry) => entry !== '')),
);

const word = <const T extends readonly string[]>(...allowed: T) =>
  z.preprocess((raw) => (typeof raw === 'string' ? raw.trim().toLowerCase() : raw), z.enum(allowed));

const seconds = (otherwise: number) => z.coerce.number().max(3600).default(otherwise);

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const shape = z.object({
  bot_id: credential.describe('Id of the AI bot, from its credentials page.'),
  secret: credential.describe('Secret of the AI bot, from its credentials page.'),
  websocket_url: z
    .url({ protocol: /^wss?$/, error: 'must be an address that starts with wss://' })
    .refine((value) => !value.startsWith('ws:') || loopback.test(new URL(value).hostname), {
      error: 'must start with wss://: the secret is sent over this connection',
    })
    .default(gateway)
    .describe('Gateway of the AI bot; only private deployments have their own.'),
  dm_policy: word('open', 'allowlist', 'disabled', 'pairing')
    .default('open')
    .describe('Direct messages: open, allowlist (allow_from), disabled or pairing.'),
  group_policy: word('open', 'allowlist', 'disabled', 'pairing')
    .default('open')
    .describe('Groups: open, allowlist (group_allow_from) or disabled; pairing counts as allowlist.'),
  allow_from: names.optional().describe('User ids for dm_policy allowlist; default WECOM_ALLOWED_USERS.'),
  group_allow_from: names.default([]).describe('Group chat ids for group_policy allowlist.'),
  groups: z
    .record(z.string(), z.preprocess(renamed, z.object({ allow_from: names.default([]) })))
    .default({})
    .describe('Group id, or "*" for all others: {allow_from: [user ids]} who may talk to the bot there.'),
  allowed_users: names.default([]).describe('The list of WECOM_ALLOWED_USERS.'),
  bot_name: z
    .string()
    .trim()
    .optional()
    .describe('Display name of the bot, when it holds spaces: it is cut off as a mention.'),
  channel_aliases: z
    .record(z.string(), z.string())
    .default({})
    .describe('Friendly name → chat id, for targets of messages.'),
  media_hosts: names.default([]).describe('More hosts that attachments may be fetched from.'),
  text_batch_delay_seconds: seconds(0.6).describe('How long to wait for more text; 0 or less = not at all.'),
  text_batch_split_delay_seconds: seconds(2).describe('The same after a piece that looks cut by the client.'),
});

export type WeComConfig = z.output<typeof shape>;

const otherNames: Readonly<Record<string, string>> = {
  websocketUrl: 'websocket_url',
  allowFrom: 'allow_from',
  groupAllowFrom: 'group_allow_from',
};

/** The documented second spellings; the first one wins. Empty text counts as unset. */
function renamed(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const entries = Object.entries(raw).filter(([, value]) => value !== '' && value !== null);
  const old = entries.flatMap(([key, value]) => (key in otherNames ? [[otherNames[key], value]] : []));
  return Object.fromEntries([...old, ...entries]);
}

export const wecomConfig: ConfigSpec<WeComConfig> = {
  env: {
    WECOM_BOT_ID: 'bot_id',
    WECOM_SECRET: 'secret',
    WECOM_WEBSOCKET_URL: 'websocket_url',
    WECOM_DM_POLICY: 'dm_policy',
    WECOM_GROUP_POLICY: 'group_policy',
    WECOM_ALLOWED_USERS: 'allowed_users',
    HERMES_WECOM_TEXT_BATCH_DELAY_SECONDS: 'text_batch_delay_seconds',
    HERMES_WECOM_TEXT_BATCH_SPLIT_DELAY_SECONDS: 'text_batch_split_delay_seconds',
  },
  schema: z.preprocess(renamed, shape),
  account: (config) => config.bot_id,
  identity: (config) => ({ scope: 'wecom-bot-id', value: config.bot_id, description: 'WeCom bot ID' }),
  access: (config) => ({
    ...(config.dm_policy === 'allowlist' && config.allow_from !== undefined
      ? { allowedUsers: config.allow_from }
      : {}),
    // The list holds chats here, and this platform has matched them (prefixes, case) before the gateway looks.
    groupAllowedUsers: [],
    groupAllowedChats: config.group_policy === 'allowlist' && config.group_allow_from.length > 0 ? ['*'] : [],
  }),
  comparable: normalId,
  batch: (config) => {
    const textMs = config.text_batch_delay_seconds * 1000;
    if (textMs <= 0) return { textMs: 0, splitMs: 0, splitAt: 3900, mediaMs: 0 };
    const splitMs = Math.max(textMs, config.text_batch_split_delay_seconds * 1000);
    return { textMs, splitMs, splitAt: 3900, mediaMs: 0 };
  },
  origins: ({ websocket_url, media_hosts }) => {
    const { host, origin } = new URL(websocket_url);
    return manifest.origins.includes(host) ? media_hosts : [origin, ...media_hosts];
  },
};
