/** What the tests of models share: settings and endpoints with nothing special, and everything a model said. */
import { expect } from 'vitest';
import type { Settings } from '../../config/settings.ts';
import type { Model, ModelCall, ModelEvent } from '../contract.ts';
import { type Models, openModels } from './open.ts';
import type { Mode } from './registry.ts';
import type { Endpoint } from './resolve.ts';

/** For each wire where it begins on the upstream, and a model that is asked over it. */
export const wires: Readonly<Record<Mode, { readonly path: string; readonly model: string }>> = {
  chat: { path: '/v1', model: 'some-model' },
  responses: { path: '/v1', model: 'gpt-5' },
  anthropic: { path: '', model: 'claude-sonnet-4-5' },
  google: { path: '/v1beta', model: 'gemini-2.5-flash' },
};
export const modes = Object.keys(wires) as Mode[];

/** The section `model` for an endpoint of one's own, which is still to be said. */
export function modelSettings(more: Partial<Settings['model']> = {}): Settings['model'] {
  return {
    provider: 'custom',
    name: 'm',
    baseUrl: undefined,
    apiKey: undefined,
    apiMode: undefined,
    contextLength: undefined,
    maxTokens: undefined,
    supportsVision: undefined,
    ...more,
  };
}

type Named = Settings['providers'][string];

/** Models of which `custom:fake` is the given endpoint. */
export function openNamed(
  entry: Pick<Named, 'baseUrl' | 'apiKey' | 'apiMode' | 'model'> & Partial<Named>,
  deps: Parameters<typeof openModels>[1],
): Models {
  const fake = { requestTimeoutMs: undefined, staleTimeoutMs: undefined, extraBody: undefined, ...entry };
  return openModels({ model: modelSettings(), providers: { fake }, providerEnv: {} }, deps);
}

/** An endpoint nobody knows that speaks Chat Completions. */
export function endpointOf(more: Partial<Endpoint> = {}): Endpoint {
  return {
    kind: 'endpoint',
    provider: 'custom',
    model: 'm',
    baseUrl: 'http://h/v1',
    apiKey: 'k',
    mode: 'chat',
    vision: false,
    ...more,
  };
}

/** One call to its end, of which there is exactly one, and the last event. */
export async function collect(model: Model, call: ModelCall, signal = new AbortController().signal) {
  const events: ModelEvent[] = [];
  for await (const event of model.stream(call, signal)) events.push(event);
  const last = events.at(-1)!;
  expect(events.filter(({ type }) => type === 'finish' || type === 'error')).toEqual([last]);
  const deltas = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
  return {
    events,
    deltas,
    text: deltas.join(''),
    reasoning: events.flatMap((event) => (event.type === 'reasoning' ? [event.text] : [])).join(''),
    calls: events.flatMap((event) => (event.type === 'tool-call' ? [event.call] : [])),
    last,
    finish: last.type === 'finish' ? last : undefined,
    failure: last.type === 'error' ? last.failure : undefined,
  };
}
