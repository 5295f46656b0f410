import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Caller } from '../auth/caller.ts';
import type { Access } from '../auth.ts';
import type { JsonObject } from '../body.ts';
import { badRequest } from '../errors.ts';
import type { Idempotency } from '../idempotency.ts';
import type { EndpointMedia } from '../media/load.ts';
import type { TargetDeps } from '../openclaw/target.ts';
import type { Runs } from '../runs.ts';
import { openSse, type SseLimits, type SseStream } from '../sse.ts';
import type { Archive, Chain } from './archive.ts';
import type { Frame, LiveResponse, LiveResponses } from './live.ts';
import { findReferences } from './references.ts';
import type { InputReader } from './request.ts';
import type { Seal } from './seal.ts';
import { openThoughts } from './thoughts.ts';

/** What every endpoint of the family needs before it knows who calls. */
export interface FamilyDeps extends TargetDeps {
  readonly access: Access;
  readonly runs: Runs;
  readonly idempotency: Idempotency;
  readonly defaultModel: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: SseLimits;
  readonly media: EndpointMedia;
  readonly live: LiveResponses;
  /** The same with the part of the store that belongs to one caller. */
  of(caller: Caller): ResponsesDeps;
}

/** What answering one request needs. */
export interface ResponsesDeps extends FamilyDeps {
  readonly caller: Caller;
  readonly archive: Archive;
  seal(): Promise<Seal>;
}

/**
 * Reads compaction and reasoning items with this server's seal, which is fetched only when a body has one, and references from
 * `chain`.
 */
export async function inputReader(
  deps: ResponsesDeps,
  body: JsonObject,
  chain: Pick<Chain, 'find'> = deps.archive,
): Promise<InputReader> {
  const { input } = body;
  const isSealed = (item: unknown) => {
    const { type, encrypted_content } = (item ?? {}) as Readonly<Record<string, unknown>>;
    return type === 'compaction' || (type === 'reasoning' && typeof encrypted_content === 'string');
  };
  const seal = Array.isArray(input) && input.some(isSealed) ? await deps.seal() : undefined;
  return {
    referenced: await findReferences(body, chain),
    id: (prefix) => `${prefix}_${deps.clock.hex(12)}`,
    compacted(sealed, param) {
      const text = seal?.open(sealed);
      if (text === undefined || openThoughts(text) !== undefined) {
        throw badRequest('The compaction item was not made by this server or was altered.', { param });
      }
      return text;
    },
    thoughts(sealed) {
      const text = seal?.open(sealed);
      return text === undefined ? undefined : openThoughts(text);
    },
  };
}

/** Ends a stream as its response ended: one that goes on in the next process is broken off, to be asked for again. */
export function endWith(live: LiveResponse, events: EventStream): void {
  void live.ended.then(() => (live.isSuspended ? events.cut() : events.done()));
}

const sseFrames = (frames: readonly Frame[]) =>
  frames.map(({ type, json }) => `event: ${type}\ndata: ${json}\n\n`).join('');

/** A stream of response events; `done` ends it with the literal last frame. */
export interface EventStream {
  write(frames: readonly Frame[]): void;
  done(): void;
  /** Breaks the connection: the stream has no end yet. */
  cut(): void;
}

export function openEvents(
  deps: ResponsesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  onGone: () => void,
): EventStream {
  const { clock, limits, log } = deps;
  const sse: SseStream = openSse(reply, {
    headers,
    clock,
    limits,
    onGone(why) {
      if (why === 'too slow') log('warn', 'api.slow_reader', { request: request.id });
      onGone();
    },
  });
  return {
    write: (frames) => sse.write(sseFrames(frames)),
    done() {
      sse.write('data: [DONE]\n\n');
      sse.end();
    },
    cut: () => void reply.raw.destroy(),
  };
}
