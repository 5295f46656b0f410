/** `hermes webhook …`: routes that a running gateway takes up by itself (webhooks §8). */
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { WebhookConfig } from '../platforms/webhook/config.ts';
import { exitCodes } from './failure.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { harmless, line } from './print.ts';
import { readSettings } from './settings.ts';

export interface SubscribeOptions {
  readonly prompt: string;
  readonly events: string;
  readonly description?: string;
  readonly skills: string;
  readonly deliver: string;
  readonly deliverChatId: string;
  readonly secret?: string;
  readonly deliverOnly?: boolean;
  readonly script?: string;
  readonly retryOnScriptFailure?: boolean;
  readonly cronJob?: string;
  readonly routeProfile?: string;
  readonly mirrorToSession?: boolean;
}

type Entry = Readonly<Record<string, unknown>>;

interface Listener {
  readonly home: string;
  readonly config: Pick<WebhookConfig, 'host' | 'port' | 'secret'> & { readonly routes: ReadonlySet<string> };
}

export async function webhookUsage(host: Host): Promise<number> {
  line(host.stdout, 'Usage: hermes webhook {subscribe|list|remove|test}');
  line(host.stdout, "Run 'hermes webhook --help' for details.");
  return exitCodes.ok;
}

export async function webhookSubscribe(
  host: Host,
  place: Place,
  given: string,
  options: SubscribeOptions,
): Promise<number> {
  const listener = await listenerOf(host, place);
  if (listener === undefined) return notEnabled(host);
  const name = given.trim().toLowerCase().replaceAll(' ', '-');
  const refusal = /^[a-z0-9][a-z0-9_-]*$/.test(name)
    ? refused(options, host)
    : `Invalid name '${given}'. Use lowercase alphanumeric with hyphens/underscores.`;
  if (refusal !== undefined) return failed(host, refusal, exitCodes.usage);
  const { changeSubscriptions, subscriptionsFile } = await subscriptions();
  const { readRoute } = await import('../platforms/webhook/route.ts');
  const { host: address, secret } = listener.config;
  let entry: Entry = {};
  let problem: string | undefined;
  let isNew = true;
  try {
    changeSubscriptions(listener.home, (entries) => {
      const before = entries.get(name);
      isNew = before === undefined;
      entry = entryOf(name, options, before);
      const read = readRoute(name, entry, { origin: 'subscription', secret, host: address });
      if ('problems' in read) problem = read.problems.map(({ message }) => message).join('\n');
      else entries.set(name, entry);
      return problem === undefined;
    });
  } catch (error) {
    return failed(host, broken(subscriptionsFile(listener.home), error), exitCodes.failed);
  }
  if (problem !== undefined) return failed(host, problem, exitCodes.usage);
  tell(host, listener, name, entry, isNew);
  return exitCodes.ok;
}

/** Options that would be stored and never have an effect are refused. */
function refused(options: SubscribeOptions, host: Host): string | undefined {
  if (options.retryOnScriptFailure && options.script === undefined)
    return '--retry-on-script-failure needs --script.';
  if (options.cronJob !== undefined && options.deliverOnly)
    return '--cron-job and --deliver-only exclude each other; use one of them.';
  if (options.cronJob !== undefined)
    return 'Cron jobs are not available in this version; leave out --cron-job.';
  const { routeProfile } = options;
  if (routeProfile !== undefined && routeProfile !== 'default') {
    const { home } = homeOf(host, { profile: routeProfile });
    if (!existsSync(home)) return `There is no profile '${routeProfile}' (${home}).`;
  }
  return undefined;
}

/** Secret and profile of an existing entry are kept; everything else is replaced. */
function entryOf(name: string, options: SubscribeOptions, before: Entry | undefined): Entry {
  const list = (text: string) =>
    text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '');
  const kept = before?.['secret'];
  const profile = options.routeProfile ?? before?.['profile'];
  const skills = list(options.skills);
  return {
    description: options.description || `Agent-created subscription: ${name}`,
    events: list(options.events),
    secret: options.secret || (typeof kept === 'string' && kept) || randomBytes(32).toString('base64url'),
    prompt: options.prompt,
    ...(skills.length > 0 ? { skills } : {}),
    deliver: options.deliver,
    ...(options.deliverChatId ? { deliver_extra: { chat_id: options.deliverChatId } } : {}),
    ...(options.deliverOnly ? { deliver_only: true } : {}),
    ...(options.script ? { script: options.script } : {}),
    ...(options.retryOnScriptFailure ? { retry_on_script_failure: true } : {}),
    ...(options.mirrorToSession ? { mirror_to_session: true } : {}),
    ...(typeof profile === 'string' && profile !== 'default' ? { profile } : {}),
    created_at: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

function tell(host: Host, listener: Listener, name: string, entry: Entry, isNew: boolean): void {
  const say = (text: string) => line(host.stdout, harmless(`  ${text}`));
  const prompt = String(entry['prompt']);
  say(`${isNew ? 'Created' : 'Updated'} webhook subscription: ${name}`);
  say(`URL:    ${urlOf(listener, name, entry)}`);
  say(`Profile: ${profileOf(entry)}`);
  say(`Secret: ${entry['secret']}`);
  say(`Events: ${eventsOf(entry)}`);
  say(`Deliver: ${entry['deliver']}`);
  if (entry['deliver_only']) say('Mode: direct delivery (no agent, zero LLM cost)');
  if (prompt !== '') {
    const shown = [...prompt.replaceAll('\n', ' ')];
    const label = entry['deliver_only'] ? 'Message' : 'Prompt';
    say(`${label}: ${shown.slice(0, 80).join('')}${shown.length > 80 ? '…' : ''}`);
  }
  if (listener.config.routes.has(name))
    say(`Note: config.yaml has a route '${name}' as well, which wins; rename one of the two.`);
  if (entry['skills']) say('Note: skills are kept, but not available in this version.');
  if (entry['mirror_to_session']) say('Note: mirror_to_session is kept, but not available in this version.');
  line(host.stdout);
  say('Configure your service to POST to the URL above.');
  say('Use the secret for HMAC-SHA256 signature validation.');
  say('The gateway must be running to receive events (hermes gateway run).');
}

export async function webhookList(host: Host, place: Place): Promise<number> {
  const listener = await listenerOf(host, place);
  if (listener === undefined) return notEnabled(host);
  const entries = await readAll(host, listener.home);
  if (entries === undefined) return exitCodes.failed;
  const say = (text = '') => line(host.stdout, harmless(text));
  if (entries.size === 0) {
    say('  No dynamic webhook subscriptions.');
    say('  Create one with: hermes webhook subscribe <name>');
    return exitCodes.ok;
  }
  say(`  ${entries.size} webhook subscription(s):`);
  for (const [name, entry] of entries) {
    say();
    say(`  ◆ ${name}`);
    if (entry['description']) say(`    ${entry['description']}`);
    say(`    URL:     ${urlOf(listener, name, entry)}`);
    say(`    Profile: ${profileOf(entry)}`);
    say(`    Events:  ${eventsOf(entry)}`);
    say(`    Deliver: ${entry['deliver'] ?? 'log'}${entry['deliver_only'] ? ' (direct — no agent)' : ''}`);
    if (entry['script']) say(`    Script:  ${entry['script']}`);
  }
  return exitCodes.ok;
}

export async function webhookRemove(host: Host, place: Place, given: string): Promise<number> {
  const listener = await listenerOf(host, place);
  if (listener === undefined) return notEnabled(host);
  const name = given.trim().toLowerCase();
  const { changeSubscriptions, subscriptionsFile } = await subscriptions();
  const entries = await readAll(host, listener.home);
  if (entries === undefined) return exitCodes.failed;
  if (!entries.has(name)) {
    line(host.stdout, harmless(`  No subscription named '${name}'.`));
    line(host.stdout, '  Note: Static routes from config.yaml cannot be removed here.');
    return exitCodes.failed;
  }
  try {
    changeSubscriptions(listener.home, (all) => all.delete(name));
  } catch (error) {
    return failed(host, broken(subscriptionsFile(listener.home), error), exitCodes.failed);
  }
  line(host.stdout, harmless(`  Removed webhook subscription: ${name}`));
  return exitCodes.ok;
}

const testPayload = { test: true, event_type: 'test', message: 'Hello from hermes webhook test' };

/** Signs like GitHub does. A route that takes only some events gets the first of them. */
export async function webhookTest(
  host: Host,
  place: Place,
  given: string,
  options: { readonly payload?: string },
): Promise<number> {
  const listener = await listenerOf(host, place);
  if (listener === undefined) return notEnabled(host);
  const name = given.trim().toLowerCase();
  const entry = (await readAll(host, listener.home))?.get(name);
  if (entry === undefined) {
    line(host.stdout, harmless(`  No subscription named '${name}'.`));
    line(host.stdout, '  See them with: hermes webhook list');
    return exitCodes.failed;
  }
  const body = options.payload ?? JSON.stringify(testPayload);
  if (!isJson(body))
    return failed(
      host,
      '--payload is not JSON; put it in single quotes: --payload \'{"a": 1}\'',
      exitCodes.usage,
    );
  const [event = 'test'] = Array.isArray(entry['events']) ? entry['events'].map(String) : [];
  if (event !== 'test')
    line(host.stdout, harmless(`  The route takes only some events; sending '${event}'.`));
  const secret = String(entry['secret'] || listener.config.secret || '');
  const url = urlOf(listener, name, entry);
  line(host.stdout, `  Sending test POST to ${url}`);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    });
    line(
      host.stdout,
      harmless(`  Response (${response.status}): ${(await response.text()).slice(0, 2_000)}`),
    );
    return response.ok ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    line(host.stdout, harmless(`  Error: ${cause instanceof Error ? cause.message : String(cause)}`));
    line(host.stdout, '  Is the gateway running? (hermes gateway run)');
    return exitCodes.failed;
  }
}

/** Undefined when webhooks are not switched on, in config.yaml or in the environment. */
async function listenerOf(host: Host, place: Place): Promise<Listener | undefined> {
  const { settings } = await readSettings(host, place);
  const block = settings.platforms['webhook'];
  if (block === undefined) return undefined;
  const { webhookConfig } = await import('../platforms/webhook/config.ts');
  const { home } = homeOf(host, place);
  const { routes: written, ...values } = block.values;
  const routes = new Set(typeof written === 'object' && written !== null ? Object.keys(written) : []);
  // Broken routes of config.yaml are the business of `config check`; here only the listener matters.
  const parsed = webhookConfig.schema.safeParse(values);
  if (parsed.success) return { home, config: { ...parsed.data, routes } };
  for (const { path, message } of parsed.error.issues)
    line(host.stderr, `⚠ platforms.webhook.${path.join('.')}: ${message}`);
  return { home, config: { ...webhookConfig.schema.parse({}), routes } };
}

function notEnabled(host: Host): number {
  for (const text of [
    '  Webhooks are not switched on. Do one of these:',
    '',
    '    hermes config set WEBHOOK_ENABLED true',
    '',
    '    # or in config.yaml',
    '    platforms:',
    '      webhook:',
    '        enabled: true',
    '',
    '  Then run the gateway: hermes gateway run',
  ])
    line(host.stdout, text);
  return exitCodes.failed;
}

async function readAll(host: Host, home: string) {
  const { readSubscriptions, subscriptionsFile } = await subscriptions();
  try {
    return await readSubscriptions(home);
  } catch (error) {
    failed(host, broken(subscriptionsFile(home), error), exitCodes.failed);
    return undefined;
  }
}

function subscriptions() {
  return import('../platforms/webhook/subscriptions.ts');
}

function broken(file: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `${file} cannot be used: ${why}. Correct the file, or move it away to start with none.`;
}

function failed(host: Host, why: string, code: number): number {
  line(host.stderr, harmless(`Error: ${why}`));
  return code;
}

function urlOf({ config }: Listener, name: string, entry: Entry): string {
  const { host = '' } = config;
  const everywhere = host === '' || host === '0.0.0.0' || host === '::';
  const shown = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const profile = profileOf(entry);
  const prefix = profile === 'default' ? '' : `/p/${encodeURIComponent(profile)}`;
  return `http://${shown}:${config.port}${prefix}/webhooks/${encodeURIComponent(name)}`;
}

function profileOf(entry: Entry): string {
  return typeof entry['profile'] === 'string' ? entry['profile'] : 'default';
}

function eventsOf(entry: Entry): string {
  const events = Array.isArray(entry['events']) ? entry['events'] : [];
  return events.length === 0 ? '(all)' : events.join(', ');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
