/** The suite every platform passes against its fake. A platform may skip an item only with a written reason. */
import { describe, expect, it } from 'vitest';
import type { Conformance } from './descriptor.ts';
import { type Item, items } from './items.ts';

/** Registers one test per item. To be called once, at the top of a test file. */
export function conformance<C>(of: Conformance<C>): void {
  const skips: Readonly<Record<string, string | undefined>> = of.skips ?? {};
  describe(`${of.platform.manifest.title} conforms`, () => {
    it('skips only known items, each for a reason', () => {
      expect(badSkips(skips)).toEqual([]);
    });
    for (const [name, item] of Object.entries<Item>(items)) {
      const reason = skips[name] ?? item.notFor?.(of);
      const title = `${name}: ${item.says}`;
      if (reason === undefined) it(title, { timeout: 30_000 }, () => item.check(of));
      else it.skip(`${title} (${reason})`, () => {});
    }
  });
}

/** Skips that name no item or give no reason. */
export function badSkips(skips: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(skips).flatMap(([name, reason]) => {
    if (!(name in items)) return [`${name} is not an item of the kit`];
    return reason === undefined || reason.trim().length < 10 ? [`${name} is skipped without a reason`] : [];
  });
}
