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
import { type PartDraft, storeDrafts } from './draft.ts';
import { judge, type Verdict } from './settle.ts';

export interface ChatDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: OutAccount;
  /**
   * Waits until the account's budget allows one more write. Answers more than 0 when it is this chat that has to wait
   * so many milliseconds; then nothing was booked.
   */
  pace(part: HeadPart, signal: AbortSignal): Promise<number>;
  /** The platform asked for quiet. */
  hold(scope: 'chat' | 'account', chat: string, ms: number): void;
  /** What the chat reads about a part that ended without being sent; stored in the same commit as its end. */
  obituary(part: HeadPart): readonly PartDraft[];
  /** The part has its last state. */
  settled(part: HeadPart): void;
}

export type HeadPart = NonNullable<Awaited<ReturnType<typeof head>>>;

/** Longest one platform write may take. */
const callTimeoutMs = 60_000;
/** Pause between two tries to store what is known about a part. */
const storeRetryMs = 1_000;

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
    const now = deps.clock.now();
    // A clock that was set back to before the part was written must not hold it until then.
    if (part.ready_at > now && part.created_at <= now) return part.ready_at - now;
    if (part.state === 'attempting') {
      // Only a part of an earlier process can be met in this state.
      await record(
        deps,
        part,
        part.attempt,
        { kind: 'unknown', why: 'the process ended during the attempt' },
        true,
        signal,
      );
      continue;
    }
    const wait = await deps.pace(part, signal);
    if (signal.aborted) return undefined;
    if (wait > 0) return wait;
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
  const next = { id: part.id, attempt: number, mark };
  const marked = await insist(deps, signal, () => deps.store.write((tx) => tx.run(markAttempting, next)));
  // 0 = taken back meanwhile, by a relay whose sender was told so.
  if (marked !== 1) return;
  reach('outbox:attempting');
  const outcome = await call(
    deps,
    (timed) => deps.account.adapter.deliver(asPart(part, number), timed),
    signal,
  );
  reach('outbox:delivered');
  // Of an attempt that our own end cut off nothing is known, also not that the platform is slow.
  const cutOff = signal.aborted && outcome.kind === 'unknown';
  // While the process lives it knows what became of the attempt: forgetting it would send the part twice.
  await insist(deps, signal, () => record(deps, part, number, outcome, cutOff, signal));
  reach('outbox:recorded');
}

/** Repeats `store` until it succeeds; undefined = the process is ending and it did not. */
async function insist<T>(
  { clock, log, account }: ChatDeps,
  signal: AbortSignal,
  store: () => Promise<T>,
): Promise<T | undefined> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await store();
    } catch (error) {
      if (failures === 1) log('error', 'outbox.store', { account: account.id, error });
      if (signal.aborted) return undefined;
      await clock.sleep(storeRetryMs, signal);
    }
  }
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
  signal: AbortSignal,
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
  if (verdict.kind === 'look') verdict = await look(deps, part, number, verdict.why, facts, signal);
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
      const notice = deps.obituary(part);
      await store.write(async (tx) => {
        await tx.run(settlePart, { id: part.id, state: 'dead', message: null, why, mark, now });
        await storeDrafts(tx, notice, { turn: part.turn, trace: part.trace, now });
      });
      log('error', 'part.dead', { part: part.key, trace: part.trace, attempt: number, why });
      deps.settled(part);
      return;
    }
    case 'look':
      // Left as it is: the next start looks again.
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
  signal: AbortSignal,
): Promise<Verdict> {
  const { adapter } = deps.account;
  const policy = { idempotency: { kind: 'none' } as const, onUnknown: 'repeat' as const };
  if (signal.aborted) return { kind: 'look', why };
  const found: Outcome = adapter.find
    ? await call(deps, (timed) => adapter.find!(asPart(part, number), timed), signal)
    : { kind: 'unknown', why };
  if (signal.aborted && found.kind === 'unknown') return { kind: 'look', why };
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
