/** One call of a Bot API method and what came back, as data. https://core.telegram.org/bots/api#making-requests */
import type { Deps } from '../contract.ts';
import { methodUrl, type TelegramConfig } from './config.ts';
import { integer, parseExact, printExact, record, text } from './wire.ts';

export type Answer =
  | { readonly kind: 'ok'; readonly result: unknown }
  /** The server refused: certainly nothing was done. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly description: string;
      readonly retryAfterMs?: number;
      readonly migrateTo?: string;
    }
  /** A server error or something that is no answer of the Bot API: the call may have been executed. */
  | { readonly kind: 'unclear'; readonly status: number; readonly why: string };

/** 100 updates of the largest kind are far below this. */
export const maxAnswerBytes = 32 * 1024 * 1024;

type Wire = Pick<Deps<TelegramConfig>, 'config' | 'fetch'>;

/**
 * Rejects with `NotSent` (nothing left), with the abort reason, or with a plain error when the connection broke on
 * the way: then the call may have been executed.
 */
export async function call(
  deps: Wire,
  method: string,
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await deps.fetch(methodUrl(deps.config, method), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: printExact(params),
    signal,
  });
  return readAnswer(response.status, response.headers, await readBounded(response, maxAnswerBytes));
}

/** `body` undefined = longer than allowed. */
export function readAnswer(status: number, headers: Headers, body: string | undefined): Answer {
  const parsed = body === undefined ? undefined : record(tryParse(body));
  if (status >= 200 && status < 300) {
    if (parsed?.['ok'] === true) return { kind: 'ok', result: parsed['result'] };
    return { kind: 'unclear', status, why: `HTTP ${status} without an answer of the Bot API` };
  }
  const description = text(parsed?.['description'])?.slice(0, 300) ?? `HTTP ${status}`;
  // 408: the server gave up waiting, which says nothing about what it had begun.
  if (status >= 500 || status === 408) return { kind: 'unclear', status, why: description };
  const parameters = record(parsed?.['parameters']);
  const migrateTo = integer(parameters?.['migrate_to_chat_id']);
  const seconds = parameters?.['retry_after'] ?? Number(headers.get('retry-after') ?? Number.NaN);
  return {
    kind: 'refused',
    status,
    description,
    ...(typeof seconds === 'number' && seconds >= 0 ? { retryAfterMs: Math.ceil(seconds * 1000) } : {}),
    ...(migrateTo === undefined ? {} : { migrateTo }),
  };
}

function tryParse(body: string): unknown {
  try {
    return parseExact(body);
  } catch {
    return undefined;
  }
}

/** The body as text, or undefined when it is longer than `max` bytes; then the rest is not read. */
async function readBounded(response: Response, max: number): Promise<string | undefined> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream and with it the connection.
    if (size > max) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
