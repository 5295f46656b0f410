/** The routes of the moment: those of the configuration, and those of the subscriptions file, read again when it changes. */
import { basename, dirname } from 'node:path';
import type { Log } from '../../core/log.ts';
import type { WebhookConfig } from './config.ts';
import { noAuth, type Route, readRoute } from './route.ts';
import { readSubscriptions, type Subscriptions, subscriptionsState } from './subscriptions.ts';

export interface RouteTableDeps {
  readonly config: WebhookConfig;
  readonly home: string;
  readonly log: Log;
  hide(secrets: readonly string[]): void;
}

export class RouteTable {
  readonly #deps: RouteTableDeps;
  #dynamic: ReadonlyMap<string, Route> = new Map();
  #state: string | undefined;

  constructor(deps: RouteTableDeps) {
    this.#deps = deps;
    for (const route of deps.config.routes.values()) this.#report(route);
  }

  /** Name of the profile this gateway serves. */
  get profile(): string {
    const { home } = this.#deps;
    return basename(dirname(home)) === 'profiles' ? basename(home) : 'default';
  }

  get size(): number {
    return new Set([...this.#deps.config.routes.keys(), ...this.#dynamic.keys()]).size;
  }

  /** Never rejects: an unreadable file leaves the routes as they were. */
  async refresh(): Promise<void> {
    const { home, log, hide } = this.#deps;
    try {
      const state = subscriptionsState(home);
      if (state === this.#state) return;
      this.#state = state;
      const before = this.#dynamic;
      const entries = await readSubscriptions(home);
      // Before anything of them can be logged, those that are refused included.
      hide(secretsOf(entries));
      this.#dynamic = this.#read(entries);
      if (before.size > 0 || this.#dynamic.size > 0)
        log('info', 'webhook.subscriptions', { routes: [...this.#dynamic.keys()] });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log('error', 'webhook.subscriptions_unreadable', { why });
    }
  }

  /** Undefined also for a route of another profile: who asks cannot tell the two apart. */
  find(name: string): Route | undefined {
    const route = this.#deps.config.routes.get(name) ?? this.#dynamic.get(name);
    if (route?.profile !== undefined && route.profile !== this.profile) return undefined;
    return route;
  }

  #read(entries: Subscriptions): ReadonlyMap<string, Route> {
    const { config, log } = this.#deps;
    const routes = new Map<string, Route>();
    for (const [name, raw] of entries) {
      if (config.routes.has(name)) {
        log('warn', 'webhook.subscription_hidden', {
          route: name,
          why: 'config.yaml has a route of this name',
        });
        continue;
      }
      const read = readRoute(name, raw, { origin: 'subscription', secret: config.secret, host: config.host });
      if ('route' in read) {
        routes.set(name, read.route);
        this.#report(read.route);
      } else
        log('warn', 'webhook.subscription_skipped', { why: read.problems.map(({ message }) => message) });
    }
    return routes;
  }

  #report({ name, unavailable }: Route): void {
    for (const why of unavailable) this.#deps.log('warn', 'webhook.unavailable', { route: name, why });
  }
}

function secretsOf(entries: Subscriptions): string[] {
  return [...entries.values()].flatMap(({ secret }) =>
    typeof secret === 'string' && secret !== noAuth ? secret : [],
  );
}
