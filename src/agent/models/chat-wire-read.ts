/** What comes back from a chat endpoint, bounded: the frames of a stream, a whole text, or a refusal. */

import type { Clock } from '../../core/clock.ts';
import type { WireResponse } from './chat-wire-send.ts';
import { eventData } from './chat-wire-sse.ts';
import { BadResponse, type Watch } from './watch.ts';

/** Bytes of one answer; far above any real one. */
const largestResponse = 64 * 1024 * 1024;
/** Bytes of a refusal that are read; what follows cannot be of interest. */
const largestRefusal = 256 * 1024;

/** Behind the end mark no more than this is waited for, in bytes and milliseconds. */
const rest = { bytes: 64 * 1024, ms: 1_000 };

const endMark = '[DONE]';

/** The connection broke inside the body. `failure.ts` reads the status as "an answer had begun". */
class BrokenBody extends Error {
  readonly statusCode = 200;
}

/** An answer with a status that is no success, in the shape `failure.ts` reads. */
class Refused extends Error {
  readonly statusCode: number;
  readonly responseHeaders: WireResponse['headers'];
  readonly responseBody: string;
  constructor({ status, statusText, headers }: WireResponse, body: string) {
    super(statusText || `The provider answered with the status ${status}.`);
    this.name = 'Refused';
    this.statusCode = status;
    this.responseHeaders = headers;
    this.responseBody = body;
  }
}

/**
 * Reads the data of the events that arrive next; undefined = the end mark or the end of the body. The list is empty
 * when bytes came and no event is complete.
 */
export function frameReader(
  response: WireResponse,
  guard: Watch,
): () => Promise<readonly string[] | undefined> {
  const events = eventData();
  let total = 0;
  let ended = false;
  return async () => {
    if (ended) return undefined;
    const bytes = await received(response, guard);
    if (bytes === undefined) {
      ended = true;
      return events.end().filter(isWhole);
    }
    total += bytes.length;
    if (total > largestResponse) throw tooLarge();
    const frames = events.push(bytes);
    const mark = frames.indexOf(endMark);
    if (mark < 0) return frames;
    ended = true;
    return frames.slice(0, mark);
  };
}

export async function readWhole(response: WireResponse, guard: Watch): Promise<string> {
  const { bytes, isCut } = await upTo(largestResponse, response, guard);
  if (isCut) throw tooLarge();
  return bytes.toString('utf8');
}

/** The error to throw for an answer that is not a success; redirects are among them. */
export async function refusal(response: WireResponse, guard: Watch): Promise<Error> {
  const body = await upTo(largestRefusal, response, guard).catch((error: unknown) => {
    if (guard.signal.aborted) throw error;
    return undefined;
  });
  return new Refused(response, body?.bytes.toString('utf8') ?? '');
}

/**
 * Reads what is left of a complete answer, as a rule nothing but the end of the body, so that its connection serves the
 * next call. A provider that never ends the body loses the connection. Never rejects.
 */
export async function drain(response: WireResponse, clock: Clock): Promise<void> {
  const cancel = clock.after(rest.ms, () => response.close());
  try {
    for (let left = rest.bytes; left > 0; ) {
      const bytes = await response.read();
      if (bytes === undefined) break;
      left -= bytes.length;
    }
  } catch {
    // The answer is complete; its connection is of no further use.
  } finally {
    cancel();
    response.close();
  }
}

async function upTo(limit: number, response: WireResponse, guard: Watch) {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const bytes = await received(response, guard);
    if (bytes !== undefined) pieces.push(bytes);
    total += bytes?.length ?? 0;
    if (bytes === undefined || total > limit)
      return { bytes: Buffer.concat(pieces), isCut: bytes !== undefined };
  }
}

async function received(response: WireResponse, guard: Watch): Promise<Uint8Array | undefined> {
  try {
    const bytes = await response.read();
    guard.byte();
    return bytes;
  } catch (cause) {
    throw new BrokenBody('The connection broke inside the answer.', { cause });
  }
}

/** The last frame may lack its blank line, and then it may also be half a frame. */
function isWhole(data: string): boolean {
  if (data === endMark) return false;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

function tooLarge(): BadResponse {
  return new BadResponse(`The provider sent more than ${largestResponse} bytes.`, 200);
}
