/** Settings of the webhook listener (webhooks §1) and what follows from them without I/O. */
import { z } from 'zod';
import type { ConfigSpec } from '../contract.ts';
import { type Route, type RouteRules, readRoute } from './route.ts';

const defaultPort = 8644;

const shape = z.object({
  enabled: z.unknown().optional().describe('Switches the listener on.'),
  host: z
    .string()
    .trim()
    .nullish()
    .transform((host) => host || undefined)
    .describe('Address to listen on; unset = every interface, IPv4 and IPv6.'),
  port: z
    .unknown()
    .optional()
    .transform((raw) => {
      const port = raw === undefined || raw === null || raw === '' ? Number.NaN : Number(raw);
      return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : defaultPort;
    })
    .describe('Port of the listener; anything that is no port means 8644.'),
  secret: z
    .string()
    .nullish()
    .transform((secret) => secret || undefined)
    .describe('Secret of routes that have none of their own.'),
  rate_limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(30)
    .describe('Events per route that are taken within 60 seconds.'),
  max_body_bytes: z.coerce
    .number()
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(1_048_576)
    .describe('Largest body; larger ones are refused before they are read.'),
  script_timeout_seconds: z.coerce
    .number()
    .max(3600)
    .default(30)
    .transform((seconds) => Math.max(1, seconds))
    .describe('How long a script of a route may take.'),
  routes: z.record(z.string(), z.unknown()).nullish().describe('Routes by name.'),
  gh: z.string().min(1).default('gh').describe('The GitHub CLI, for deliver: github_comment.'),
  gh_env: z
    .record(z.string(), z.string())
    .default({})
    .describe('The environment the GitHub CLI gets: its own variables only, none of the gateway.'),
});

export type WebhookConfig = Omit<z.output<typeof shape>, 'routes' | 'enabled'> & {
  readonly routes: ReadonlyMap<string, Route>;
};

/** What `gh` needs to find itself, its login, its host and the way there. */
const forGh =
  'PATH HOME GH_TOKEN GITHUB_TOKEN GH_ENTERPRISE_TOKEN GH_HOST GH_CONFIG_DIR XDG_CONFIG_HOME HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR';

export const webhookConfig: ConfigSpec<WebhookConfig> = {
  env: {
    WEBHOOK_ENABLED: 'enabled',
    WEBHOOK_PORT: 'port',
    WEBHOOK_SECRET: 'secret',
    ...Object.fromEntries(forGh.split(' ').map((name) => [name, `gh_env.${name}`])),
  },
  schema: shape.transform((written, context): WebhookConfig => {
    const rules: RouteRules = { origin: 'config', secret: written.secret, host: written.host };
    const routes = new Map<string, Route>();
    for (const [name, raw] of Object.entries(written.routes ?? {})) {
      const read = readRoute(name, raw, rules);
      if ('route' in read) routes.set(name, read.route);
      else
        for (const { path, message } of read.problems)
          context.addIssue({ code: 'custom', path: ['routes', name, ...path], message });
    }
    const { enabled: _enabled, ...settings } = written;
    return { ...settings, routes };
  }),
  account: () => 'main',
  listener: (config) => ({
    host: config.host,
    port: config.port,
    path: '/*',
    maxBody: config.max_body_bytes,
    tooLarge: '{"error":"Payload too large"}',
  }),
};
