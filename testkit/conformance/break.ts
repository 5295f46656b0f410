/** Ways to break an adapter on purpose, for the tests that the kit notices. */
import type { Outcome } from '../../src/core/outcome.ts';
import type { Adapter, Deps, Intake } from '../../src/platforms/contract.ts';
import type { Conformance } from './descriptor.ts';

/** An adapter that is wrong somewhere, made of the right one. */
export type Broken<C> = (deps: Deps<C>, open: (deps: Deps<C>) => Adapter) => Adapter;

export interface Break<C> {
  /** "an adapter is caught …" */
  readonly by: string;
  /** Name of the item that has to notice. */
  readonly caught: string;
  readonly adapter: Broken<C>;
}

/** With some of its methods replaced; the others keep their object. */
export function but(adapter: Adapter, changes: Partial<Adapter>): Adapter {
  return {
    run: (intake, signal) => adapter.run(intake, signal),
    deliver: (part, signal) => adapter.deliver(part, signal),
    hint: async (chat, hint, signal) => adapter.hint?.(chat, hint, signal),
    ...changes,
  };
}

export function changed(intake: Intake, changes: Partial<Intake>): Intake {
  return {
    cursor: intake.cursor,
    cursorAt: intake.cursorAt,
    accept: (events, cursor) => intake.accept(events, cursor),
    relay: (event, waitMs) => intake.relay(event, waitMs),
    alive: () => intake.alive(),
    connected: () => intake.connected(),
    ...changes,
  };
}

export const running =
  <C>(run: (adapter: Adapter, intake: Intake, signal: AbortSignal) => Promise<void>): Broken<C> =>
  (deps, open) => {
    const adapter = open(deps);
    return but(adapter, { run: (intake, signal) => run(adapter, intake, signal) });
  };

/** Events reach the store another way than the adapter believes. */
export const accepting = <C>(
  accept: (intake: Intake, ...given: Parameters<Intake['accept']>) => ReturnType<Intake['accept']>,
): Broken<C> =>
  running((adapter, intake, signal) =>
    adapter.run(changed(intake, { accept: (...given) => accept(intake, ...given) }), signal),
  );

/** Nobody waits until the events are stored. */
export const unwaited = <C>(): Broken<C> =>
  accepting(async (intake, events, cursor) => {
    void intake.accept(events, cursor).catch(() => {});
    return { fresh: events.length };
  });

/** The end of the signal is not heard. */
export const deaf = <C>(): Broken<C> =>
  running((adapter, intake) => adapter.run(intake, new AbortController().signal));

export const delivering =
  <C>(deliver: (adapter: Adapter, ...args: Parameters<Adapter['deliver']>) => Promise<Outcome>): Broken<C> =>
  (deps, open) => {
    const adapter = open(deps);
    return but(adapter, { deliver: (part, signal) => deliver(adapter, part, signal) });
  };

/** Every outcome becomes another one. */
export const judging = <C>(wrong: (outcome: Outcome) => Outcome): Broken<C> =>
  delivering(async (adapter, part, signal) => wrong(await adapter.deliver(part, signal)));

/** A doubt is taken for a final refusal. */
export const refusing = <C>(): Broken<C> =>
  judging((outcome) =>
    outcome.kind === 'unknown' ? { kind: 'rejected', code: 'other', why: outcome.why } : outcome,
  );

/** What every adapter with a connection can get wrong in the same way. */
export const anyConnection = <C>(): readonly Break<C>[] => [
  {
    by: 'reconnecting by itself',
    caught: 'connection.breaks',
    adapter: running(async (adapter, intake, signal) => {
      while (!signal.aborted) await adapter.run(intake, signal).catch(() => pause());
    }),
  },
  {
    by: 'trying a refused credential again',
    caught: 'connection.credential',
    adapter: running((adapter, intake, signal) =>
      adapter.run(intake, signal).catch(() => adapter.run(intake, signal)),
    ),
  },
  {
    by: 'leaving a listener behind for every connection',
    caught: 'connection.leaks',
    adapter: running((adapter, intake, signal) => {
      signal.addEventListener('abort', () => {});
      return adapter.run(intake, signal);
    }),
  },
];

/** What the kit is told of a platform whose adapter is broken. */
export function brokenBy<C>(adapter: Broken<C>, right: Conformance<C>): Conformance<C> {
  const { platform } = right;
  return {
    ...right,
    platform: { ...platform, open: (deps) => adapter(deps, (given) => platform.open(given)) },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
