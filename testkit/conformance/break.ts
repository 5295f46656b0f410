/** Ways to break an adapter on purpose, for the tests that the kit notices. */
import type { Outcome } from '../../src/core/outcome.ts';
import type { Adapter, Deps, Intake } from '../../src/platforms/contract.ts';

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

export const delivering =
  <C>(deliver: (adapter: Adapter, ...args: Parameters<Adapter['deliver']>) => Promise<Outcome>): Broken<C> =>
  (deps, open) => {
    const adapter = open(deps);
    return but(adapter, { deliver: (part, signal) => deliver(adapter, part, signal) });
  };

/** Every outcome becomes another one. */
export const judging = <C>(wrong: (outcome: Outcome) => Outcome): Broken<C> =>
  delivering(async (adapter, part, signal) => wrong(await adapter.deliver(part, signal)));

export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
