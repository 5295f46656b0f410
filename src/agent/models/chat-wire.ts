/**
 * Chat Completions without a provider package: one request, one pass over its bytes, one event per delta. The stream
 * never throws. docs/decisions/010 says why this wire format has a client of its own.
 */
import type { Clock } from '../../core/clock.ts';
import { version } from '../../version.ts';
import type { Model, ModelCall, ModelEvent } from '../contract.ts';
import { ChatAnswer } from './chat-wire-answer.ts';
import { chatRequest } from './chat-wire-body.ts';
import { drain, frameReader, readWhole, refusal } from './chat-wire-read.ts';
import type { Send, WireRequest, WireResponse } from './chat-wire-send.ts';
import { cut, failureOf } from './failure.ts';
import { timeoutsOf } from './request.ts';
import { type Endpoint, keyless } from './resolve.ts';
import { BadResponse, watch } from './watch.ts';

export function chatModel(endpoint: Endpoint, clock: Clock, send: Send): Model {
  return {
    name: endpoint.model,
    provider: endpoint.provider,
    isDemo: false,
    vision: endpoint.vision,
    stream: (call, signal) => stream(call, signal, endpoint, clock, send),
  };
}

async function* stream(
  call: ModelCall,
  signal: AbortSignal,
  endpoint: Endpoint,
  clock: Clock,
  send: Send,
): AsyncGenerator<ModelEvent> {
  const issuer = `${endpoint.provider} ${endpoint.baseUrl}`;
  const guard = watch(clock, signal, timeoutsOf(call, endpoint));
  const answer = new ChatAnswer(issuer, clock);
  const events: ModelEvent[] = [];
  let response: WireResponse | undefined;
  let isWhole = false;
  try {
    signal.throwIfAborted();
    response = await sent(send, {
      url: `${endpoint.baseUrl}/chat/completions`,
      headers: headers(endpoint),
      body: chatRequest(call, endpoint, issuer, guard.signal),
      signal: guard.signal,
    });
    guard.byte();
    if (response.status < 200 || response.status > 299) throw await refusal(response, guard);
    if (isOneJson(response)) answer.takeWhole(await readWhole(response, guard), events);
    else {
      const next = frameReader(response, guard);
      for (let frames = await next(); frames !== undefined; frames = await next()) {
        for (const frame of frames) {
          if (answer.take(frame, events)) guard.content();
          for (const event of events) yield event;
          events.length = 0;
          guard.signal.throwIfAborted();
        }
      }
    }
    if (answer.isComplete) {
      answer.end(events);
      isWhole = true;
      yield* events;
    } else yield { type: 'error', failure: cut(answer) };
  } catch (error) {
    // A time-out surfaces as whatever the broken connection threw; the guard's reason says what it was.
    const failure = failureOf(guard.signal.aborted ? guard.signal.reason : error, {
      secrets: endpoint.apiKey === keyless ? [] : [endpoint.apiKey],
      signal,
      now: clock.now(),
      inToolCall: answer.inToolCall,
    });
    yield { type: 'error', failure };
  } finally {
    guard.stop();
    if (isWhole && response !== undefined) void drain(response, clock);
    else response?.close();
  }
}

function headers({ apiKey }: Endpoint): Record<string, string> {
  return {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'text/event-stream, application/json',
    // Nothing here unpacks, and compressing a stream would only delay its deltas.
    'accept-encoding': 'identity',
    'user-agent': `hermes-gateway/${version}`,
  };
}

/** The connection failed before a response; `failure.ts` knows such errors by this mark. */
class NotConnected extends Error {
  readonly isRetryable = true;
}

async function sent(send: Send, request: WireRequest): Promise<WireResponse> {
  try {
    return await send(request);
  } catch (cause) {
    const { message, code } = cause as { readonly message?: string; readonly code?: string };
    throw new NotConnected(`Cannot connect to the provider: ${message || code || 'no reason given'}`, {
      cause,
    });
  }
}

/** A provider that does not stream answers with one JSON object. What cannot be an answer at all is refused. */
function isOneJson({ headers, status }: WireResponse): boolean {
  const type = String(headers['content-type'] ?? '');
  const encoding = headers['content-encoding'] ?? 'identity';
  if (/html/i.test(type))
    throw new BadResponse(`The provider answered with ${type} instead of an event stream.`, status);
  if (encoding !== 'identity')
    throw new BadResponse(`The provider answered in the encoding ${String(encoding)} unasked.`, status);
  return /application\/json/i.test(type);
}
