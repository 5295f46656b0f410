/**
 * One model request of a turn with everything that may go wrong behind it: one-shot fixes, retries, fallback
 * (agent-runtime §3, §4). What comes out is an answer, a failure to report, or an interruption.
 */
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { noUsage, type ProviderMeta, type ToolCall, type Usage } from '../core/message.ts';
import type { Chain } from './chain.ts';
import { classify, type OneShotFix, summary, type Verdict } from './classify.ts';
import type { ModelCall, ModelEvent, ModelFailure } from './contract.ts';
import type { Delivery } from './delivery.ts';
import { type Fixes, fixed, mends } from './fixes.ts';
import { cutInToolCall } from './models/failure.ts';
import { backoffMs } from './retry.ts';
import { toCaller } from './wording.ts';

/** Calls repeated at once, before the retry loop counts, when a connection fails before the first delta. */
const silentReopens = 2;

export interface Answer {
  readonly kind: 'answer';
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  /** `cut`: the stream broke after text had been delivered; like `length`, it is to be continued. */
  readonly reason: 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other' | 'cut';
  readonly usage: Usage;
  readonly meta?: ProviderMeta;
}

export type Outcome =
  | Answer
  | { readonly kind: 'failed'; readonly verdict: Verdict; readonly message: string; readonly text: string }
  | { readonly kind: 'interrupted'; readonly text: string };

export interface Caller {
  readonly chain: Chain;
  readonly delivery: Delivery;
  /** Fixes already made in this turn; each is tried once. */
  readonly fixes: Fixes;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly attempts: number;
  readonly trace: string;
  reasoning(delta: string): void;
  /** A wish of the caller that is not met. */
  warn(text: string): void;
  /** Called once per request that reached a model with an answer. */
  counted(usage: Usage): void;
}

/** Never rejects. Text reaches the caller's delivery while it streams. */
export async function request(call: ModelCall, caller: Caller): Promise<Outcome> {
  const { chain, delivery, clock, signal } = caller;
  let failedCalls = 0;
  let calls = 0;
  let reopens = 0;
  for (;;) {
    if (signal.aborted) return { kind: 'interrupted', text: delivery.current };
    const attempt = await once(fixed(call, caller.fixes), caller);
    calls++;
    if (!('failure' in attempt)) return attempt;
    const { failure } = attempt;
    const verdict = classify(failure);
    if (verdict.class === 'aborted' || signal.aborted) return { kind: 'interrupted', text: delivery.current };
    caller.log('warn', 'model.failed', {
      trace: caller.trace,
      model: chain.current.name,
      provider: chain.current.provider,
      class: verdict.class,
      message: summary(failure),
    });
    const inToolCall = failure.code === cutInToolCall;
    const text = delivery.current;
    if (verdict.retry && delivery.spoke && !inToolCall) return cutAnswer(text, attempt.reasoning);
    delivery.again();
    if (verdict.fix !== undefined && mends(verdict.fix, call) && firstTime(caller.fixes, verdict.fix)) {
      if (verdict.fix === 'format-by-words') caller.warn(toCaller.formatByWords);
      continue;
    }
    if (verdict.coolDown) chain.coolDown();
    if (failure.transport && verdict.retry && reopens < silentReopens) {
      reopens++;
      continue;
    }
    failedCalls++;
    const used = failedCalls >= caller.attempts;
    const switches = verdict.fallback === 'now' || (verdict.fallback === 'after' && (used || !verdict.retry));
    if (switches && chain.advance()) {
      failedCalls = 0;
      reopens = 0;
      continue;
    }
    if (!verdict.retry || used) {
      return { kind: 'failed', verdict, message: finalMessage(verdict, failure, calls), text };
    }
    await clock.sleep(backoffMs(failedCalls, failure, verdict.class, clock), signal);
  }
}

type Attempt = Answer | { readonly failure: ModelFailure; readonly reasoning: string };

async function once(call: ModelCall, caller: Caller): Promise<Attempt> {
  const { delivery } = caller;
  const reasoning: string[] = [];
  const calls: ToolCall[] = [];
  let last: Extract<ModelEvent, { type: 'finish' | 'error' }> | undefined;
  for await (const event of caller.chain.current.stream(call, caller.signal)) {
    switch (event.type) {
      case 'text':
        delivery.text(event.text);
        break;
      case 'reasoning':
        reasoning.push(event.text);
        caller.reasoning(event.text);
        break;
      case 'tool-call':
        calls.push(event.call);
        break;
      case 'warning':
        caller.warn(event.text);
        break;
      default:
        last = event;
    }
  }
  if (last === undefined) return { failure: { message: 'The model stream had no end.' }, reasoning: '' };
  if (last.type === 'error') return { failure: last.failure, reasoning: reasoning.join('') };
  caller.counted(last.usage);
  const text = delivery.current;
  if (last.reason === 'content-filter' && text === '' && calls.length === 0) {
    return {
      failure: { code: 'content_filter', message: 'The provider blocked the answer.' },
      reasoning: '',
    };
  }
  return {
    kind: 'answer',
    text,
    reasoning: reasoning.join(''),
    calls,
    reason: last.reason,
    usage: last.usage,
    ...(last.meta && { meta: last.meta }),
  };
}

function cutAnswer(text: string, reasoning: string): Answer {
  return { kind: 'answer', text, reasoning, calls: [], reason: 'cut', usage: noUsage };
}

function firstTime(fixes: Set<OneShotFix>, fix: OneShotFix): boolean {
  if (fixes.has(fix)) return false;
  fixes.add(fix);
  return true;
}

function finalMessage(verdict: Verdict, failure: ModelFailure, calls: number): string {
  const detail = summary(failure);
  switch (verdict.class) {
    case 'billing':
      return `Billing or credits exhausted: ${detail}`;
    case 'context_overflow':
    case 'payload_too_large':
      return `The conversation is too long for the model (${detail}). Use /compress to shorten it or /new to start again.`;
    default:
      return verdict.retry ? `API call failed after ${calls} retries: ${detail}` : detail;
  }
}
