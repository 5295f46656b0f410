/** Whatever a provider package throws or streams as an error → the plain facts of a `ModelFailure`. */
import type { ModelFailure } from '../contract.ts';
import { BadResponse, StreamTimeout } from './watch.ts';

/** Longest failure text that is kept; classification reads it, people see less. */
const longestMessage = 2_000;

/** The stream ended without the provider's own end. The loop reads which of the two it was. */
export const cutCode = 'stream_cut';
export const cutInToolCall = 'stream_cut_in_tool_call';
/** A response that cannot be understood. */
export const malformedCode = 'malformed_response';

export interface FailureContext {
  /** Values that must not appear in the message. */
  readonly secrets: readonly string[];
  /** The caller's signal, to tell an interruption from a time-out. */
  readonly signal: AbortSignal;
  /** UTC milliseconds, for `Retry-After` dates. */
  readonly now: number;
  /** A tool call had begun and was not complete. */
  readonly inToolCall: boolean;
}

export function failureOf(error: unknown, context: FailureContext): ModelFailure {
  if (context.signal.aborted) return { message: 'Interrupted.', aborted: true };
  const chain = causes(error);
  const timeout = chain.find((item) => item instanceof StreamTimeout);
  if (timeout !== undefined)
    return { code: `timeout_${timeout.kind}`, message: timeout.message, transport: true };
  const bad = chain.find((item) => item instanceof BadResponse);
  if (bad !== undefined) return { code: malformedCode, message: bad.message };

  const facts = fields(error);
  if (facts === undefined) return { message: clean(String(error), context) };
  const name = String(facts['name'] ?? '');
  const status = numeric(facts['statusCode']) ?? numeric(facts['status']) ?? numeric(facts['code']);
  const failed = status !== undefined && status >= 300;
  if (!failed && /JSONParse|TypeValidation/.test(name)) {
    return { code: malformedCode, message: 'The provider sent a frame that is not valid.' };
  }
  if (!failed && /InvalidResponseData|EmptyResponseBody/.test(name)) return cut(context);
  const body = bodyFacts(facts);
  const message = clean(describe(facts, body), context);
  const code = text(body?.['code']) ?? text(facts['code']) ?? text(body?.['type']) ?? text(facts['type']);
  const retryAfterMs = retryAfter(facts['responseHeaders'], context.now);
  if (failed) {
    return {
      status,
      message,
      ...(code !== undefined && { code }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  // No HTTP failure: the connection never came up, or broke while the body was read.
  if (status === 200) return cut(context);
  const isNetwork = chain.some((item) => networkCode(item) !== undefined) || facts['isRetryable'] === true;
  return {
    message,
    ...(code !== undefined && { code }),
    ...(isNetwork && { transport: true }),
  };
}

/** A clean end of the response before the provider's own end-of-answer mark. */
export function cut(context: Pick<FailureContext, 'inToolCall'>): ModelFailure {
  return {
    code: context.inToolCall ? cutInToolCall : cutCode,
    message: 'The connection to the provider was lost in the middle of the answer.',
    transport: true,
  };
}

type Facts = Readonly<Record<string, unknown>>;

function fields(value: unknown): Facts | undefined {
  return typeof value === 'object' && value !== null ? (value as Facts) : undefined;
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (
    let item = error;
    item !== undefined && item !== null && chain.length < 8;
    item = fields(item)?.['cause']
  ) {
    chain.push(item);
  }
  return chain;
}

function networkCode(error: unknown): string | undefined {
  const code = fields(error)?.['code'];
  return typeof code === 'string' && /^(E[A-Z]+|UND_ERR_\w+)$/.test(code) ? code : undefined;
}

/** The `error` object of the vendor's body, where there is one. */
function bodyFacts(facts: Facts): Facts | undefined {
  const data = fields(facts['data']) ?? parsed(facts['responseBody']);
  return fields(data?.['error']) ?? data;
}

function parsed(body: unknown): Facts | undefined {
  if (typeof body !== 'string' || !body.trimStart().startsWith('{')) return undefined;
  try {
    return fields(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** `error.message`, the HTML title of an error page, and the upstream text that OpenRouter nests in its metadata. */
function describe(facts: Facts, body: Facts | undefined): string {
  const page = text(facts['responseBody']);
  const title = page?.trimStart().startsWith('<') ? /<title>([^<]*)/i.exec(page)?.[1]?.trim() : undefined;
  const main = text(body?.['message']) ?? title ?? text(facts['message']) ?? 'The provider gave no reason.';
  const raw = text(fields(body?.['metadata'])?.['raw']);
  return raw === undefined || main.includes(raw) ? main : `${main} (${raw})`;
}

function clean(message: string, { secrets }: FailureContext): string {
  let out = message.slice(0, longestMessage);
  for (const secret of secrets) {
    if (secret.length >= 6) out = out.replaceAll(secret, '***');
  }
  return out
    .replace(/\b(sk|key|pk|gsk|xai)-[A-Za-z0-9_-]{8,}/g, '$1-***')
    .replace(/\bBearer\s+\S+/gi, 'Bearer ***');
}

/** `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date. */
function retryAfter(headers: unknown, now: number): number | undefined {
  const values = fields(headers);
  const ms = Number(text(values?.['retry-after-ms']) ?? Number.NaN);
  if (ms >= 0) return ms;
  const header = text(values?.['retry-after']);
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numeric(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 100 && value <= 599 ? value : undefined;
}
