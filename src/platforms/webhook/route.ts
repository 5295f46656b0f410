/** One route: its settings read from the configuration or from a subscription, and refused when unsafe (webhooks §2). */
import { z } from 'zod';
import { type AskedScheme, askedSchemes } from './schemes.ts';

export interface Route {
  readonly name: string;
  /** Its own secret or the global one; `INSECURE_NO_AUTH` = nothing is checked. */
  readonly secret: string;
  /** The only scheme the route takes; absent = those that are recognised by their headers. */
  readonly signature?: AskedScheme;
  /** Empty = every event. */
  readonly events: readonly string[];
  /** Template; empty = the whole event. */
  readonly prompt: string;
  readonly deliver: string;
  readonly deliverExtra: Readonly<Record<string, unknown>>;
  readonly deliverOnly: boolean;
  readonly enabled: boolean;
  readonly filters: unknown;
  /** Absent = the profile of this gateway. */
  readonly profile?: string;
  readonly toolsets?: readonly string[];
  readonly cronJob?: string;
  /** File below `scripts/` of the home that sees every event first. */
  readonly script?: string;
  /** A script that failed is told to the sender, who tries again. */
  readonly retryOnScriptFailure: boolean;
  readonly coalesce?: Coalesce;
  /** What the route asks for and this version does not have, as sentences. */
  readonly unavailable: readonly string[];
}

/** Events with the same key wait for a quiet moment, and only the newest of them is worked on. */
export interface Coalesce {
  /** A field of the payload, or a template. */
  readonly key: string;
  readonly windowMs: number;
  /** From the first event on. */
  readonly maxWaitMs: number;
}

export interface RouteProblem {
  /** Keys below the route. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export interface RouteRules {
  /** `subscription`: written by the CLI, which agents may call, so it cannot grant tools. */
  readonly origin: 'config' | 'subscription';
  readonly secret: string | undefined;
  /** Undefined = every interface. */
  readonly host: string | undefined;
}

export const noAuth = 'INSECURE_NO_AUTH';

const loopback: ReadonlySet<string> = new Set([
  '127.0.0.1',
  'localhost',
  '::1',
  'ip6-localhost',
  'ip6-loopback',
]);

/** Names that leave the answer in the log. */
export const logTargets: ReadonlySet<string> = new Set(['', 'log', 'local', 'origin']);

/** Part of addresses, keys and chat ids, whose parts are joined with `/` and `:`. */
const validName = /^[^\s/:?#%\p{Cc}]{1,100}$/u;

const text = z.string().nullish();
const words = z
  .union([z.array(z.string()), z.string().transform((one) => one.split(','))])
  .nullish()
  .transform((list) => (list ?? []).map((one) => one.trim()).filter((one) => one !== ''));
const flag = z
  .union([z.boolean(), z.stringbool()])
  .nullish()
  .transform((value) => value ?? false);

const inSeconds = (otherwise: number) =>
  z.coerce
    .number()
    .min(1)
    .max(86_400)
    .default(otherwise)
    .transform((seconds) => seconds * 1000);
const coalesce = z
  .object({
    key: z.string().trim().min(1).max(1000),
    window_seconds: inSeconds(30),
    max_wait_seconds: inSeconds(300),
  })
  .transform(
    ({ key, window_seconds, max_wait_seconds }): Coalesce => ({
      key,
      windowMs: window_seconds,
      maxWaitMs: Math.max(window_seconds, max_wait_seconds),
    }),
  );

const shape = z.object({
  events: words,
  secret: text,
  signature: z.object({ scheme: z.enum(askedSchemes) }).nullish(),
  prompt: text,
  skills: words,
  deliver: text,
  deliver_extra: z.record(z.string(), z.unknown()).nullish(),
  deliver_only: flag,
  enabled: z.unknown().optional(),
  filters: z.unknown().optional(),
  script: text,
  retry_on_script_failure: flag,
  toolsets: z.array(z.string()).nullish(),
  cron_job: text,
  coalesce: coalesce.nullish(),
  mirror_to_session: flag,
  profile: z.string().trim().min(1).optional(),
});

type Written = z.output<typeof shape>;

/** Answers the route, or everything that is wrong with it, each with what to change. Never throws. */
export function readRoute(
  name: string,
  raw: unknown,
  rules: RouteRules,
): { readonly route: Route } | { readonly problems: readonly RouteProblem[] } {
  const said = (message: string) => `[webhook] Route '${name.slice(0, 100)}' ${message}`;
  if (!validName.test(name))
    return {
      problems: [
        {
          path: [],
          message: said('has a name that cannot be part of an address: use letters, digits, - _ .'),
        },
      ],
    };
  const parsed = shape.safeParse(raw);
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message }) => ({
        path,
        message: said(`has a wrong value at '${path.map(String).join('.')}': ${message}`),
      })),
    };
  const written = parsed.data;
  const secret = written.secret || rules.secret || '';
  const problems = [...problemsOf(written, secret, rules)].map(({ path, message }) => ({
    path,
    message: said(message),
  }));
  if (problems.length > 0) return { problems };
  const { toolsets, cron_job, profile, script } = written;
  return {
    route: {
      name,
      secret,
      ...(written.signature ? { signature: written.signature.scheme } : {}),
      events: written.events,
      prompt: written.prompt ?? '',
      deliver: (written.deliver ?? 'log').trim(),
      deliverExtra: written.deliver_extra ?? {},
      deliverOnly: written.deliver_only,
      enabled: written.enabled !== false,
      filters: written.filters,
      ...(profile === undefined ? {} : { profile }),
      ...(toolsets && rules.origin === 'config' ? { toolsets } : {}),
      ...(cron_job ? { cronJob: cron_job } : {}),
      ...(script ? { script } : {}),
      retryOnScriptFailure: written.retry_on_script_failure,
      ...(written.coalesce ? { coalesce: written.coalesce } : {}),
      unavailable: [...unavailable(written, rules)],
    },
  };
}

function* problemsOf(written: Written, secret: string, rules: RouteRules): Iterable<RouteProblem> {
  const { deliver, deliver_only, cron_job, coalesce, script, retry_on_script_failure } = written;
  if (secret === '')
    yield {
      path: ['secret'],
      message: `has no HMAC secret. Set 'secret' on the route or globally. For testing without auth, set secret to '${noAuth}'.`,
    };
  if (secret === noAuth && (rules.host === undefined || !loopback.has(rules.host)))
    yield {
      path: ['secret'],
      message: `takes unsigned events ('${noAuth}') while the gateway listens on ${rules.host ?? 'every interface'}. Set a secret, or set platforms.webhook.extra.host to 127.0.0.1.`,
    };
  if (deliver_only && logTargets.has((deliver ?? '').trim()))
    yield {
      path: ['deliver'],
      message: `has deliver_only: true, which needs a place to deliver to. Set 'deliver' to a platform (for example telegram) or to github_comment, or remove deliver_only.`,
    };
  if (deliver_only && cron_job)
    yield { path: ['cron_job'], message: `has both deliver_only and cron_job. Remove one of them.` };
  if (coalesce && (deliver_only || cron_job))
    yield {
      path: ['coalesce'],
      message: `has coalesce together with ${deliver_only ? 'deliver_only' : 'cron_job'}. Remove one of them.`,
    };
  if (retry_on_script_failure && !script)
    yield {
      path: ['retry_on_script_failure'],
      message: `has retry_on_script_failure without a script. Name the script, or remove it.`,
    };
}

function* unavailable(written: Written, rules: RouteRules): Iterable<string> {
  if (written.skills.length > 0)
    yield `skills are not available in this version: ${written.skills.join(', ')}`;
  if (written.cron_job)
    yield `cron jobs are not available in this version: events for ${written.cron_job} are refused`;
  if (written.mirror_to_session)
    yield 'mirror_to_session is not available in this version: deliveries are not written into the session';
  if (written.toolsets && rules.origin === 'subscription')
    yield 'toolsets of a subscription are ignored: grant them in config.yaml';
}
