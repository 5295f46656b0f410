/** What most whole-gateway tests need: a fake model vendor, a home that knows it, and the gateway as a process. */
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { GatewayProcess, type Home, makeHome } from '../gateway-process.ts';
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from '../upstream/index.ts';

export interface ServedOptions {
  /** More lines of config.yaml. */
  readonly yaml?: string | ((upstream: Upstream) => string);
  /** More environment of the gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** More of its command line. */
  readonly args?: readonly string[];
}

/** A message as the model was shown it. */
export interface Shown {
  readonly role: string;
  readonly content: string | null;
  readonly tool_call_id?: string;
}

/** Usable from the first test on; the hooks of the calling file start and stop everything. */
export interface Served {
  readonly upstream: Upstream;
  readonly home: Home;
  readonly gateway: GatewayProcess;
  /** What clients call the base URL; ends in `/v1`. */
  readonly baseURL: string;
  /** The official client without its own retries. */
  readonly client: OpenAI;
  /**
   * What the model says for the rest of the test, where nothing is scripted. Unlike a script it is not used up, so a
   * request that never reaches the model leaves nothing behind.
   */
  answer(reply: (request: UpstreamRequest) => Reply): void;
  /** Requests the model got since the test began, oldest first. */
  seen(): readonly UpstreamRequest[];
  /** The conversation of one of them, by default the newest, without the system text. */
  shown(request?: UpstreamRequest): readonly Shown[];
  /** A request to the gateway with the key; `path` begins behind the origin. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** The same with a JSON body. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** Turns that run now, as the gateway tells it. */
  active(): Promise<number>;
  /** Starts the next process on the same home, after a test ended the last one. */
  start(): Promise<void>;
  /** Ends the process and starts the next one on the same home. */
  restart(signal: NodeJS.Signals): Promise<void>;
}

const echo = ({ lastUserText }: UpstreamRequest): Reply => ({ text: `echo: ${lastUserText}` });
const once = 'agent: {api_max_retries: 1}';

export function serve(options: ServedOptions = {}): Served {
  let upstream: Upstream;
  let home: Home;
  let gateway: GatewayProcess;
  let client: OpenAI;
  let before = 0;
  let answer = echo;

  async function start(): Promise<void> {
    gateway = new GatewayProcess(home, undefined, options.args);
    await gateway.listening();
  }
  beforeAll(async () => {
    upstream = await startUpstream({ fallback: (request) => answer(request) });
    const { yaml: more = '' } = options;
    const yaml = [once, typeof more === 'string' ? more : more(upstream)].join('\n');
    const made = await makeHome({ upstream: upstream.url, upstreamKey: upstream.key, yaml });
    home = { ...made, env: { ...made.env, ...options.env } };
    await start();
    client = new OpenAI({ baseURL: `${home.apiUrl}/v1`, apiKey: home.apiKey, maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway.kill('SIGTERM');
    await upstream.close();
    home.remove();
  });
  beforeEach(() => {
    before = upstream.requests.length;
    answer = echo;
  });

  const seen = () => upstream.requests.slice(before);
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${home.apiUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${home.apiKey}`, ...(init.headers as Record<string, string>) },
    });
  return {
    get upstream() {
      return upstream;
    },
    get home() {
      return home;
    },
    get gateway() {
      return gateway;
    },
    get baseURL() {
      return `${home.apiUrl}/v1`;
    },
    get client() {
      return client;
    },
    answer(reply) {
      answer = reply;
    },
    seen,
    shown(request = seen().at(-1)) {
      const messages = (request?.body['messages'] ?? []) as readonly Shown[];
      return messages.filter(({ role }) => role !== 'system');
    },
    call,
    post: (path, body, init = {}) =>
      call(path, {
        ...init,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
        body: JSON.stringify(body),
      }),
    async active() {
      const response = await call('/health/detailed');
      return ((await response.json()) as { readonly active_agents: number }).active_agents;
    },
    start,
    async restart(signal) {
      await gateway.kill(signal);
      await start();
    },
  };
}
