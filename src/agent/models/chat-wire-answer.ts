/**
 * The answer of a chat model while its frames arrive: text, reasoning and refusals go out at once, tool calls and
 * opaque fields are gathered until the end. Fields of a wrong type are passed over; a frame that is no completion
 * chunk at all is a failure.
 */
import type { Clock } from '../../core/clock.ts';
import { noUsage, type Usage } from '../../core/message.ts';
import type { ModelEvent } from '../contract.ts';
import { CallFragments, type Fragment } from './chat-wire-calls.ts';
import type { Opaque } from './convert.ts';
import { ReasoningDetails } from './quirks.ts';
import { scrubber } from './scrub.ts';
import { BadResponse } from './watch.ts';

type Fields = Readonly<Record<string, unknown>>;
type Reason = Extract<ModelEvent, { type: 'finish' }>['reason'];

/** The `error` object of a frame, in the shape `failure.ts` reads. */
export class ProviderError extends Error {
  readonly code: unknown;
  readonly data: { readonly error: unknown };
  constructor(error: unknown) {
    const fields = object(error) ?? { message: String(error) };
    super('The provider reported an error.');
    this.name = 'ProviderError';
    const code = fields['code'];
    this.code = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
    this.data = { error: fields };
  }
}

const reasons: Readonly<Record<string, Reason>> = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content-filter',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
};

export class ChatAnswer {
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #scrub = scrubber();
  readonly #calls = new CallFragments();
  #reason: string | undefined;
  #refused = false;
  #usage: Fields | undefined;
  #details: ReasoningDetails | undefined;
  /** Opaque data of the message itself; the newest value holds. */
  #extra: unknown;

  constructor(issuer: string, clock: Clock) {
    this.#issuer = issuer;
    this.#clock = clock;
  }

  get inToolCall(): boolean {
    return this.#calls.started;
  }

  /** The provider said how the answer ends. Without that it was cut. */
  get isComplete(): boolean {
    return this.#reason !== undefined;
  }

  /** Reads one frame of a stream and appends what it says. True = it brought the answer forward. */
  take(data: string, out: ModelEvent[]): boolean {
    return this.#read(parsed(data), 'delta', out);
  }

  /** Reads the answer of a provider that does not stream. */
  takeWhole(body: string, out: ModelEvent[]): void {
    this.#read(parsed(body), 'message', out);
  }

  /** What is left after the last frame, `finish` included. Only for an answer that is complete. */
  end(out: ModelEvent[]): void {
    const rest = this.#scrub.end();
    if (rest.text !== '') out.push({ type: 'text', text: rest.text });
    if (rest.reasoning !== '') out.push({ type: 'reasoning', text: rest.reasoning });
    const calls = this.#calls.finished(this.#issuer, this.#clock);
    if (calls === undefined) throw new BadResponse('The provider sent a tool call without a name.', 200);
    for (const call of calls) out.push({ type: 'tool-call', call });
    const known = reasons[this.#reason ?? ''] ?? 'other';
    const opaque = this.#opaque();
    out.push({
      type: 'finish',
      // OpenAI ends a refusal like any other answer.
      reason: known === 'stop' && this.#refused ? 'content-filter' : known,
      usage: usageOf(this.#usage),
      ...(opaque && { meta: { provider: this.#issuer, data: opaque } }),
    });
  }

  #read(frame: Fields, place: 'delta' | 'message', out: ModelEvent[]): boolean {
    if (frame['error']) throw new ProviderError(frame['error']);
    // The error object of older vLLM servers stands alone in its frame.
    if (frame['object'] === 'error') throw new ProviderError(frame);
    const usage = object(frame['usage']);
    if (usage !== undefined) this.#usage = usage;
    const choices = frame['choices'];
    if (!Array.isArray(choices)) {
      if (usage === undefined) throw malformed();
      return false;
    }
    const choice = object(choices[0]);
    if (choice === undefined) return false;
    const reason = choice['finish_reason'];
    if (typeof reason === 'string' && reason !== '') this.#reason = reason;
    const delta = object(choice[place]);
    return delta !== undefined && this.#say(delta, out);
  }

  #say(delta: Fields, out: ModelEvent[]): boolean {
    const before = out.length;
    let hasMore = false;
    const reasoning = delta['reasoning_content'] ?? delta['reasoning'];
    if (typeof reasoning === 'string' && reasoning !== '') out.push({ type: 'reasoning', text: reasoning });
    const content = delta['content'];
    if (typeof content === 'string') {
      if (content !== '') hasMore = this.#text(content, out);
    } else if (Array.isArray(content)) {
      for (const part of content) hasMore = this.#part(part, out) || hasMore;
    }
    const refusal = delta['refusal'];
    if (typeof refusal === 'string' && refusal !== '') {
      this.#refused = true;
      hasMore = this.#text(refusal, out);
    }
    const calls = delta['tool_calls'];
    if (Array.isArray(calls) && calls.length > 0) {
      hasMore = true;
      for (const fragment of calls) if (object(fragment)) this.#calls.add(fragment as Fragment);
    }
    const details = delta['reasoning_details'];
    if (Array.isArray(details) && details.length > 0 && details.every((piece) => object(piece))) {
      hasMore = true;
      this.#details ??= new ReasoningDetails();
      this.#details.add({ choices: [{ delta: { reasoning_details: details } }] });
    }
    this.#extra = delta['extra_content'] ?? this.#extra;
    return hasMore || out.length > before;
  }

  #text(content: string, out: ModelEvent[]): true {
    const { text, reasoning } = this.#scrub.push(content);
    if (reasoning !== '') out.push({ type: 'reasoning', text: reasoning });
    if (text !== '') out.push({ type: 'text', text });
    return true;
  }

  /** Mistral's content parts. */
  #part(part: unknown, out: ModelEvent[]): boolean {
    const fields = object(part);
    if (fields?.['type'] === 'text' && typeof fields['text'] === 'string')
      return this.#text(fields['text'], out);
    if (fields?.['type'] !== 'thinking' || !Array.isArray(fields['thinking'])) return false;
    for (const piece of fields['thinking']) {
      const text = object(piece)?.['text'];
      if (typeof text === 'string' && text !== '') out.push({ type: 'reasoning', text });
    }
    return true;
  }

  #opaque(): Opaque | undefined {
    const list = this.#details?.list;
    if (list === undefined && this.#extra === undefined) return undefined;
    const options = { openaiCompatible: { extra_content: this.#extra as null } };
    return {
      ...(list && { reasoningDetails: list }),
      ...(this.#extra !== undefined && { blocks: [{ type: 'text', options }] }),
    };
  }
}

/** Input is the whole prompt, cached tokens included (agent-runtime §21 case 26). */
function usageOf(usage: Fields | undefined): Usage {
  if (usage === undefined) return noUsage;
  return {
    ...noUsage,
    input: count(usage['prompt_tokens']),
    output: count(usage['completion_tokens']),
    cacheRead: count(object(usage['prompt_tokens_details'])?.['cached_tokens']),
    reasoning: count(object(usage['completion_tokens_details'])?.['reasoning_tokens']),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

function parsed(data: string): Fields {
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    throw malformed();
  }
  return object(frame) ?? fault();
}

function fault(): never {
  throw malformed();
}

function malformed(): BadResponse {
  return new BadResponse('The provider sent a frame that is not valid.', 200);
}

function object(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
