/** One question until it has its answer: sends it, reads the stream, and goes on after what goes wrong on the way. */
import { back, call, Refusal, sleep, Unreachable } from './gateway.js';
import { readEvents } from './sse.js';

/**
 * @typedef {{ tool: string, emoji: string, label: string, id: string, state: 'running' | 'completed' }} Tool
 * @typedef {{ model: string, tokens: number | undefined, cut: boolean }} End `cut`: the model stopped at its limit.
 * @typedef {'unreachable' | 'broken' | 'restarting' | 'busy'} Why
 * @typedef {object} Listener
 * @property {() => void} begin A stream begins. What an earlier one wrote is replaced by what comes now.
 * @property {(text: string) => void} text
 * @property {(text: string) => void} thought Only if the gateway shows the model's reasoning.
 * @property {(tool: Tool) => void} tool
 * @property {(text: string) => void} note
 * @property {(why: Why) => void} waiting Nothing to do but to wait; goes on by itself.
 * @property {(refusal: Refusal) => Promise<void>} locked Resolves when there is a key to try.
 */

/** The gateway sends a comment every 10 s. */
const silenceMs = 45_000;
/** Streams that may break before a person is asked: each repetition may cost what an answer costs. */
const mostBreaks = 4;
/** Refusals that pass: draining, a full disk, too many answers at once. */
const mostWaits = 60;

/** The answer ended with an error of the model or the agent. */
export class Failed extends Error {}

/**
 * A repeated request has the key and the body of the first one, so the gateway answers it from the same turn, or runs
 * the turn again when it had no end: one question never has two answers.
 * @param {{ body: string, question: string, session: string | undefined }} request `question` is the Idempotency-Key.
 * @param {Listener} listener
 * @param {AbortSignal} signal Rejects with its reason; the gateway then ends the turn.
 * @returns {Promise<End>} Rejects with Failed or Refusal when only a person can go on.
 */
export async function ask(request, listener, signal) {
  let breaks = 0;
  let waits = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await once(request, listener, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Unreachable) {
        listener.waiting('unreachable');
        await back(signal);
      } else if (error instanceof Broken) {
        breaks += 1;
        if (breaks > mostBreaks) throw new Failed('The connection broke again and again.', { cause: error });
        listener.waiting(error.why);
        await back(signal);
      } else if (error instanceof Refusal && error.isAboutKey) {
        await listener.locked(error);
      } else if (error instanceof Refusal && (error.status === 429 || error.status === 503)) {
        waits += 1;
        if (waits > mostWaits) throw error;
        listener.waiting(error.status === 429 ? 'busy' : 'restarting');
        await sleep(Math.min(Math.max(error.waitMs, 1_000), 30_000), signal);
      } else {
        throw error;
      }
    }
  }
}

/** The stream ended before the answer did. */
class Broken extends Error {
  /** @param {Why} why @param {unknown} [cause] */
  constructor(why, cause) {
    super('The stream broke.', { cause });
    this.why = why;
  }
}

/**
 * @param {Parameters<typeof ask>[0]} request
 * @param {Listener} listener
 * @param {AbortSignal} signal
 * @returns {Promise<End>}
 */
async function once({ body, question, session }, listener, signal) {
  const response = await call('v1/chat/completions', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Idempotency-Key': question,
      ...(session === undefined ? {} : { 'X-Hermes-Session-Id': session }),
    },
    body,
    signal,
  });
  const model = response.headers.get('X-Hermes-Model') ?? '';
  listener.begin();
  if (response.body === null) throw new Broken('broken');
  /** @type {End | undefined} */
  let end;
  try {
    for await (const { event, data } of readEvents(response.body, silenceMs)) {
      if (data === '[DONE]') break;
      end = take(event, parse(data), listener, model) ?? end;
    }
  } catch (error) {
    if (error instanceof Failed || error instanceof Broken) throw error;
    throw new Broken('broken', error);
  }
  if (end === undefined) throw new Broken('broken');
  return end;
}

/** @typedef {Readonly<Record<string, any>>} Json */

/** @param {string} data @returns {Json} */
function parse(data) {
  const value = JSON.parse(data);
  return typeof value === 'object' && value !== null ? value : {};
}

/**
 * One frame of the stream.
 * @param {string} event
 * @param {Json} frame
 * @param {Listener} listener
 * @param {string} model
 * @returns {End | undefined} Set by the frame that ends the answer.
 */
function take(event, frame, listener, model) {
  if (event === 'hermes.tool.progress') {
    listener.tool({
      tool: String(frame.tool ?? ''),
      emoji: String(frame.emoji ?? ''),
      label: String(frame.label ?? ''),
      id: String(frame.toolCallId ?? ''),
      state: frame.status === 'completed' ? 'completed' : 'running',
    });
    return undefined;
  }
  if (event === 'hermes.status') {
    if (frame.kind === 'warning' && typeof frame.text === 'string') listener.note(frame.text);
    return undefined;
  }
  const choice = frame.choices?.[0];
  const text = choice?.delta?.content;
  if (typeof text === 'string' && text !== '') listener.text(text);
  const thought = choice?.delta?.reasoning_content;
  if (typeof thought === 'string' && thought !== '') listener.thought(thought);
  if (typeof choice?.finish_reason !== 'string') return undefined;
  if (choice.finish_reason === 'error') throw failure(frame);
  const tokens = frame.usage?.total_tokens;
  return {
    model,
    tokens: typeof tokens === 'number' ? tokens : undefined,
    cut: choice.finish_reason === 'length',
  };
}

/**
 * This page interrupts by leaving, so an interrupted answer that it still reads was ended by a gateway that stops.
 * @param {Json} frame
 */
function failure(frame) {
  if (frame.hermes?.partial === true && frame.hermes?.failed === false) return new Broken('restarting');
  const message = frame.error?.message ?? frame.hermes?.error;
  return new Failed(typeof message === 'string' ? message : 'The agent could not finish its answer.');
}
