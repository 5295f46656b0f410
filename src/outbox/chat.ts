/** Delivers the parts of one chat, one after another: pace → mark → call → record. */
import type { Clock } from '../core/clock.ts';
import { reach } from '../core/fault.ts';
import { brand, type ChatId, type PartKey, type ThreadId } from '../core/ids.ts';
import type { Address } from '../core/inbound.ts';
import type { Log } from '../core/log.ts';
import { NotSent, type Outcome } from '../core/outcome.ts';
import type { Part, PartOp } from '../platforms/contract.ts';
import { headPart, markAttempting, requeuePart, settlePart } from '../store/queries/part.ts';
import type { Store } from '../store/store.ts';
import type { OutAccount } from './account.ts';
import { judge, type Verdict } from './settle.ts';

export interface ChatDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: OutAccount;
  /** Waits until the account's budget allows one more write to the chat. */
  pace(part: HeadPart, signal: AbortSignal): Promise<void>;
  /** The platform asked for quiet. */
  hold(scope: 'chat' | 'account', chat: string, ms: number): void;
  /** A part ended without being sent. */
  died(part: HeadPart, why: string): Promise<void>;
  /** The part has its last state. */
  settled(part: HeadPart): void;
}

export type HeadPart = NonNullable<Awaited<ReturnType<typeof head>>>;

/** Longest one platform write may take. */
const callTimeoutMs = 60_000;

/**
 * Sends until nothing is left or the head part has to wait; answers how long, or undefined when the chat is empty.
 * Store failures reject; the part is then still `queued` or `attempting` and nothing is lost.
 */
export async function deliverChat(
  deps: ChatDeps,
  chat: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  while (!signal.aborted) {
    const part = await head(deps, chat);
    if (part === undefined) return undefined;
    const wait = part.ready_at - deps.clock.now();
    if (wait > 0) return wait;
    if (part.state === 'attempting') {
      // Only a part of an earlier process can be met in this state.
      await record(
        deps,
        part,
        part.attempt,
        { kind: 'unknown', why: 'the process ended during the attempt' },
        true,
      );
      continue;
    }
    await deps.pace(part, signal);
    if (signal.aborted) return undefined;
    await attempt(deps, part, signal);
  }
  return undefined;
}

function head(deps: Pick<ChatDeps, 'store' | 'account'>, chat: string) {
  return deps.store.read.get(headPart, { account: deps.account.id, chat });
}

async function attempt(deps: ChatDeps, part: HeadPart, signal: AbortSignal): Promise<void> {
  const number = part.attempt + 1;
  const mark = part.mark === 'maybe_doubled' ? part.mark : null;
  reach('outbox:before-attempt');
  await deps.store.write((tx) => tx.run(markAttempting, { id: part.id, attempt: number, mark }));
  reach('outbox:attempting');
  const outcome = await call(
    deps,
    (timed) => deps.account.adapter.deliver(asPart(part, number), timed),
    signal,
  );
  reach('outbox:delivered');
  await record(deps, part, number, outcome, false);
  reach('outbox:recorded');
}

/** Never rejects: what the adapter throws is an outcome, too. */
async function call(
  deps: ChatDeps,
  run: (signal: AbortSignal) => Promise<Outcome>,
  signal: AbortSignal,
): Promise<Outcome> {
  const abort = new AbortController();
  const stop = () => abort.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const cancel = deps.clock.after(callTimeoutMs, () => abort.abort(new Error('no answer within 60 s')));
  // An adapter that ignores the signal must not hold the chat.
  const cutOff = new Promise<Outcome>((resolve) => {
    abort.signal.addEventListener(
      'abort',
      () =>
        void deps.clock.sleep(250).then(() => resolve({ kind: 'unknown', why: String(abort.signal.reason) })),
      { once: true },
    );
  });
  try {
    return await Promise.race([run(abort.signal), cutOff]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return error instanceof NotSent ? { kind: 'retry', scope: 'part', why } : { kind: 'unknown', why };
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
  }
}

async function record(
  deps: ChatDeps,
  part: HeadPart,
  number: number,
  outcome: Outcome,
  crashed: boolean,
): Promise<void> {
  const { store, clock, log, account } = deps;
  const op = JSON.parse(part.op) as PartOp;
  const policy = { idempotency: account.manifest.idempotency, onUnknown: account.block.onUnknown };
  const facts = {
    attempt: number,
    op,
    createdAt: part.created_at,
    mark: part.mark === 'maybe_doubled' ? part.mark : null,
    crashed,
  };
  let verdict = judge(outcome, facts, policy, clock.now(), clock.random());
  if (verdict.kind === 'look') verdict = await look(deps, part, number, verdict.why, facts);
  const now = clock.now();
  switch (verdict.kind) {
    case 'sent': {
      const { message, mark } = verdict;
      await store.write((tx) =>
        tx.run(settlePart, { id: part.id, state: 'sent', message, why: null, mark, now }),
      );
      deps.settled(part);
      log('debug', 'part.sent', { part: part.key, trace: part.trace, attempt: number });
      return;
    }
    case 'again': {
      const { why, mark, afterMs } = verdict;
      const next = { id: part.id, ready_at: now + afterMs, why, op: JSON.stringify(verdict.op), mark };
      await store.write((tx) => tx.run(requeuePart, next));
      if (verdict.hold !== 'part') deps.hold(verdict.hold, part.chat, afterMs);
      log(number === 1 ? 'warn' : 'debug', 'part.again', {
        part: part.key,
        trace: part.trace,
        attempt: number,
        why,
        afterMs,
      });
      return;
    }
    case 'dead': {
      const { why, mark } = verdict;
      await store.write((tx) =>
        tx.run(settlePart, { id: part.id, state: 'dead', message: null, why, mark, now }),
      );
      log('error', 'part.dead', { part: part.key, trace: part.trace, attempt: number, why });
      deps.settled(part);
      await deps.died(part, why);
      return;
    }
    case 'look':
      return;
  }
}

/** Asks the platform whether the part is there. When it cannot say, the next look is due after the back-off. */
async function look(
  deps: ChatDeps,
  part: HeadPart,
  number: number,
  why: string,
  facts: Parameters<typeof judge>[1],
): Promise<Verdict> {
  const { adapter } = deps.account;
  const policy = { idempotency: { kind: 'none' } as const, onUnknown: 'repeat' as const };
  const never = new AbortController().signal;
  const found: Outcome = adapter.find
    ? await call(deps, (signal) => adapter.find!(asPart(part, number), signal), never)
    : { kind: 'unknown', why };
  return judge(found, facts, policy, deps.clock.now(), deps.clock.random());
}

export function addressOf(part: Pick<HeadPart, 'chat' | 'thread'>): Address {
  const thread = part.thread === null ? {} : { thread: brand<ThreadId>(part.thread) };
  return { chat: brand<ChatId>(part.chat), ...thread };
}

function asPart(part: HeadPart, attempt: number): Part {
  return {
    key: brand<PartKey>(part.key),
    at: addressOf(part),
    attempt,
    op: JSON.parse(part.op) as PartOp,
  };
}
