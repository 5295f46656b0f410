import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Content, type Message, textOf } from '../../core/message.ts';
import type { JsonObject } from '../body.ts';
import { flattenText, isVisible, normalizeContent } from '../content.ts';
import { badRequest } from '../errors.ts';
import { type Brought, nothingBrought } from '../media/brought.ts';
import { readHistory } from '../responses/items.ts';
import { checked } from '../responses/request.ts';
import { type RunRequest, runRequest } from './schema.ts';

/** A checked request, before anything is looked up. */
export interface AskedRun {
  readonly fields: RunRequest;
  readonly input: Content;
  /** Images and files of the input. */
  readonly brought: Brought;
  /** `conversation_history`, when it says something. */
  readonly history: readonly Message[] | undefined;
  /** What stands in `input` before its last element. */
  readonly earlier: readonly Message[];
  readonly session: string | undefined;
}

/** Checks a parsed body and takes it apart; throws 400 (api-server §9.1). */
export function readRunRequest(body: JsonObject): AskedRun {
  const { input } = body;
  if (isEmpty(input)) throw badRequest("Missing 'input' field", { param: 'input' });
  const fields = checked(runRequest, body);
  const elements = Array.isArray(input) ? (input as readonly unknown[]) : [input];
  const last = elements.at(-1);
  const brought = { ...nothingBrought(), newest: 'input' };
  const message = normalizeContent(contentOf(last), 'input', brought);
  if (!isVisible(message)) throw badRequest('No user message found in input', { param: 'input' });
  return {
    fields,
    input: message,
    brought,
    history: readHistory(fields.conversation_history)?.map(stringified),
    earlier: elements.slice(0, -1).flatMap(earlier),
    session: sessionOf(fields),
  };
}

const isEmpty = (input: unknown) =>
  input === undefined ||
  input === null ||
  input === '' ||
  input === 0 ||
  input === false ||
  (Array.isArray(input) && input.length === 0);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const contentOf = (element: unknown) => (isObject(element) ? element.content : element);

/** Text parts of one earlier message are joined with a space; everything else in it is left out. */
function earlier(element: unknown): Message[] {
  const raw = contentOf(element);
  const content = Array.isArray(raw)
    ? raw
        .map((part: unknown) => flattenText([part]))
        .filter((text) => text !== '')
        .join(' ')
    : flattenText(raw);
  if (content === '') return [];
  return [{ role: isObject(element) && element.role === 'assistant' ? 'assistant' : 'user', content }];
}

const stringified = (message: Message): Message =>
  message.role === 'user' ? { role: 'user', content: textOf(message.content) } : message;

/** Ids end up in file names of logs and exports. */
function sessionOf({ session_id }: RunRequest): string | undefined {
  const id = session_id?.trim() ?? '';
  if (id === '') return undefined;
  if (/[\u0000-\u001f\u007f/\\]|\.\./.test(id))
    throw badRequest('Invalid session ID', { param: 'session_id' });
  if (id.length > 256) throw badRequest('Session ID too long', { param: 'session_id' });
  return id;
}

/** The `Idempotency-Key` header; undefined without one. Throws 400. */
export function readIdempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\u0021-\u007e]{1,255}$/.test(key)) return key;
  throw badRequest('Idempotency-Key must be 1-255 visible ASCII characters', {
    code: 'invalid_idempotency_key',
  });
}

/** Equal for bodies that say the same, in whatever order and with whatever blanks they were written. */
export function fingerprintOfRun(body: JsonObject, sessionKey: string | undefined): string {
  const text = JSON.stringify([canonical(body), sessionKey ?? null]);
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, canonical(value[name])]));
}
