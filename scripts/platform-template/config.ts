import { z } from 'zod';
import type { ConfigSpec } from '../../src/platforms/contract.ts';

const schema = z.object({
  token: z
    .string()
    .regex(/^[\w-]+:[\w-]{8,}$/, 'must look like <bot id>:<secret>')
    .describe('Token of the bot, as Echonet shows it: <bot id>:<secret>.'),
  base_url: z
    .url({ protocol: /^https?$/ })
    .default('https://api.echonet.example')
    .describe('Where the API is; only a server of your own has another address.'),
});

export type Config = z.infer<typeof schema>;

/** The bot's own user id is the public half of its token. */
export function botId(config: Config): string {
  return config.token.slice(0, config.token.indexOf(':'));
}

export const config: ConfigSpec<Config> = {
  env: { ECHONET_TOKEN: 'token', ECHONET_BASE_URL: 'base_url' },
  schema,
  account: botId,
  identity: ({ token }) => ({ scope: 'echonet-token', value: token, description: 'Echonet bot token' }),
  origins: ({ base_url }) => [new URL(base_url).origin],
};
