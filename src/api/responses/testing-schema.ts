/** The published schema as a judge of everything a server says: single values, whole bodies, streams. Tests only. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

export type Json = Record<string, unknown>;

const file = new URL('./data/open-responses.openapi.json', import.meta.url);

/** The released document, as it is used here. */
export const published = JSON.parse(readFileSync(file, 'utf8')) as {
  components: { schemas: Record<string, { properties?: Record<string, Json> } & Json> };
};
// The released file types the echoed schema as null only; the official API echoes the schema.
published.components.schemas['JsonSchemaResponseFormat']!.properties!['schema'] = {
  type: ['object', 'null'],
};
const ajv = new Ajv2020({ strict: false, logger: false });
ajv.addSchema({ ...published, $id: 'open-responses' });
const compiled = new Map<string, ValidateFunction>();

/** Why `value` is not what the published schema calls `name`; undefined when it is. */
function faultOf(name: string, value: unknown): string | undefined {
  let validate = compiled.get(name);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `open-responses#/components/schemas/${name}` });
    compiled.set(name, validate);
  }
  if (validate(value)) return undefined;
  return `no ${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`;
}

/** Fails with the reasons when `value` is not what the published schema calls `name`. */
export function expectValid(name: string, value: unknown): void {
  expect(faultOf(name, value)).toBeUndefined();
}

/** Schema of each streaming event, by its type. */
const eventSchemas = new Map(
  Object.entries(published.components.schemas).flatMap(([name, schema]) => {
    if (!name.endsWith('StreamingEvent')) return [];
    const { type } = schema.properties as { type: { enum: string[] } };
    return [[type.enum[0]!, name] as const];
  }),
);

/** Every event is of a published type, valid, and numbered from 0 without a gap. */
export function expectValidEvents(events: readonly object[]): void {
  expect(faultsOfEvents(events as Json[], 0)).toEqual([]);
}

function faultsOfEvents(events: readonly Json[], first: number): string[] {
  return events.flatMap((event, i) => {
    const faults = faultOfEvent(event);
    if (event['sequence_number'] !== first + i)
      faults.push(`number ${event['sequence_number']} at ${first + i}`);
    return faults;
  });
}

/** Items of our own types, which are shown on request only, are judged by the rules for extensions (§18). */
const isExtension = (item: unknown) => /^hermes:|^mcp_call$/.test(String((item as Json | null)?.['type']));

function faultOfEvent(event: Json): string[] {
  const name = eventSchemas.get(String(event['type']));
  if (name === undefined) return [`unknown event ${String(event['type'])}`];
  if (isExtension(event['item'])) return faultsOfExtensions([event['item']]);
  const { response } = event as { response?: Json };
  if (response === undefined) return [faultOf(name, event)].flatMap((fault) => fault ?? []);
  return [
    faultOf(name, { ...event, response: withoutExtensions(response) }),
    ...faultsOfExtensions(response['output'] as unknown[]),
  ].flatMap((fault) => fault ?? []);
}

const withoutExtensions = (response: Json): Json => ({
  ...response,
  output: (response['output'] as unknown[] | undefined)?.filter((item) => !isExtension(item)),
});

function faultsOfExtensions(items: readonly unknown[]): string[] {
  return items.filter(isExtension).flatMap((item) => {
    const isWhole = ['id', 'type', 'status'].every((field) => typeof (item as Json)[field] === 'string');
    return isWhole ? [] : [`extension item without id, type or status: ${JSON.stringify(item)}`];
  });
}

/** Why a JSON body of any endpoint of the family is not valid. */
export function faultsOfBody(text: string): string[] {
  const body = JSON.parse(text) as Json;
  const faults = (name: string, value: unknown) => [faultOf(name, value)].flatMap((fault) => fault ?? []);
  if (typeof body['error'] === 'object' && body['object'] === undefined) {
    return faults('ErrorPayload', body['error']);
  }
  switch (body['object']) {
    case 'response':
      if (body['deleted'] === true) return typeof body['id'] === 'string' ? [] : ['deleted without an id'];
      return [
        ...faults('ResponseResource', withoutExtensions(body)),
        ...faultsOfExtensions(body['output'] as unknown[]),
      ];
    case 'response.compaction':
      return faults('CompactResource', body);
    case 'response.input_tokens':
      return Number.isInteger(body['input_tokens']) ? [] : [`no count: ${text}`];
    case 'list':
      return (body['data'] as Json[])
        .filter((item) => typeof item['id'] !== 'string' || typeof item['type'] !== 'string')
        .map((item) => `listed item without id or type: ${JSON.stringify(item)}`);
    default:
      return [`body of no known kind: ${text}`];
  }
}

/** Why a frame is no error of the WebSocket transport. */
export function faultsOfError(frame: Json): string[] {
  return [faultOf('WebSocketErrorEvent', frame)].flatMap((fault) => fault ?? []);
}

/** Judges one stream as it arrives: `faults` is complete when all of it was `read`. */
export class StreamJudge {
  readonly faults: string[] = [];
  #rest = '';
  #next: number | undefined;
  #ended: string | undefined;

  read(text: string): void {
    const frames = `${this.#rest}${text}`.split('\n\n');
    this.#rest = frames.pop() ?? '';
    for (const frame of frames) if (!frame.startsWith(':')) this.#frame(frame);
  }

  #frame(frame: string): void {
    const data = /^data: (.*)$/m.exec(frame)?.[1] ?? '';
    if (this.#ended === '[DONE]') this.faults.push(`a frame after [DONE]: ${frame}`);
    if (data === '[DONE]') {
      if (this.#ended === undefined && this.#next !== undefined)
        this.faults.push('[DONE] before a terminal event');
      this.#ended = data;
      return;
    }
    const event = JSON.parse(data) as Json;
    if (/^event: (.*)$/m.exec(frame)?.[1] !== event['type'])
      this.faults.push(`frame of another name: ${frame}`);
    this.event(event);
  }

  event(event: Json): void {
    if (this.#ended !== undefined) this.faults.push(`${event['type']} after ${this.#ended}`);
    this.faults.push(...faultsOfEvents([event], this.#next ?? Number(event['sequence_number'])));
    this.#next = Number(event['sequence_number']) + 1;
    if (isTerminal(event)) this.#ended = String(event['type']);
  }
}

export const isTerminal = (event: Json) =>
  /^response\.(completed|failed|incomplete)$/.test(String(event['type']));
