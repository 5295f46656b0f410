/** What a platform tells the kit about itself. */
import type { Inbound } from '../../src/core/inbound.ts';
import type { Outcome, Reject } from '../../src/core/outcome.ts';
import type { Platform, RawRequest } from '../../src/platforms/contract.ts';
import type { Fake } from '../../src/platforms/kit/fake.ts';

export interface Conformance<C> {
  readonly platform: Platform<C>;
  fake(): Promise<Fake>;
  /** A configuration for the fake, as a user would write it. Secrets in it are looked for in logs and errors. */
  config(fake: Fake): unknown;
  /** The same with a credential the fake refuses. */
  wrongCredential(fake: Fake): unknown;
  /** A message of a person, addressed to the bot, in the platform's own form; `n` makes it unique. */
  message(of: { readonly chat: string; readonly n: number; readonly text: string }): object;
  /** Two chats the fake knows. Default `a` and `b`. */
  readonly chats?: readonly [string, string];
  readonly samples: readonly Sample[];
  /** Where the platform can push events over HTTP. */
  readonly push?: Push;
  /** What answers of `deliver` mean where the platform differs from the rules of HTTP. */
  readonly outcomes?: Readonly<Record<number, readonly Outcome['kind'][]>>;
  /** Where the platform says no with codes of its own and not with statuses of HTTP. */
  readonly refusals?: Refusals;
  /** False = the platform says "too fast" and never for how long. */
  readonly namesWait?: false;
  /** Item → why this platform cannot meet it. Shown in the test report; a name that is no item fails. */
  readonly skips?: Readonly<Record<string, string>>;
}

export interface Refusals {
  /** Every documented code and what it means for one part; of a rejection with its code. */
  readonly codes: Readonly<
    Record<number, Exclude<Outcome['kind'], 'sent' | 'rejected'> | `rejected ${Reject}`>
  >;
  /** Codes that are documented nowhere: whatever they mean, nothing was sent. */
  readonly strange: readonly number[];
  /** The one of `codes` that says "too fast". */
  readonly tooFast: number;
}

export interface Push {
  /** A configuration that asks for pushes. */
  config(fake: Fake): unknown;
  /** The request the platform would make of an event, rightly signed. */
  request(event: object): RawRequest;
  /** The same, signed wrongly (`wrong`), not at all (`missing`) or too long ago (`stale`, if time is signed). */
  readonly forged: Readonly<Record<string, (event: object) => RawRequest>>;
}

export interface Sample {
  readonly name: string;
  readonly event: object;
  /** The inbound it becomes, at least these fields; ids as plain strings. Absent = it is no news for us. */
  readonly inbound?: Expected<Inbound>;
}

type Expected<T> = T extends string
  ? string
  : T extends object
    ? { readonly [K in keyof T]?: Expected<T[K]> }
    : T;
