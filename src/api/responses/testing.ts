/** What the tests of this folder share: a server with its own store, and a client that judges every answer. */
import { expect } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { type ApiOptions, openApi } from '../app.ts';
import { FakeTurns, type Script } from '../testing/fake-turns.ts';
import { apiDefaults, framesOf, healthy, key, type LogLine, mediaDefaults } from '../testing/open.ts';
import { agentsDefaults, fakeTools } from '../testing/tools.ts';
import { memoryStore } from './memory-store.ts';
import { faultsOfBody, type Json, StreamJudge } from './testing-schema.ts';

export { expectValid, expectValidEvents } from './testing-schema.ts';

/** The events of a stream's body; checks the frame rules of the published text. */
export function eventsOf(body: string): Json[] {
  const frames = framesOf(body);
  expect(frames.at(-1)).toEqual({ event: undefined, data: '[DONE]' });
  return frames.slice(0, -1).map(({ event, data }) => {
    const value = JSON.parse(data) as Json;
    expect(event).toBe(value['type']);
    return value;
  });
}

export interface ResponsesServer extends AsyncDisposable {
  readonly url: string;
  readonly turns: FakeTurns;
  readonly logs: readonly LogLine[];
  /** What was said against the published schema so far; must be empty at the end. */
  readonly faults: string[];
  /** `path` is below `/v1/responses`. */
  post(
    body: unknown,
    path?: string,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  delete(path: string): Promise<Response>;
  /** Posts and expects 200. */
  ask(body: unknown, path?: string, headers?: Record<string, string>): Promise<Json>;
  /** Posts a streamed request and reads it to its end. */
  stream(body: object): Promise<Json[]>;
}

export async function serve(
  options: {
    readonly script?: Script;
    readonly api?: Partial<typeof apiDefaults>;
    readonly agents?: Partial<typeof agentsDefaults>;
    readonly limits?: ApiOptions['limits'];
    readonly store?: ApiOptions['responses'];
    readonly media?: Partial<typeof mediaDefaults>;
    readonly resolve?: ApiOptions['resolve'];
  } = {},
): Promise<ResponsesServer> {
  const turns = new FakeTurns(options.script);
  const logs: LogLine[] = [];
  const settings = { ...apiDefaults, ...options.api };
  const api = await openApi({
    settings: {
      api: settings,
      agents: { ...agentsDefaults, ...options.agents },
      ...mediaDefaults,
      ...options.media,
      terminal: {
        backend: 'docker',
        cwd: '.',
        timeoutMs: 1,
        maxForegroundMs: 1,
        envPassthrough: [],
        sudoPassword: undefined,
      },
    },
    turns,
    tools: fakeTools(),
    sessions: { newest: async () => [] },
    health: () => healthy,
    clock: systemClock,
    log: (level, event, data) => logs.push({ level, event, data }),
    version: '1.2.3',
    model: { name: 'configured-model', provider: 'scripted', isDemo: false },
    isNetworkAccessible: async () => false,
    responses: options.store ?? memoryStore(),
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
    limits: { closeGraceMs: 200, ...options.limits },
  });
  const { url } = await api.listen();
  const faults: string[] = [];
  const auth: Record<string, string> =
    settings.key === undefined ? {} : { Authorization: `Bearer ${settings.key}` };
  const at = (path: string) => `${url}/v1/responses${path}`;
  const ask = async (...request: Parameters<typeof fetch>) => judged(await fetch(...request), faults);
  const post: ResponsesServer['post'] = (body, path = '', headers = {}, signal) =>
    ask(at(path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...auth, ...headers },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  return {
    url,
    turns,
    logs,
    post,
    get: (path, headers = {}) => ask(at(path), { headers: { ...auth, ...headers } }),
    delete: (path) => ask(at(path), { method: 'DELETE', headers: auth }),
    async ask(body, path, headers) {
      const response = await post(body, path, headers);
      const answer = (await response.json()) as Json;
      expect(response.status, JSON.stringify(answer)).toBe(200);
      return answer;
    },
    async stream(body) {
      const response = await post({ ...body, stream: true });
      const text = await response.text();
      expect(response.status, text).toBe(200);
      return eventsOf(text);
    },
    faults,
    async [Symbol.asyncDispose]() {
      await api.close();
      expect(faults).toEqual([]);
    },
  };
}

/** The same response; what of its body is read is held against the published schema. */
function judged(response: Response, faults: string[]): Response {
  if (response.body === null) return response;
  const decoder = new TextDecoder();
  const isStream = response.headers.get('content-type') === 'text/event-stream';
  const stream = new StreamJudge();
  let text = '';
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, out) {
        const piece = decoder.decode(chunk, { stream: true });
        if (isStream) {
          stream.read(piece);
          faults.push(...stream.faults.splice(0));
        } else text += piece;
        out.enqueue(chunk);
      },
      flush() {
        if (!isStream) faults.push(...faultsOfBody(text));
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

export { key };
