/** Signed POSTs of other services become events; answers go to the log or to GitHub. Facts are in README.md. */
import { brand } from '../../core/ids.ts';
import type { Inbound } from '../../core/inbound.ts';
import type { Outcome } from '../../core/outcome.ts';
import {
  type Adapter,
  BadTarget,
  type Deps,
  type Intake,
  type Part,
  type Platform,
  type RawReply,
  type RawRequest,
} from '../contract.ts';
import { type WebhookConfig, webhookConfig } from './config.ts';
import { CallRate, Deliveries, type Delivery } from './deliveries.ts';
import { githubDialect } from './dialect.ts';
import { type Body, deliveryId, eventName, isWanted, readBody } from './event.ts';
import { passes } from './filters.ts';
import { comment } from './github.ts';
import { Groups, type Place } from './groups.ts';
import { manifest } from './manifest.ts';
import { agentText, messageOf } from './prompt.ts';
import { noAuth, type Route } from './route.ts';
import { RouteTable } from './routes.ts';
import { provenBy } from './schemes.ts';
import { runScript } from './script.ts';
import { issueOf, targetOf } from './target.ts';
import { renderWhole, type Values } from './template.ts';

const aliveMs = 60_000;
/** How long the sender of a `deliver_only` event waits: GitHub gives up after 10 seconds. */
const relayMs = 8_000;
const shownInLog = 200;
/** Scripts that run at the same time. */
const mostScripts = 16;
/** When the sender is asked to come back after a script could not do its work. */
const retrySeconds = '60';

/** One request that has passed the checks of who sent it. */
interface Event {
  readonly route: Route;
  readonly name: string;
  readonly id: string;
  readonly body: Body;
}

class Webhooks implements Adapter {
  readonly #deps: Deps<WebhookConfig>;
  readonly #routes: RouteTable;
  readonly #rate: CallRate;
  readonly #deliveries: Deliveries;
  readonly #groups: Groups;
  /** Routes that were warned about the old generic signature. */
  readonly #deprecated = new Set<string>();
  #counter = 0;
  #scripts = 0;
  #signal = new AbortController().signal;

  constructor(deps: Deps<WebhookConfig>) {
    this.#deps = deps;
    this.#routes = new RouteTable(deps);
    this.#rate = new CallRate(deps.config.rate_limit, deps.clock);
    this.#deliveries = new Deliveries(deps.clock);
    this.#groups = new Groups(deps.clock);
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#deps;
    this.#signal = signal;
    await this.#routes.refresh();
    if (!signal.aborted) intake.connected(`port ${config.port}, ${this.#routes.size} route(s)`);
    while (!signal.aborted) {
      intake.alive();
      await clock.sleep(aliveMs, signal);
    }
  }

  async webhook(request: RawRequest, intake: Intake): Promise<RawReply> {
    const { method, path } = request;
    if (path === '/health')
      return method === 'GET' ? json(200, { status: 'ok', platform: 'webhook' }) : notAllowed('GET');
    const called = /^(?:\/p\/([^/]+))?\/webhooks\/([^/]+)$/.exec(path);
    if (called === null) return json(404, { error: 'Not found' });
    if (method !== 'POST') return notAllowed('POST');
    await this.#routes.refresh();
    if (called[1] !== undefined && called[1] !== this.#routes.profile)
      return json(404, { error: 'Unknown or unconfigured profile' });
    const name = decoded(called[2] ?? '');
    const route = this.#routes.find(name);
    if (route === undefined) return json(404, { error: `Unknown route: ${name}` });
    if (!route.enabled) return json(403, { error: `Route disabled: ${name}` });
    return this.#refusal(route, request) ?? this.#take(route, request, intake);
  }

  #refusal(route: Route, request: RawRequest): RawReply | undefined {
    const { config, clock, log } = this.#deps;
    if (request.body.byteLength > config.max_body_bytes) return json(413, { error: 'Payload too large' });
    if (route.secret === '') return json(403, { error: 'Webhook route is missing an HMAC secret' });
    if (route.secret === noAuth) {
      // Any page in a browser on this machine could post to a route without a signature.
      if (request.headers.has('origin')) return json(401, { error: 'Invalid signature' });
    } else {
      const scheme = provenBy(request, route.secret, clock.now(), route.signature);
      if (scheme === undefined) return json(401, { error: 'Invalid signature' });
      if (scheme === 'generic-v1' && !this.#deprecated.has(route.name)) {
        this.#deprecated.add(route.name);
        log('warn', 'webhook.deprecated', {
          route: route.name,
          why: 'X-Webhook-Signature can be replayed; send X-Webhook-Signature-V2 with X-Webhook-Timestamp',
        });
      }
    }
    return this.#rate.take(route.name) ? undefined : json(429, { error: 'Rate limit exceeded' });
  }

  async #take(route: Route, request: RawRequest, intake: Intake): Promise<RawReply> {
    const { home } = this.#deps;
    const { headers } = request;
    const body = readBody(request);
    if (body === undefined) return json(400, { error: 'Cannot parse body' });
    const { payload } = body;
    const name = eventName(headers, payload);
    if (!isWanted(route.events, name, payload)) return json(200, { status: 'ignored', event: name });
    if (!(await passes(route.filters, { payload, event: name, headers, home })))
      return json(200, { status: 'ignored', reason: 'filter', route: route.name });
    if (route.cronJob !== undefined)
      return json(501, { error: 'cron_job is not available in this version', route: route.name });
    const id = deliveryId(headers) ?? this.#newId();
    const delivery = this.#deliveries.begin(route.name, id);
    const event: Event = { route, name, id, body };
    const seen = route.script === undefined ? event : await this.#scripted(event, route.script, delivery);
    if ('status' in seen) return seen;
    return route.deliverOnly ? this.#relay(seen, delivery, intake) : this.#accept(seen, delivery, intake);
  }

  /** The event as the script of its route leaves it, or the answer that ends it. */
  async #scripted(event: Event, script: string, delivery: Delivery): Promise<Event | RawReply> {
    const { route, name, id, body } = event;
    // A repetition must not run a script twice that counts or writes; the store knows the older ones.
    if (delivery.isKnown) return json(200, { status: 'duplicate', delivery_id: id });
    const { clock, home, config, log } = this.#deps;
    const again = () => {
      const { status, headers, body: text } = json(503, failure);
      return { status, headers: { ...headers, 'retry-after': retrySeconds }, body: text ?? '' };
    };
    const failure = { status: 'error', reason: 'script_failed', route: route.name };
    if (this.#scripts >= mostScripts) return again();
    this.#scripts += 1;
    const timeoutMs = config.script_timeout_seconds * 1000;
    const asked = { script, payload: body.payload, event: name, delivery: id, secret: route.secret };
    const result = await runScript(
      { clock, home, env: config.gh_env, timeoutMs },
      asked,
      this.#signal,
    ).finally(() => {
      this.#scripts -= 1;
    });
    switch (result.kind) {
      case 'payload':
        return { ...event, body: { raw: body.raw, payload: result.payload } };
      case 'failed':
        log('warn', 'webhook.script_failed', { route: route.name, delivery: id, script, why: result.why });
        // A script that was stopped with the gateway said nothing about the event.
        if (route.retryOnScriptFailure || this.#signal.aborted) return again();
        return json(200, { status: 'ignored', reason: 'script', route: route.name });
      case 'ignore':
        return json(200, { status: 'ignored', reason: 'script', route: route.name });
      default:
        return result satisfies never;
    }
  }

  /** The agent works on it; confirmed as soon as it is on disk. */
  async #accept(event: Event, delivery: Delivery, intake: Intake): Promise<RawReply> {
    const { route, name, id, body } = event;
    const values = { payload: body.payload, event: name };
    const target = targetOf(route, values);
    if (target.kind === 'bad') this.#undeliverable(event, target.why, 'the answer goes to the log');
    const place = this.#placeOf(route, values, delivery);
    const inbound: Inbound = {
      ...this.#inbound(event, delivery, place?.first),
      text: agentText(route, values, this.#deps.clock.hex(8), place?.superseded),
      ...(place === undefined ? {} : { coalesce: { waitMs: place.waitMs } }),
      ...(target.kind === 'to' ? { answerTo: target.target } : {}),
      ...(route.toolsets === undefined ? {} : { toolsets: route.toolsets }),
    };
    let fresh = 0;
    try {
      ({ fresh } = await intake.accept([inbound]));
    } finally {
      if (fresh === 0) place?.leave();
    }
    if (fresh === 0) return json(200, { status: 'duplicate', delivery_id: id });
    delivery.taken();
    const status = place === undefined ? 'accepted' : 'coalesced';
    return json(202, { status, route: route.name, event: name, delivery_id: id });
  }

  /** Undefined = the event waits for nobody: its route says so, or its key has no value. */
  #placeOf({ name, coalesce }: Route, values: Values, delivery: Delivery): Place | undefined {
    if (coalesce === undefined) return undefined;
    const key = renderWhole(coalesce.key, values);
    return key === undefined ? undefined : this.#groups.join(name, key, delivery.key, coalesce);
  }

  /** No agent: the sender hears what became of the message, so that it can try again. */
  async #relay(event: Event, delivery: Delivery, intake: Intake): Promise<RawReply> {
    const { route, name, id, body } = event;
    const values = { payload: body.payload, event: name };
    const failed = (why: string) => {
      this.#undeliverable(event, why, 'the sender is asked to try again');
      return json(502, { status: 'error', error: 'Delivery failed', delivery_id: id });
    };
    const target = targetOf(route, values);
    if (target.kind !== 'to') return failed(target.kind === 'bad' ? target.why : 'nowhere to deliver to');
    const text = messageOf(route, values);
    if (text.trim() === '') return json(200, { status: 'ignored', reason: 'empty', route: route.name });
    const message = { ...this.#inbound(event, delivery), text, answerTo: target.target };
    const result = await intake.relay(message, relayMs).catch((error: unknown) => {
      if (error instanceof BadTarget) return error;
      throw error;
    });
    if (result instanceof BadTarget) return failed(result.message);
    if (result === 'failed') return failed('not delivered');
    if (result === 'duplicate') return json(200, { status: 'duplicate', delivery_id: id });
    delivery.taken();
    const facts = { route: route.name, target: route.deliver, delivery_id: id };
    if (result === 'sent') return json(200, { status: 'delivered', ...facts });
    // Stored, and delivered as soon as the other side takes it: trying again would double it.
    return json(202, { status: 'accepted', ...facts, event: name });
  }

  #inbound({ route, id, body }: Event, delivery: Delivery, first?: string): Omit<Inbound, 'text'> {
    return {
      key: brand(delivery.key),
      // A conversation of its own for every delivery, and for every group that waits together.
      at: { chat: brand(`webhook:${first ?? delivery.key}`) },
      single: true,
      kind: 'message',
      scope: 'dm',
      from: { id: brand(`webhook:${route.name}`), name: route.name, isBot: false, isSelf: false },
      message: brand(id),
      chatName: `webhook/${route.name}`,
      sentAt: this.#deps.clock.now(),
      raw: body.raw,
    };
  }

  async deliver({ at, op }: Part, signal: AbortSignal): Promise<Outcome> {
    if (op.kind !== 'send' || op.media !== undefined || op.buttons !== undefined)
      return { kind: 'rejected', code: 'unsupported', why: 'only text can be delivered' };
    const { text, plain } = op.body;
    if (isSilence(plain)) return { kind: 'sent', id: brand('') };
    if (at.chat.startsWith('webhook:')) {
      const shown = [...plain]
        .slice(0, shownInLog)
        .join('')
        .replace(/\p{Cc}+/gu, ' ');
      this.#deps.log('info', `[webhook] Response for ${at.chat}: ${shown}`);
      return { kind: 'sent', id: brand('') };
    }
    const issue = issueOf(at.chat);
    if (issue === undefined)
      return { kind: 'rejected', code: 'gone', why: 'neither a delivery nor an issue of GitHub' };
    return comment(this.#deps, issue, text, signal);
  }

  #undeliverable({ route, id }: Event, why: string, so: string): void {
    this.#deps.log('error', 'webhook.undeliverable', { route: route.name, delivery: id, why, so });
  }

  /** Unique also for two posts within one millisecond, and over restarts. */
  #newId(): string {
    this.#counter += 1;
    return `${this.#deps.clock.now()}-${this.#counter}-${this.#deps.clock.hex(4)}`;
  }
}

function json(status: number, body: object): RawReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function notAllowed(allow: string): RawReply {
  const { status, headers, body } = json(405, { error: 'Method not allowed' });
  return { status, headers: { ...headers, allow }, body: body ?? '' };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment).slice(0, 200);
  } catch {
    return segment.slice(0, 200);
  }
}

/** The answer that means "say nothing", alone or as its own first or last line (webhooks §6). */
function isSilence(text: string): boolean {
  const lines = text.trim().split('\n');
  return text.trim() === '' || [lines.at(0), lines.at(-1)].some((line) => line?.trim() === '[SILENT]');
}

export default {
  manifest,
  config: webhookConfig,
  dialect: githubDialect,
  open: (deps) => new Webhooks(deps),
} satisfies Platform<WebhookConfig>;
