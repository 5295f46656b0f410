/** All items of the kit, in the order they are reported. */
import { connectionItems } from './connection.ts';
import { deliveryItems } from './delivery.ts';
import type { Conformance } from './descriptor.ts';
import { hygieneItems } from './hygiene.ts';
import { intakeItems } from './intake.ts';
import { pushItems } from './push.ts';

export interface Item {
  /** The guarantee as a sentence. */
  readonly says: string;
  /** Why it does not concern a platform that declares itself like this. */
  notFor?<C>(of: Conformance<C>): string | undefined;
  /** Throws when the platform does not keep it. */
  check<C>(of: Conformance<C>): Promise<void>;
}

export const items: Readonly<Record<string, Item>> = {
  ...intakeItems,
  ...pushItems,
  ...connectionItems,
  ...deliveryItems,
  ...hygieneItems,
};
