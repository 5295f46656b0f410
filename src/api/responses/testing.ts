/** What the tests of this folder share: a server with its own store, and the published schema. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { type ApiOptions, openApi } from '../app.ts';
import { FakeTurns, type Script } from '../testing/fake-turns.ts';
import { apiDefaults, framesOf, healthy, key, type LogLine } from '../testing/open.ts';
import { memoryStore } from './memory-store.ts';

type Json = Record<string, unknown>;

const file = new URL('./data/open-responses.openapi.json', import.meta.url);
const document = JSON.parse(readFileSync(file, 'utf8')) as { components: { schemas: Record<string, Json> } };
// The released file types the echoed schema as null only; the official API echoes the schema.
document.components.schemas['JsonSchemaResponseFormat']!['properties'] = {
  ...(document.components.schemas['JsonSchemaResponseFormat']!['properties'] as Json),
  schema: { type: ['object', 'null'] },
};
const ajv = new Ajv2020({ strict: false, logger: false });
ajv.addSchema({ ...document, $id: 'open-responses' });

/** Fails with the reasons when `value` is not what the published schema calls `name`. */
export function expectValid(name: string, value: unknown): void {
  const validate = ajv.compile({ $ref: `open-responses#/components/schemas/${name}` });
  expect(validate(value) ? [] : validate.errors, JSON.stringify(value)).toEqual([]);
}

/** Schema of each streaming event, by its type. */
const eventSchemas = new Map(
  Object.entries(document.components.schemas).flatMap(([name, schema]) => {
    if (!name.endsWith('StreamingEvent')) return [];
    const { type } = schema['properties'] as { type: { enum: string[] } };
    return [[type.enum[0]!, name] as const];
  }),
);

/** Every event is of a published type, valid, and numbered from 0 without a gap. */
export function expectValidEvents(events: readonly Json[]): void {
  events.forEach((event, i) => {
    const name = eventSchemas.get(String(event['type']));
    expect(name, `unknown event ${String(event['type'])}`).toBeDefined();
    expectValid(name!, event);
    expect(event['sequence_number']).toBe(i);
  });
}

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
    readonly limits?: ApiOptions['limits'];
    readonly store?: ApiOptions['responses'];
  } = {},
): Promise<ResponsesServer> {
  const turns = new FakeTurns(options.script);
  const logs: LogLine[] = [];
  const settings = { ...apiDefaults, ...options.api };
  const api = await openApi({
    settings: {
      api: settings,
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
    health: () => healthy,
    clock: systemClock,
    log: (level, event, data) => logs.push({ level, event, data }),
    version: '1.2.3',
    model: { name: 'configured-model', provider: 'scripted', isDemo: false },
    isNetworkAccessible: async () => false,
    responses: options.store ?? memoryStore(),
    limits: { closeGraceMs: 200, ...options.limits },
  });
  const { url } = await api.listen();
  const auth: Record<string, string> =
    settings.key === undefined ? {} : { Authorization: `Bearer ${settings.key}` };
  const at = (path: string) => `${url}/v1/responses${path}`;
  const post: ResponsesServer['post'] = (body, path = '', headers = {}, signal) =>
    fetch(at(path), {
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
    get: (path, headers = {}) => fetch(at(path), { headers: { ...auth, ...headers } }),
    delete: (path) => fetch(at(path), { method: 'DELETE', headers: auth }),
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
    [Symbol.asyncDispose]: () => api.close(),
  };
}

export { key };
